"""The stacks: a server, a framework and its layers, and which of them holds the stream.

`seen` is what the observer measured at the reader, from the stamps of the view on. A guilty stack is measured once more
without its fault, and must flow then: so its layer is named by what taking it off does, not by what flushcheck says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

# Layers that hold -> what they are called where they are defined. Values that are no layer are faults of the view.
NAMES: Mapping[str, str] = {
    "compress": "Compress",
    "compress-gzip": "Compress",
    "log_body": "log_body",
    "this-request": "log_body",
    "blueprint": "log_body",
    "set_etag": "set_etag",
    "set_length": "set_length",
    "sign": "sign",
    "signing-class": "SigningFlask.process_response",
    "conditional": "conditional",
    "profiler": "ProfilerMiddleware",
    "joiner": "joiner",
    "length": "LengthMiddleware",
    "hash": "HashMiddleware",
    "audit": "audit",
    "list": "ListMiddleware",
    "slotted": "SlottedMiddleware",
    "text": "TextMiddleware",
    "throttle": "AsgiThrottle",
    "sniff": "SniffMiddleware",
    "batch": "BatchMiddleware",
    "later": "LaterMiddleware",
    "zip": "ZipMiddleware",
    "gzip": "GZipMiddleware",
    "django-log": "log_body",
    "digest": "DigestMiddleware",
    "quart-log": "log_quart_body",
    "base-log": "log_response",
    "http-log": "log_response",
    "base-audit": "AuditMiddleware",
    "brotli": "BrotliMiddleware",
    "zstd": "ZstdMiddleware",
    "asgi-compress": "CompressMiddleware",
    "asgi-joiner": "AsgiJoiner",
    "signer": "AsgiSigner",
    "asgi-zip": "AsgiZip",
}

ASGI_SERVERS = ("uvicorn", "hypercorn", "granian", "daphne", "gunicorn-uvicorn")


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack and what is to be said of it."""

    name: str
    server: str  # a key of serving.COMMANDS
    framework: str
    layers: tuple[str, ...] = ()  # outermost first
    guilty: str = ""  # a layer, "view" (its kind of iterator), "queue", "server" or "loop"; "" for none
    seen: str = "flowing"  # the shape at the reader; several where chance decides
    cause: str = ""  # of the tap's report; "" where nothing is held
    order: str = ""  # what the order check finds: "streams", "held" or "whole"
    view: str = ""  # other than the steady one
    route: str = "chunked"
    where: str = ""  # "mount" or "route": what the layers stand around, other than the app
    overlay: str = ""  # versions of libraries: a key of overlays.OVERLAYS
    options: tuple[str, ...] = ()  # of the server's command line

    @property
    def protocol(self) -> str:
        """What the server speaks to the app."""
        return "asgi" if self.server in ASGI_SERVERS else "wsgi"

    @property
    def named(self) -> str:
        """The name of the layer that holds; "" where none does."""
        if self.guilty == "view":
            return "ASGIHandler" if self.protocol == "asgi" else "WSGIHandler"
        return NAMES.get(self.guilty, "")

    @property
    def is_held(self) -> bool:
        """Whether the reader gets pieces later than they are made."""
        return self.seen != "flowing"

    def freed(self) -> Stack:
        """The same stack without its fault."""
        layers = tuple(layer for layer in self.layers if layer != self.guilty)
        view = "" if self.guilty in ("view", "loop") else self.view
        return replace(self, layers=layers, view=view, options=())


def _guilty(
    server: str,
    framework: str,
    layers: str,
    guilty: str,
    seen: str = "held",
    cause: str = "layer",
    **more: str,
) -> Stack:
    order = "held" if guilty in NAMES or guilty == "view" else "streams"
    return _stack(
        server, framework, layers, guilty=guilty, seen=seen, cause=cause, **{"order": order, **more}
    )


def _clean(server: str, framework: str, layers: str = "", **more: str) -> Stack:
    return _stack(server, framework, layers, **{"order": "streams", **more})


