"""What to do about layers that are known to make pieces wait: by where they are defined.

Each line was seen to work on the version named, by a test that applies it.
"""

from __future__ import annotations

from flushcheck.taps.recorder import Layer

_ADVICE = {
    # Flask-Compress 1.25.
    "flask_compress.flask_compress.Compress": 'app.config["COMPRESS_STREAMS"] = False',
    # Django 5.2; from 6.1 it flushes each chunk.
    "django.middleware.gzip.GZipMiddleware": (
        'response["Content-Encoding"] = "identity" on the streamed response, or Django 6.1'
    ),
    # Django 5.2.
    "django.core.handlers.asgi.ASGIHandler": (
        "the view returns a synchronous iterator, which Django reads to its end under ASGI: make it an async "
        "generator (`async def` with `yield`)"
    ),
}


def advice(layer: Layer) -> str:
    """Return a line with the change to make; one that fits any layer where none is known."""
    known = _ADVICE.get(layer.path)
    if known:
        return f"  fix: {known}"
    return (
        f"  fix: {layer.name} ({layer.path}) must pass on each chunk when it gets it; leave streamed "
        "responses alone there"
    )
