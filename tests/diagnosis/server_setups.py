"""Server setups as values: what `flushcheck doctor` may find. Shared by the tests of the report and of its remarks."""

from __future__ import annotations

from flushcheck.configs.server_setup import GEVENT, GTHREAD, SYNC, AppServer, ServerSetup
from flushcheck.model.settings import UnknownSetting


def gunicorn(worker=GEVENT, **facts):
    usual = {
        "version": "27.0.1",
        "processes": 1,
        "timeout_s": 30,
        "gevent": "26.9.0",
        "patched": True,
        "max_streams": 900,
    }
    concurrency = {GEVENT: 1000, SYNC: 1, GTHREAD: 1000}.get(worker, 1)
    return ServerSetup(AppServer.GUNICORN, worker=worker, **{**usual, "concurrency": concurrency, **facts})


def other(server, **facts):
    return ServerSetup(server, **{"max_streams": 900, **facts})


OFF, MISFIT, NO_WORKER = (
    {"engine": False},
    {"engine_misfits": ("gunicorn 28", "gevent 30")},
    {"worker_found": False},
)

SETUPS = [
    # name,                      setup,                                                streams, ids by level
    ("as it ships",              gunicorn(),                                               900, []),
    ("two workers",              gunicorn(processes=2),                                   1800, []),
    ("connections too few",      gunicorn(concurrency=900),                                     900, ["warning gunicorn-worker-connections"]),
    ("far too few",              gunicorn(concurrency=100),                                     100, ["warning gunicorn-worker-connections"]),
    ("fewer streams asked for",  gunicorn(concurrency=100, max_streams=80),                      80, []),
    ("gevent missing",           gunicorn(gevent=""),                                      900, ["error "]),
    ("loaded too early",         gunicorn(preloaded=True, patched=False),                  900, ["error gunicorn-preload-app"]),
    ("loaded early, patched",    gunicorn(preloaded=True),                                 900, []),
    ("the engine off",           gunicorn(engine=False),                                   900, ["note "]),
    ("the engine does not fit",  gunicorn(engine_misfits=("gevent's loop has no method io",)), 900, ["warning "]),
    ("neither on nor fitting",   gunicorn(engine=False, engine_misfits=("X",)),            900, ["warning "]),
    ("the worker not found",     gunicorn("", concurrency=0, worker_found=False),                 0, ["warning "]),
    ("sync",                     gunicorn(SYNC),                                             1, ["error gunicorn-sync-worker"]),
    ("four sync workers",        gunicorn(SYNC, processes=4),                                4, ["error gunicorn-sync-worker"]),
    ("sync, preloaded",          gunicorn(SYNC, preloaded=True, patched=False),              1, ["error gunicorn-sync-worker"]),
    ("many threads",             gunicorn(GTHREAD),                                        900, []),
    ("threads for a few",        gunicorn(GTHREAD, concurrency=40),                              40, ["note app-server-limit"]),
    ("few threads",              gunicorn(GTHREAD, concurrency=4, processes=2),                   8, ["warning gunicorn-sync-worker"]),
    ("threads without gevent",   gunicorn(GTHREAD, gevent=""),                             900, ["note "]),
    ("another worker",           gunicorn("tornado"),                                        0, ["warning joined-response"]),
    ("uWSGI by default",        other(AppServer.UWSGI, processes=1, concurrency=1),                 1, ["warning app-server-limit", "note gateway-websocket"]),
    ("uWSGI",                    other(AppServer.UWSGI, processes=2, concurrency=100),             200, ["note app-server-limit", "note gateway-websocket"]),
    ("mod_wsgi inside Apache",   other(AppServer.MOD_WSGI, concurrency=25),                          0, ["note app-server-limit", "note gateway-websocket"]),
    ("Passenger",                other(AppServer.PASSENGER, concurrency=1),                          0, ["note gateway-websocket"]),
    ("mod_fcgid",                other(AppServer.FASTCGI),                                      0, ["note gateway-websocket"]),
    ("FastCGI by hand",          other(AppServer.FASTCGI, concurrency=200),                          0, ["note gateway-websocket"]),
    ("CGI",                      other(AppServer.CGI, concurrency=1),                                0, ["note gateway-websocket"]),
    ("Werkzeug",                 other(AppServer.WERKZEUG, processes=1, concurrency=900),          900, ["warning werkzeug-server"]),
    ("uvicorn",                  other(AppServer.UVICORN, max_streams=0, processes=2, event_loop=True), 0, []),
    ("uvicorn with a limit",     other(AppServer.UVICORN, max_streams=0, processes=2, concurrency=10, event_loop=True), 20, []),
    ("uvicorn, limit unknown",   other(AppServer.UVICORN, max_streams=0, processes=1, event_loop=True, limit_unknown=True), 0, []),
    ("waitress",                 other(AppServer.WAITRESS, max_streams=0, processes=1, concurrency=4), 4, ["warning app-server-limit", "note gateway-websocket"]),
    ("uvicorn's worker",         gunicorn("uvicorn", max_streams=0, concurrency=0, event_loop=True), 0, []),
    ("a worker of its own",      gunicorn("my.Worker"),                                      0, ["note "]),
    ("unknown",                  other(AppServer.UNKNOWN),                                      0, []),
    ("a misspelled name",          gunicorn(unknown_settings=(UnknownSetting("X", "Y"),)), 900, ["warning "]),
    ("another program's name",     gunicorn(unknown_settings=(UnknownSetting("X"),)),                 900, ["note "]),
    ("a value refused",          gunicorn(refused="X=0: expected more"),                   900, ["error "]),
    ("the worst first",          gunicorn(SYNC, unknown_settings=(UnknownSetting("X"),), refused="Y"),              1, ["error ", "error gunicorn-sync-worker", "note "]),
]  # fmt: skip
