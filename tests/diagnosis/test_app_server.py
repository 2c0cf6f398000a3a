"""What a setup means for streams: facts in, statements out."""

from __future__ import annotations

import pytest

from flushcheck.configs.findings import Level
from flushcheck.diagnosis.app_server import GEVENT, GTHREAD, SYNC, AppServer, ServerSetup, examine, exit_code
from flushcheck.model.settings import UnknownSetting
from flushcheck.reports.app_server import server_report_document, server_report_line, server_report_text


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


SETUPS = [
    # name,                      setup,                                                streams, ids by level
    ("as it ships",              gunicorn(),                                               900, []),
    ("two workers",              gunicorn(processes=2),                                   1800, []),
    ("connections too few",      gunicorn(concurrency=900),                                     900, ["warning worker-connections"]),
    ("far too few",              gunicorn(concurrency=100),                                     100, ["warning worker-connections"]),
    ("fewer streams asked for",  gunicorn(concurrency=100, max_streams=80),                      80, []),
    ("gevent missing",           gunicorn(gevent=""),                                      900, ["error gevent"]),
    ("loaded too early",         gunicorn(preloaded=True, patched=False),                  900, ["error preload-app"]),
    ("loaded early, patched",    gunicorn(preloaded=True),                                 900, []),
    ("the engine off",           gunicorn(engine=False),                                   900, ["note engine"]),
    ("the engine does not fit",  gunicorn(engine_misfits=("gevent's loop has no method io",)), 900, ["warning engine"]),
    ("neither on nor fitting",   gunicorn(engine=False, engine_misfits=("X",)),            900, ["warning engine"]),
    ("the worker not found",     gunicorn("", concurrency=0, worker_found=False),                 0, ["warning gunicorn-worker"]),
    ("sync",                     gunicorn(SYNC),                                             1, ["error gunicorn-sync-worker"]),
    ("four sync workers",        gunicorn(SYNC, processes=4),                                4, ["error gunicorn-sync-worker"]),
    ("sync, preloaded",          gunicorn(SYNC, preloaded=True, patched=False),              1, ["error gunicorn-sync-worker"]),
    ("many threads",             gunicorn(GTHREAD),                                        900, []),
    ("threads for a few",        gunicorn(GTHREAD, concurrency=40),                              40, ["note threads"]),
    ("few threads",              gunicorn(GTHREAD, concurrency=4, processes=2),                   8, ["warning gunicorn-sync-worker"]),
    ("threads without gevent",   gunicorn(GTHREAD, gevent=""),                             900, ["note gevent"]),
    ("another worker",           gunicorn("tornado"),                                        1, ["warning worker-class"]),
    ("uWSGI by default",        other(AppServer.UWSGI, processes=1, concurrency=1),                 1, ["warning threads", "note websocket"]),
    ("uWSGI",                    other(AppServer.UWSGI, processes=2, concurrency=100),             200, ["note threads", "note websocket"]),
    ("mod_wsgi inside Apache",   other(AppServer.MOD_WSGI, concurrency=25),                          0, ["note threads", "note websocket"]),
    ("Passenger",                other(AppServer.PASSENGER, concurrency=1),                          0, ["note websocket"]),
    ("mod_fcgid",                other(AppServer.FASTCGI),                                      0, ["note websocket"]),
    ("FastCGI by hand",          other(AppServer.FASTCGI, concurrency=200),                          0, ["note websocket"]),
    ("CGI",                      other(AppServer.CGI, concurrency=1),                                0, ["note websocket"]),
    ("Werkzeug",                 other(AppServer.WERKZEUG, processes=1, concurrency=900),          900, ["warning werkzeug"]),
    ("unknown",                  other(AppServer.UNKNOWN),                                      0, []),
    ("a misspelled name",          gunicorn(unknown_settings=(UnknownSetting("X", "Y"),)), 900, ["warning setting"]),
    ("another program's name",     gunicorn(unknown_settings=(UnknownSetting("X"),)),                 900, ["note setting"]),
    ("a value refused",          gunicorn(refused="X=0: expected more"),                   900, ["error setting"]),
    ("the worst first",          gunicorn(SYNC, unknown_settings=(UnknownSetting("X"),), refused="Y"),              1, ["error setting", "error gunicorn-sync-worker", "note setting"]),
]  # fmt: skip


