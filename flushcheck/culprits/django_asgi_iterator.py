"""Django under ASGI with a view that returns a synchronous iterator."""

from __future__ import annotations

from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="django-asgi-iterator",
    title="Django reads a synchronous iterator to its end under ASGI before it sends any of it",
    why=(
        "StreamingHttpResponse takes synchronous and asynchronous iterators. Under ASGI Django cannot read a "
        "synchronous one without blocking its event loop, so it reads all of it in a thread first, and warns "
        "on stderr."
    ),
    symptoms="Header and body arrive at the end, for every client. Under WSGI the same view streams.",
    detection="The view made all its pieces before Django's ASGI handler handed out the first chunk.",
    fixes=(
        Fix(
            where="the app, the view",
            change="make it an async generator: `async def` with `yield`",
            by=Owner.APP,
            note="measured on 4.2, 5.2, 6.0 and 6.1; what the generator calls has to be asynchronous too",
        ),
        Fix(
            where="the app, its server",
            change="serve it by WSGI: gunicorn -k gevent",
            by=Owner.APP,
            cost="no asynchronous views, and libraries that block in C need care under gevent",
        ),
    ),
    references=(
        "https://docs.djangoproject.com/en/stable/ref/request-response/#django.http.StreamingHttpResponse",
    ),
    looks_like=("joined-response",),
    shown_by=frozenset({Source.APP, Source.TAP}),
    layers=("django.core.handlers.asgi.ASGIHandler",),
    shows=(Symptom(Flow.HELD),),
)
