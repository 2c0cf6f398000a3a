"""What a setup means for streams: how many fit, in one sentence, in every form, and with which exit code."""

from __future__ import annotations

import pytest

from flushcheck.configs.findings import Level
from flushcheck.configs.server_setup import GTHREAD, SYNC, AppServer
from flushcheck.diagnosis.app_server import Capacity, examine, exit_code
from flushcheck.reports.app_server import server_report_document, server_report_line, server_report_text
from tests.diagnosis.server_setups import NO_WORKER, SETUPS, gunicorn, other

LOOP = "a stream takes a task of the event loop, and no thread; code that blocks stops all of its process"
MEANINGS = [
    (gunicorn(), "a stream takes a greenlet: 900 at once in each process, then 503 with Retry-After"),
    (gunicorn(concurrency=100), "a stream takes a greenlet: 100 at once in each process, then 503 with Retry-After"),
    (gunicorn(concurrency=0), "a stream takes a greenlet: 900 at once in each process, then 503 with Retry-After"),
    (gunicorn(SYNC), "a process serves one request at a time: while it streams, other requests wait for another process"),
    (gunicorn("", **NO_WORKER), "how many streams fit into a process is not known: gunicorn's worker is not found"),
    (gunicorn("tornado"), "a WSGI app's response is sent when it is complete, and its process serves nothing else before; how many streams a Tornado app carries is not known"),
    (gunicorn("my.Worker"), "the worker class my.Worker is not known, so it is not known how many streams fit into a process"),
    (gunicorn("uvicorn", event_loop=True, concurrency=0), LOOP),
    (other(AppServer.UVICORN, event_loop=True, concurrency=1), f"{LOOP}. Above 1 at once new requests get 503"),
    (other(AppServer.GRANIAN, event_loop=True, concurrency=1024), f"{LOOP}. Above 1024 at once a new request waits"),
    (other(AppServer.GRANIAN, event_loop=True, limit_unknown=True), f"{LOOP}. Its limit is known only when it runs"),
    (other(AppServer.UVICORN, concurrency=10), "a stream takes one of the 10 threads of its process until the stream ends; when all are taken, a new request waits"),
    (other(AppServer.WAITRESS, concurrency=1), "a stream takes the only thread of its process until the stream ends; a new request waits"),
    (other(AppServer.UWSGI, concurrency=7, worker="gevent"), "a stream takes a greenlet of its process until the stream ends; a new request may wait"),
    (gunicorn(GTHREAD, concurrency=1), "a stream takes the only thread of its process until the stream ends; a new request waits"),
    (gunicorn(GTHREAD), "a stream takes one of the 1000 threads of its process until the stream ends; when all are taken, a new request waits"),
    (other(AppServer.UWSGI), "a stream takes one of the threads of its process until the stream ends; when all are taken, a new request waits"),
    (other(AppServer.MOD_WSGI, concurrency=1), "a stream takes the only thread of its process until the stream ends; a new request waits"),
    (other(AppServer.PASSENGER), "a process serves one request at a time; Passenger starts more, one by one, up to PassengerMaxPoolSize (default 6 for the whole server)"),
    (other(AppServer.FASTCGI, concurrency=2), "a stream takes one of at most 2 threads until the stream ends; more are refused"),
    (other(AppServer.FASTCGI, concurrency=1), "a stream takes a process until the stream ends; the web server starts more, up to its own limit"),
    (other(AppServer.CGI), "each request starts a process, which takes half a second and more; a stream takes it until the stream ends"),
    (other(AppServer.WERKZEUG), "a stream takes a thread; this server is for development"),
    (other(AppServer.UNKNOWN), "the server that runs the app is unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "meaning"), MEANINGS)
def test_what_a_setup_means(setup, meaning):
    assert examine(setup).meaning == meaning


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
    assert [f"{remark.level} {remark.id}" for remark in report.remarks] == remarks
    assert report.websocket == (setup.server in (AppServer.GUNICORN, AppServer.WERKZEUG) or setup.event_loop)


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_the_exit_code_says_the_same(setup):
    report = examine(setup)
    to_change = any(remark.level is not Level.NOTE for remark in report.remarks)
    assert exit_code(report) == (1 if to_change else 3 if report.capacity is Capacity.UNKNOWN else 0)


CAPACITIES = [
    # setup,                                                                what limits the streams, in words
    (gunicorn(),                                                            Capacity.COUNTED, "900 at once"),
    (gunicorn(processes=2),                                                 Capacity.COUNTED, "1800 at once, 900 at once in each process"),
    (gunicorn(processes=0),                                                 Capacity.COUNTED, "900 at once in each process"),
    (gunicorn("uvicorn", max_streams=0, concurrency=0, event_loop=True),    Capacity.UNLIMITED, "as many at once as are requested: the server sets no limit"),
    (gunicorn("my.Worker", concurrency=7),                                  Capacity.UNKNOWN, "not known how many at once"),
    (gunicorn("tornado", concurrency=7),                                    Capacity.UNKNOWN, "not known how many at once"),
    (other(AppServer.UVICORN, event_loop=True, limit_unknown=True),         Capacity.UNKNOWN, "not known how many at once"),
    (other(AppServer.WAITRESS),                                             Capacity.UNKNOWN, "not known how many at once"),
    (other(AppServer.WERKZEUG),                                             Capacity.UNLIMITED, "as many at once as are requested: the server sets no limit"),
    (other(AppServer.PASSENGER),                                            Capacity.WEB_SERVER, "as many at once as the web server has processes"),
    (other(AppServer.MOD_WSGI),                                             Capacity.WEB_SERVER, "as many at once as the web server has processes"),
    (other(AppServer.CGI),                                                  Capacity.WEB_SERVER, "as many at once as the web server has processes"),
    (other(AppServer.FASTCGI),                                              Capacity.WEB_SERVER, "as many at once as the web server has processes"),
    (other(AppServer.UNKNOWN),                                              Capacity.UNKNOWN, "not known how many at once"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "capacity", "words"), CAPACITIES)
def test_what_limits_the_streams_is_said(setup, capacity, words):
    report = examine(setup)
    assert report.capacity is capacity
    text = " ".join(server_report_text(report, width=200, color=False).split())
    assert f" streams {words} websocket " in text


@pytest.mark.parametrize(("setup", "words"), [
    (gunicorn("my.Worker", concurrency=7), "websocket  not known"),
    (gunicorn(), "websocket  yes"),
    (other(AppServer.UVICORN, event_loop=True, limit_unknown=True), "websocket  yes"),
    (other(AppServer.WAITRESS), "websocket  no\n"),
])  # fmt: skip
def test_a_worker_that_is_not_known_may_have_websockets_or_not(setup, words):
    assert words in server_report_text(examine(setup), width=80, color=False)


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_every_form_says_it(setup):
    report = examine(setup)
    text = server_report_text(report, width=80, color=False)
    assert " ".join(report.meaning.split()) in " ".join(text.split())
    line = server_report_line(report)
    assert "\n" not in line
    told = server_report_document(report)
    assert told["streams"] == report.streams
    for remark in report.remarks:
        assert remark.sentence in " ".join(text.split())
        assert f"fix: {remark.fix}" in text or not remark.fix
        assert (remark.sentence in line) == (remark.level is not Level.NOTE)
