"""What to know about a server setup, or to change in it: a row on each side of each condition."""

from __future__ import annotations

import pytest

from flushcheck.configs.server_setup import GTHREAD, SYNC, AppServer
from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.app_server import examine
from flushcheck.model.settings import UnknownSetting
from tests.diagnosis.server_setups import MISFIT, NO_WORKER, OFF, SETUPS, gunicorn, other

# What SETUPS does not hold: the edges of each condition.
EDGES = [
    # name,                              setup,                                                           ids by level
    ("connections above the streams",    gunicorn(concurrency=901),                                       []),
    ("as many connections as streams",   gunicorn(concurrency=900),                                       ["warning gunicorn-worker-connections"]),
    ("one connection",                   gunicorn(concurrency=1),                                         ["warning gunicorn-worker-connections"]),
    ("connections not known",            gunicorn(concurrency=0),                                         []),
    ("sixteen threads in all",           gunicorn(GTHREAD, concurrency=4, processes=4),                   ["note app-server-limit"]),
    ("fifteen threads in all",           gunicorn(GTHREAD, concurrency=5, processes=3),                   ["warning gunicorn-sync-worker"]),
    ("fifteen, processes not known",     gunicorn(GTHREAD, concurrency=15, processes=0),                  ["warning gunicorn-sync-worker"]),
    ("sixteen, processes not known",     gunicorn(GTHREAD, concurrency=16, processes=0),                  ["note app-server-limit"]),
    ("as many threads as streams",       gunicorn(GTHREAD, concurrency=900),                              ["note app-server-limit"]),
    ("threads above the streams",        gunicorn(GTHREAD, concurrency=901),                              []),
    ("threads not known",                other(AppServer.UWSGI),                                          ["note gateway-websocket"]),
    ("preloaded, sync",                  gunicorn(SYNC, preloaded=True, patched=True),                    ["error gunicorn-sync-worker"]),
    ("patched and not preloaded",        gunicorn(preloaded=False, patched=False),                        []),
    ("another worker without gevent",    gunicorn("tornado", gevent=""),                                  ["warning joined-response"]),
    ("sync without gevent",              gunicorn(SYNC, gevent=""),                                       ["error gunicorn-sync-worker"]),
    ("the engine is off",                gunicorn(**OFF),                                                 ["note "]),
    ("the engine does not fit",          gunicorn(**MISFIT),                                              ["warning "]),
    ("it does not fit, and is off",      gunicorn(**MISFIT, **OFF),                                       ["warning "]),
    ("uvicorn's worker",                 gunicorn("uvicorn", concurrency=0, event_loop=True, gevent=""), []),
    ("a worker of its own",              gunicorn("my.Worker", gevent=""),                                ["note "]),
    ("uvicorn without a limit",          other(AppServer.UVICORN, max_streams=0, event_loop=True),        []),
    ("uvicorn with a high limit",        other(AppServer.UVICORN, max_streams=0, event_loop=True, concurrency=16), []),
    ("granian with a WSGI app",          other(AppServer.GRANIAN, max_streams=0, concurrency=512),        ["note gateway-websocket"]),
    ("sixteen threads of waitress",      other(AppServer.WAITRESS, max_streams=0, concurrency=16),        ["note gateway-websocket"]),
    ("a FastCGI server of few threads",  other(AppServer.FASTCGI, concurrency=2),                         ["note gateway-websocket"]),
    ("the worker is not found",          gunicorn(**NO_WORKER),                                           ["warning "]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "setup", "remarks"), EDGES, ids=[name for name, *_ in EDGES])
def test_each_side_of_a_condition(name, setup, remarks):
    assert [f"{remark.level} {remark.id}" for remark in examine(setup).remarks] == remarks


def test_a_remark_has_the_id_of_a_culprit_or_none():
    for setup in [row[1] for row in EDGES] + [row[1] for row in SETUPS]:
        for remark in examine(setup).remarks:
            assert remark.id in CULPRITS or not remark.id


