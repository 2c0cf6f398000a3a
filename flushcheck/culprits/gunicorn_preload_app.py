"""gunicorn that loads the app before gevent has patched the standard library."""

from __future__ import annotations

from flushcheck.model import Culprit, Fix, Owner, Source

CULPRIT = Culprit(
    id="gunicorn-preload-app",
    title="gunicorn loads the app before gevent patches it (preload_app), so one wait blocks all streams",
    why=(
        "With preload_app the master loads the app, and gevent patches the standard library only in the "
        "worker. Locks, sockets and pools that the app has made by then are not patched: a greenlet that "
        "waits on one blocks the whole worker and all its streams."
    ),
    symptoms="Streams of one worker stop and continue at the same moments.",
    detection="`flushcheck doctor` finds preload_app with a gevent worker that has not patched before.",
    fixes=(
        Fix(
            where="gunicorn",
            change="preload_app = False",
            by=Owner.APP,
            cost="each worker loads the app by itself, which takes more memory",
            note="or call gevent.monkey.patch_all() on the first line of gunicorn's settings file",
        ),
    ),
    references=("https://docs.gunicorn.org/en/stable/settings.html#preload-app",),
    shown_by=frozenset({Source.APP}),
)