def _stack(server: str, framework: str, layers: str, **more: str) -> Stack:
    options = tuple(more.pop("options", "").split())
    named = [more.get("overlay", ""), more.get("view", ""), more.get("where", ""), more.get("route", "")]
    parts = [server, framework, "+".join((*layers.split(), *filter(None, named))) or "bare"]
    parts += ["-".join(option.strip("-") for option in options)] if options else []
    return Stack("/".join(parts), server, framework, tuple(layers.split()), options=options, **more)


_ROWS = (
    # Flask
    _clean("gunicorn-gthread", "flask"),
    _clean("gunicorn-sync", "flask", view="context"),
    _clean("gunicorn-gevent", "flask", "add_headers cors session"),
    _clean("waitress", "flask", "proxyfix add_headers"),
    _clean("cheroot", "flask", "whitenoise log_streams"),
    _clean("uwsgi", "flask", "sentry count_bytes"),
    _clean("granian-wsgi", "flask", "server-session add_headers"),
    _clean("waitress", "flask", "log_streams", view="thinking"),
    _guilty("granian-wsgi", "flask", "server-session conditional", "conditional"),
    _clean("gunicorn-gthread", "flask", "debugger lint"),
    _clean("gunicorn-gthread", "flask", "dispatcher cors"),
    _clean("gunicorn-gthread", "flask", "timed"),
    _clean("gunicorn-gthread", "flask", "compress", view="identity"),
    _clean("gunicorn-gthread", "flask", "compress-no-streams add_headers"),
    _guilty("cheroot", "flask", "compress-gzip", "compress-gzip"),
    _clean("waitress", "flask", "compress-default", route="events"),
    _guilty("gunicorn-gthread", "flask", "compress", "compress"),
    _guilty("gunicorn-gevent", "flask", "cors compress", "compress", route="events"),
    _guilty("waitress", "flask", "proxyfix compress session", "compress"),
    _guilty("uwsgi", "flask", "compress", "compress"),
    _guilty("gunicorn-gthread", "flask", "compress", "compress", overlay="flask-compress-1.13"),
    _guilty("cheroot", "flask", "compress", "compress", overlay="flask-compress-1.14", route="events"),
    _guilty("granian-wsgi", "flask", "compress", "compress", overlay="flask-compress-1.17"),
    _guilty("gunicorn-gthread", "flask", "cors log_body add_headers", "log_body"),
    _guilty("gunicorn-gevent", "flask", "set_etag", "set_etag", route="events"),
    _guilty("waitress", "flask", "set_length", "set_length"),
    _guilty("cheroot", "flask", "add_headers sign cors", "sign"),
    _guilty("uwsgi", "flask", "blueprint add_headers", "blueprint"),
    _guilty("gunicorn-gthread", "flask", "this-request add_headers", "this-request"),
    _guilty("gunicorn-sync", "flask", "signing-class add_headers", "signing-class"),
    _guilty("gunicorn-gthread", "flask", "proxyfix profiler cors", "profiler"),
    _guilty("granian-wsgi", "flask", "joiner add_headers", "joiner"),
    _guilty("gunicorn-gthread", "flask", "whitenoise hash cors", "hash"),
    _guilty("gunicorn-gthread", "flask", "dispatcher joiner", "joiner"),
    _guilty("gunicorn-sync", "flask", "cors", "queue", seen="late", cause="queue"),
    _clean("gunicorn-gthread", "flask", "compress-no-streams", view="slow", seen="held", cause="view", order="whole"),
    # Plain WSGI
    _clean("gunicorn-gthread", "wsgi", "passes_on"),
    _clean("waitress", "wsgi", "zip-flush"),
    _clean("cheroot", "wsgi", "proxyfix passes_on timed"),
    _clean("gunicorn-sync", "wsgi", "sentry", view="write"),
    _guilty("gunicorn-gthread", "wsgi", "passes_on joiner", "joiner"),
    _guilty("waitress", "wsgi", "length passes_on", "length"),
    _guilty("uwsgi", "wsgi", "proxyfix audit", "audit"),
    _guilty("gunicorn-gthread", "wsgi", "sentry list timed", "list"),
    _guilty("waitress", "wsgi", "timed slotted", "slotted"),
    _clean("granian-wsgi", "wsgi", "lint whitenoise"),
    _guilty("uwsgi", "wsgi", "timed sniff", "sniff", seen="late irregular"),
    _clean("gunicorn-gthread", "wsgi", "mark timed"),
    _guilty("cheroot", "wsgi", "length mark", "length"),
    _guilty("gunicorn-gevent", "wsgi", "batch", "batch", seen="ticks blocks irregular"),
    _guilty("cheroot", "wsgi", "later", "later", seen="one-late"),
    _guilty("granian-wsgi", "wsgi", "zip", "zip"),
    _guilty("waitress", "wsgi", "passes_on", "server", cause="path", options="--send-bytes=18000"),
    # Django under WSGI
    _clean("gunicorn-gthread", "django", "security common conditional csrf clickjacking"),
    _clean("waitress", "django", "update-cache session locale fetch-cache"),
    _clean("gunicorn-gevent", "django", "whitenoise cors count"),
    _clean("gunicorn-gthread", "django", "security gzip common", view="identity"),
    _clean("waitress", "django", "gzip", overlay="django-6.1"),
    _guilty("gunicorn-gthread", "django", "security gzip common", "gzip"),
    _guilty("uwsgi", "django", "gzip conditional", "gzip", route="events"),
    _guilty("waitress", "django", "gzip", "gzip", overlay="django-4.2"),
    _guilty("gunicorn-gthread", "django", "security django-log common", "django-log"),
    _guilty("granian-wsgi", "django", "conditional digest", "digest"),
    _guilty("gunicorn-sync", "django", "joiner common", "joiner"),
    _guilty("gunicorn-gthread", "django", "common", "view", cause="async-iterator", view="async"),
    _guilty("gunicorn-gthread", "django", "common", "view", cause="async-iterator", view="async", overlay="django-4.2"),
    _clean("gunicorn-gthread", "django", "common", view="slow", seen="held", cause="view", order="whole"),
    _guilty("uwsgi", "django", "session text cors", "text"),
    _clean("granian-wsgi", "django", "text", view="slow", seen="held", cause="view", order="whole"),
    _clean("uwsgi", "django", "security", view="decorated", seen="held", cause="view", order="whole"),
    # Django under ASGI
    _clean("granian", "django", "whitenoise header locale"),
    _clean("uvicorn", "django", "common", view="sync-view"),
    _guilty("gunicorn-uvicorn", "django", "session header common", "view", cause="sync-iterator", view="sync"),
    _clean("uvicorn", "django", "security common conditional clickjacking"),
    _clean("daphne", "django", "header common", route="events"),
    _clean("hypercorn", "django", "session cors"),
    _clean("uvicorn", "django", "gzip", overlay="django-6.1"),
    _guilty("uvicorn", "django", "common", "view", cause="sync-iterator", view="sync"),
    _guilty("daphne", "django", "header", "view", cause="sync-iterator", view="sync", overlay="django-4.2"),
    _guilty("granian", "django", "common", "view", cause="sync-iterator", view="sync", overlay="django-6.1"),
    _guilty("uvicorn", "django", "security gzip common", "gzip", seen="cut", cause="gzip-members"),
    _guilty("hypercorn", "django", "common django-log", "django-log"),
    _guilty("uvicorn", "django", "asgi-joiner common", "asgi-joiner"),
    # Starlette, FastAPI, Quart
    _clean("uvicorn", "starlette"),
    _clean("hypercorn", "starlette", "base session"),
    _clean("granian", "starlette", "cors trusted-host asgi-timer"),
    _clean("daphne", "starlette", "base-wrap base-timing", route="events"),
    _clean("gunicorn-uvicorn", "starlette", "gzip"),
    _clean("uvicorn", "starlette", "gzip", route="events"),
    _clean("uvicorn", "starlette", "sentry base", view="sync"),
    _clean("uvicorn", "starlette", "base", overlay="starlette-0.45"),
    _clean("uvicorn", "starlette", "gzip", route="events", overlay="starlette-1.4"),
    _clean("uvicorn", "starlette", "base", view="slow", seen="held", cause="view", order="whole"),
    _clean("hypercorn", "starlette", "brotli"),
    _clean("granian", "starlette", "zstd"),
    _clean("uvicorn", "starlette", "base gzip", view="thinking"),
    _guilty("uvicorn", "starlette", "cors asgi-compress", "asgi-compress"),
    _guilty("uvicorn", "starlette", "cors gzip base", "gzip", overlay="starlette-0.45"),
    _guilty("daphne", "starlette", "gzip", "gzip", overlay="starlette-0.45", route="events"),
    _guilty("hypercorn", "starlette", "gzip", "gzip", overlay="starlette-1.4"),
    _guilty("uvicorn", "starlette", "base-timing base-log cors", "base-log"),
    _guilty("granian", "starlette", "base-audit", "base-audit", route="events"),
    _guilty("uvicorn", "starlette", "asgi-timer asgi-joiner base", "asgi-joiner"),
    _guilty("hypercorn", "starlette", "signer asgi-timer", "signer"),
    _guilty("daphne", "starlette", "asgi-zip", "asgi-zip"),
    _guilty("uvicorn", "starlette", "gzip", "gzip", where="mount", overlay="starlette-1.4"),
    _guilty("uvicorn", "starlette", "asgi-joiner", "asgi-joiner", where="route"),
    _guilty("uvicorn", "starlette", "", "loop", seen="blocks irregular", cause="event-loop", view="threaded"),
    _clean("granian", "starlette", "queue base asgi-timer"),
    _clean("uvicorn", "starlette", "heartbeat base"),
    _guilty("hypercorn", "starlette", "base-audit heartbeat", "base-audit"),
    _guilty("uvicorn", "starlette", "asgi-timer throttle", "throttle", seen="flowing", order="streams"),
    _clean("uvicorn", "starlette", "", view="sleeping"),
    _guilty("gunicorn-uvicorn", "starlette", "sentry base brotli base-log", "base-log"),
    _clean("daphne", "fastapi", "http-pass base-timing gzip", route="events"),
    _clean("uvicorn", "wsgi_mount", "cors"),
    _guilty("uvicorn", "wsgi_mount", "add_headers compress", "compress"),
    _clean("uvicorn", "fastapi", "http-pass cors prometheus"),
    _clean("granian", "fastapi", "gzip session", where="mount"),
    _guilty("gunicorn-uvicorn", "fastapi", "cors http-log", "http-log"),
    _guilty("uvicorn", "fastapi", "gzip cors", "gzip", overlay="starlette-0.45", route="events"),
    _guilty("hypercorn", "fastapi", "base-audit", "base-audit", where="mount"),
    _clean("uvicorn", "quart", "quart-headers asgi-timer"),
    _clean("hypercorn", "quart", view="slow", seen="held", cause="view", order="whole"),
    _guilty("hypercorn", "quart", "quart-headers quart-log", "quart-log"),
    _guilty("uvicorn", "quart", "asgi-joiner quart-headers", "asgi-joiner"),
    _clean("uvicorn", "a2wsgi", "cors proxyfix"),
    _guilty("uvicorn", "a2wsgi", "compress", "compress"),
    _guilty("hypercorn", "a2wsgi", "log_body add_headers", "log_body"),
)  # fmt: skip

STACKS: Mapping[str, Stack] = {stack.name: stack for stack in _ROWS}
