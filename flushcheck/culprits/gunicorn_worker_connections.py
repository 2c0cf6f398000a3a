"""gunicorn's gevent worker whose connections streams can take, all of them."""

from __future__ import annotations

from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="gunicorn-worker-connections",
    title="streams can take every connection of a gunicorn worker (worker_connections)",
    why=(
        "A gevent worker accepts worker_connections connections (1000 by default). The app may allow as many "
        "streams or more; then streams take all of them, and the next request waits, health checks included."
    ),
    symptoms="All flows until many streams are open; then new requests get no response at all.",
    detection=(
        "`flushcheck doctor` compares worker_connections with FLUSHCHECK_MAX_STREAMS. A run makes too few "
        "streams to show it."
    ),
    fixes=(
        Fix(
            where="gunicorn",
            change="worker_connections = 1000",
            by=Owner.APP,
            note="more than the streams that the app allows: a tenth more, and 100 at least",
        ),
    ),
    references=("https://docs.gunicorn.org/en/stable/settings.html#worker-connections",),
    looks_like=("app-server-limit",),
    shown_by=frozenset({Source.APP}),
    shows=(Symptom(Flow.LATE),),
)