GEVENT_LINE = "pip install 'gunicorn[gevent]'"
REMARKS = [
    # setup, its first remark, the fix
    (gunicorn(refused="X=0"), "the service would not start: X=0", ""),
    (gunicorn(unknown_settings=(UnknownSetting("X", "Y"),)), "X is not a setting of flushcheck: did you mean Y?", ""),
    (other(AppServer.WERKZEUG), "Werkzeug's own server is for development: it has no limits and cuts streams when it stops",
     "gunicorn -k gevent wsgi:app"),
    (other(AppServer.CGI), "CGI gives the app no connection: a WebSocket is refused (status 501 from the service), and clients fall back", ""),
    (other(AppServer.WAITRESS, max_streams=0, concurrency=4, processes=1), "4 streams at once in all; the next request waits until one ends", "--threads=100 --connection-limit=200"),
    (other(AppServer.CHEROOT, max_streams=0, concurrency=15), "15 streams at once in all; the next request waits until one ends", "--threads 100"),
    (other(AppServer.UVICORN, max_streams=0, concurrency=10, event_loop=True), "10 streams at once in all; the next request gets 503", "--limit-concurrency 1000"),
    (other(AppServer.UVICORN, max_streams=0, concurrency=10), "10 streams at once in all; the next request waits until one ends", "gunicorn -k gevent"),
    (other(AppServer.HYPERCORN, max_streams=0, concurrency=6), "6 streams at once in all; the next request waits until one ends", "gunicorn -k gevent"),
    (other(AppServer.GRANIAN, max_streams=0, concurrency=5, event_loop=True), "5 streams at once in all; the next request waits until one ends", "--blocking-threads 100 --backpressure 1000"),
    (gunicorn("my.Worker", event_loop=False), "the worker class my.Worker is not known here: start the app and count the streams", ""),
    (gunicorn(SYNC), "a sync worker serves one stream at a time: 1 stream in all; gunicorn kills the worker when a stream lasts 30 s (timeout)", "gunicorn -k gevent"),
    (gunicorn(SYNC, timeout_s=0, processes=0), "a sync worker serves one stream at a time: 1 stream in all", "gunicorn -k gevent"),
    (gunicorn(SYNC, timeout_s=0, processes=2, gevent=""), "a sync worker serves one stream at a time: 2 streams in all",
     f"{GEVENT_LINE}, then: gunicorn -k gevent"),
    (gunicorn(**NO_WORKER), "gunicorn's worker is not found, so its settings are unknown, and streams are cut when it stops",
     "gunicorn -c deploy/gunicorn.conf.py wsgi:app"),
    (gunicorn("tornado"), "the tornado worker sends a WSGI app's response when it is complete; only a Tornado app streams", "for a WSGI app: gunicorn -k gevent"),
    (gunicorn(GTHREAD, gevent=""), "gevent is not installed: with it, a stream takes no thread", GEVENT_LINE),
    (gunicorn(gevent=""), "gevent is not installed: gunicorn does not start with a gevent worker", GEVENT_LINE),
    (gunicorn(preloaded=True, patched=False),
     "preload_app loads the app before gevent has patched the standard library: locks, sockets and pools that it has made by then block the whole worker and all its streams", "preload_app = False"),
    (gunicorn(**MISFIT), "the stream engine does not fit the installed versions: gunicorn 28; gevent 30. Each stream is written by its own greenlet, at about twice the processor time", "pip install 'gunicorn==27.0.1' 'gevent==26.9.0'"),
    (gunicorn(**OFF), "FLUSHCHECK_ENGINE=off: each stream is written by its own greenlet, at about twice the processor time",
     "FLUSHCHECK_ENGINE=on"),
    (gunicorn(concurrency=900), "worker_connections 900 is not above FLUSHCHECK_MAX_STREAMS 900: streams can take every connection, and then even a health check waits", "worker_connections = 1000"),
    (gunicorn(concurrency=9, max_streams=2000), "worker_connections 9 is not above FLUSHCHECK_MAX_STREAMS 2000: streams can take every connection, and then even a health check waits", "worker_connections = 2200"),
    (gunicorn(GTHREAD, concurrency=4, processes=2), "8 streams at once in all; the next request waits until one ends",
     "gunicorn -k gevent, or --threads 100"),
    (other(AppServer.UWSGI, concurrency=1), "1 stream at once in all; the next request waits until one ends", "threads = 100"),
    (other(AppServer.MOD_WSGI, concurrency=5), "5 streams at once in all; the next request waits until one ends",
     "WSGIDaemonProcess ... threads=100"),
    (gunicorn(GTHREAD, concurrency=40), "40 threads in a process, not above FLUSHCHECK_MAX_STREAMS 900: streams can take them all, and then even a health check waits", "FLUSHCHECK_MAX_STREAMS=36"),
    (gunicorn(GTHREAD, concurrency=4, processes=4), "4 threads in a process, not above FLUSHCHECK_MAX_STREAMS 900: streams can take them all, and then even a health check waits", "FLUSHCHECK_MAX_STREAMS=3"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "sentence", "fix"), REMARKS)
def test_what_is_advised(setup, sentence, fix):
    first = examine(setup).remarks[0]
    assert (first.sentence, first.fix) == (sentence, fix)


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_the_fix_of_a_number_is_no_fault_itself(setup):
    """What the doctor prints for connections and streams satisfies the doctor."""
    for remark in examine(setup).remarks:
        if remark.id == "gunicorn-worker-connections":
            connections = int(remark.fix.rpartition(" ")[2])
            assert examine(gunicorn(concurrency=connections, max_streams=setup.max_streams)).remarks == ()
        if remark.fix.startswith("FLUSHCHECK_MAX_STREAMS="):
            assert 0 < int(remark.fix.rpartition("=")[2]) < setup.concurrency