# What no other table holds: the edges of each condition, and what is said.
OFF, MISFIT, NO_WORKER = (
    {"engine": False},
    {"engine_misfits": ("gunicorn 28", "gevent 30")},
    {"worker_found": False},
)
EDGES = [
    # name,                              setup,                                                           ids by level
    ("connections above the streams",    gunicorn(concurrency=901),                                       []),
    ("as many connections as streams",   gunicorn(concurrency=900),                                       ["warning worker-connections"]),
    ("one connection",                   gunicorn(concurrency=1),                                         ["warning worker-connections"]),
    ("connections not known",            gunicorn(concurrency=0),                                         []),
    ("sixteen threads in all",           gunicorn(GTHREAD, concurrency=4, processes=4),                   ["note threads"]),
    ("fifteen threads in all",           gunicorn(GTHREAD, concurrency=5, processes=3),                   ["warning gunicorn-sync-worker"]),
    ("fifteen, processes not known",     gunicorn(GTHREAD, concurrency=15, processes=0),                  ["warning gunicorn-sync-worker"]),
    ("sixteen, processes not known",     gunicorn(GTHREAD, concurrency=16, processes=0),                  ["note threads"]),
    ("as many threads as streams",       gunicorn(GTHREAD, concurrency=900),                              ["note threads"]),
    ("threads above the streams",        gunicorn(GTHREAD, concurrency=901),                              []),
    ("threads not known",                other(AppServer.UWSGI),                                          ["note websocket"]),
    ("preloaded, sync",                  gunicorn(SYNC, preloaded=True, patched=True),                    ["error gunicorn-sync-worker"]),
    ("patched and not preloaded",        gunicorn(preloaded=False, patched=False),                        []),
    ("another worker without gevent",    gunicorn("tornado", gevent=""),                                  ["warning worker-class", "note gevent"]),
    ("sync without gevent",              gunicorn(SYNC, gevent=""),                                       ["error gunicorn-sync-worker"]),
    ("the engine is off",                gunicorn(**OFF),                                                 ["note engine"]),
    ("the engine does not fit",          gunicorn(**MISFIT),                                              ["warning engine"]),
    ("it does not fit, and is off",      gunicorn(**MISFIT, **OFF),                                       ["warning engine"]),
    ("the worker is not found",          gunicorn(**NO_WORKER),                                           ["warning gunicorn-worker"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "setup", "remarks"), EDGES, ids=[name for name, *_ in EDGES])
def test_each_side_of_a_condition(name, setup, remarks):
    assert [f"{advice.level} {advice.id}" for advice in examine(setup).remarks] == remarks


MEANINGS = [
    (gunicorn(), "a stream takes a greenlet: 900 at once in each process, then 503 with Retry-After"),
    (gunicorn(concurrency=100), "a stream takes a greenlet: 100 at once in each process, then 503 with Retry-After"),
    (gunicorn(concurrency=0), "a stream takes a greenlet: 900 at once in each process, then 503 with Retry-After"),
    (gunicorn(SYNC), "a process serves one request at a time: while it streams, other requests wait for another process"),
    (gunicorn("", **NO_WORKER), "how many streams fit into a process is not known: gunicorn's worker is not found"),
    (gunicorn("tornado"), "the worker class tornado is unknown"),
    (gunicorn(GTHREAD), "a stream takes one of the 1000 threads of its process until it is over; when all are taken, a new request waits"),
    (other(AppServer.UWSGI), "a stream takes one of the threads of its process until it is over; when all are taken, a new request waits"),
    (other(AppServer.MOD_WSGI, concurrency=1), "a stream takes one of the 1 thread of its process until it is over; when all are taken, a new request waits"),
    (other(AppServer.PASSENGER), "a process serves one request at a time; Passenger starts more, one by one, up to PassengerMaxPoolSize (default 6 for the whole server)"),
    (other(AppServer.FASTCGI, concurrency=2), "a stream takes one of at most 2 threads until it is over; more are refused"),
    (other(AppServer.FASTCGI, concurrency=1), "a stream takes a process until it is over; the web server starts more, up to its own limit"),
    (other(AppServer.CGI), "each request starts a process, which takes half a second and more; a stream takes it until it is over"),
    (other(AppServer.WERKZEUG), "a stream takes a thread; this server is for development"),
    (other(AppServer.UNKNOWN), "the server that runs the app is unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "meaning"), MEANINGS)
def test_what_a_setup_means(setup, meaning):
    assert examine(setup).meaning == meaning


GEVENT_LINE = "pip install 'gunicorn[gevent]'"
ADVICE = [
    # setup, the first advice, its fix
    (gunicorn(refused="X=0"), "the service would not start: X=0", ""),
    (gunicorn(unknown_settings=(UnknownSetting("X", "Y"),)), "X is not a setting of flushcheck: did you mean Y?", ""),
    (other(AppServer.WERKZEUG), "Werkzeug's own server is for development: it has no limits and cuts streams when it stops",
     "gunicorn -c deploy/gunicorn.conf.py wsgi:app"),
    (other(AppServer.CGI), "CGI gives the app no connection: the response to a WebSocket handshake is 501, and clients fall back", ""),
    (gunicorn(SYNC), "a sync worker serves one stream at a time, and is killed when one lasts 30 s (timeout): 1 stream in all", "gunicorn -k gevent"),
    (gunicorn(SYNC, timeout_s=0, processes=0), "a sync worker serves one stream at a time: 1 stream in all", "gunicorn -k gevent"),
    (gunicorn(SYNC, timeout_s=0, processes=2, gevent=""), "a sync worker serves one stream at a time: 2 streams in all",
     f"{GEVENT_LINE}, then: gunicorn -k gevent"),
    (gunicorn(**NO_WORKER), "gunicorn's worker is not found, so its settings are unknown, and streams are cut when it stops",
     "gunicorn -c deploy/gunicorn.conf.py wsgi:app"),
    (gunicorn("tornado"), "the worker class tornado was not tested", "gunicorn -k gevent"),
    (gunicorn(GTHREAD, gevent=""), "gevent is not installed: with it, a stream takes no thread", GEVENT_LINE),
    (gunicorn(gevent=""), "gevent is not installed: gunicorn does not start with a gevent worker", GEVENT_LINE),
    (gunicorn(preloaded=True, patched=False),
     "preload_app loads the app before gevent has patched the standard library: what it made by then (locks, sockets, pools) blocks a whole worker and all its streams", "preload_app = False"),
    (gunicorn(**MISFIT), "the stream engine does not fit the installed versions: gunicorn 28; gevent 30. Each stream is written by its own greenlet, at about twice the processor time", "pip install 'gunicorn==27.0.1' 'gevent==26.9.0'"),
    (gunicorn(**OFF), "FLUSHCHECK_ENGINE=off: each stream is written by its own greenlet, at about twice the processor time",
     "FLUSHCHECK_ENGINE=on"),
    (gunicorn(concurrency=900), "worker_connections 900 is not above FLUSHCHECK_MAX_STREAMS 900: streams can take every connection, and then even a health check waits", "worker_connections = 1000"),
    (gunicorn(concurrency=9, max_streams=2000), "worker_connections 9 is not above FLUSHCHECK_MAX_STREAMS 2000: streams can take every connection, and then even a health check waits", "worker_connections = 2200"),
    (gunicorn(GTHREAD, concurrency=4, processes=2), "8 streams at once in all; the next request waits until one is over",
     "gunicorn -k gevent, or --threads 100"),
    (other(AppServer.UWSGI, concurrency=1), "1 stream at once in all; the next request waits until one is over", "threads = 100"),
    (other(AppServer.MOD_WSGI, concurrency=5), "5 streams at once in all; the next request waits until one is over",
     "WSGIDaemonProcess ... threads=100"),
    (gunicorn(GTHREAD, concurrency=40), "40 threads in a process, not above FLUSHCHECK_MAX_STREAMS 900: streams can take them all, and then even a health check waits", "FLUSHCHECK_MAX_STREAMS=36"),
    (gunicorn(GTHREAD, concurrency=4, processes=4), "4 threads in a process, not above FLUSHCHECK_MAX_STREAMS 900: streams can take them all, and then even a health check waits", "FLUSHCHECK_MAX_STREAMS=3"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "sentence", "fix"), ADVICE)
def test_what_is_advised(setup, sentence, fix):
    first = examine(setup).remarks[0]
    assert (first.sentence, first.fix) == (sentence, fix)


NAMED = [
    # setup,                                             name,                                            streams in a process, in all
    (gunicorn(processes=2),                              "gunicorn 27.0.1, gevent worker, 2 processes",   900, 1800),
    (gunicorn(SYNC, concurrency=7, max_streams=0),       "gunicorn 27.0.1, sync worker, 1 process",       1, 1),
    (gunicorn(max_streams=0, concurrency=7),             "gunicorn 27.0.1, gevent worker, 1 process",     7, 7),
    (other(AppServer.UWSGI, processes=3),                "uWSGI, 3 processes",                            0, 0),
    (other(AppServer.PASSENGER, version="6"),            "Passenger 6",                                   0, 0),
    (other(AppServer.MOD_WSGI),                          "mod_wsgi",                                      0, 0),
    (other(AppServer.FASTCGI),                           "FastCGI",                                       0, 0),
    (other(AppServer.CGI),                               "CGI",                                           0, 0),
    (other(AppServer.WERKZEUG),                          "Werkzeug's own server",                         0, 0),
    (other(AppServer.UNKNOWN),                           "an unknown server",                             0, 0),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "name", "each", "streams"), NAMED)
def test_what_a_report_is_headed_by(setup, name, each, streams):
    report = examine(setup)
    assert (report.name, report.streams_per_process, report.streams) == (name, each, streams)
    assert (report.runs_under, report.version, report.worker) == (setup.server, setup.version, setup.worker)
    assert report.processes == setup.processes


@pytest.mark.parametrize(("name", "setup", "streams", "remarks"), SETUPS, ids=[name for name, *_ in SETUPS])
def test_a_setup_is_judged(name, setup, streams, remarks):
    report = examine(setup)
    assert report.streams == streams
    assert [f"{advice.level} {advice.id}" for advice in report.remarks] == remarks
    assert report.websocket == (setup.server in (AppServer.GUNICORN, AppServer.WERKZEUG))


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_the_exit_code_says_the_same(setup):
    report = examine(setup)
    to_change = any(advice.level is not Level.NOTE for advice in report.remarks)
    assert exit_code(report) == (1 if to_change else 3 if setup.server is AppServer.UNKNOWN else 0)


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_every_form_says_it(setup):
    report = examine(setup)
    text = server_report_text(report, width=80, color=False)
    assert " ".join(report.meaning.split()) in " ".join(text.split())
    line = server_report_line(report)
    assert "\n" not in line
    told = server_report_document(report)
    assert told["streams"] == report.streams
    for advice in report.remarks:
        assert advice.sentence in " ".join(text.split())
        assert f"fix: {advice.fix}" in text or not advice.fix
        assert (advice.sentence in line) == (advice.level is not Level.NOTE)


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_the_fix_of_a_number_is_no_fault_itself(setup):
    """What the doctor prints for connections and streams satisfies the doctor."""
    for advice in examine(setup).remarks:
        if advice.id == "worker-connections":
            connections = int(advice.fix.rpartition(" ")[2])
            assert examine(gunicorn(concurrency=connections, max_streams=setup.max_streams)).remarks == ()
        if advice.fix.startswith("FLUSHCHECK_MAX_STREAMS="):
            assert 0 < int(advice.fix.rpartition("=")[2]) < setup.concurrency
