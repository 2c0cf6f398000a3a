"""Werkzeug's own server, which `flask run` starts."""

from __future__ import annotations

from flushcheck.model import Culprit, Fix, Owner, Source

CULPRIT = Culprit(
    id="werkzeug-server",
    title="Werkzeug's own server (`flask run`) runs the app: it is for development",
    why=(
        "It starts a thread for each request, without a limit, and does not wait for streams when it stops: "
        "each restart of the reloader cuts them. Its documentation says not to use it in production."
    ),
    symptoms="Streams flow, and are cut whenever the server stops or reloads.",
    detection="`flushcheck doctor` sees the server in the app's process, or `flask run` in a command line.",
    fixes=(
        Fix(
            where="the command that starts the app",
            change="gunicorn -k gevent wsgi:app",
            by=Owner.APP,
            note="libraries that block in C need care under gevent",
        ),
    ),
    references=("https://flask.palletsprojects.com/en/stable/deploying/",),
    shown_by=frozenset({Source.APP}),
)
