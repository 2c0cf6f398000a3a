"""What the service needs of gunicorn and gevent: the installed versions have it, and stand-ins that lack it are named."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from gevent import get_hub
from gunicorn.http.errors import ParseException
from gunicorn.http.wsgi import Response

from flushcheck.service.serving import internals
from flushcheck.service.serving.internals import (
    forget_websocket,
    gunicorn_response,
    gunicorn_worker,
    hand_over,
    loop_misfits,
    misfits,
    response_misfits,
    when_worker_known,
    worker_stops,
)
from tests.service.serving.workers import Worker


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch):
    monkeypatch.setattr(internals._Handover, "worker", None)
    monkeypatch.setattr(internals._Handover, "waiting", [])


def test_the_installed_versions_fit():
    assert misfits() == ()


def test_only_gunicorn_has_errors_of_its_own_for_chunks(monkeypatch):
    assert internals.chunk_errors() == (ParseException,)
    monkeypatch.delitem(sys.modules, "gunicorn.http.errors")
    assert internals.chunk_errors() == ()


class Later:
    """gunicorn's Response as a later version might have it."""

    def __init__(self, req, sock, cfg):
        self.headers_sent = False
        self.sent = 0
        self.headers = []
        self.chunked = False

    def start_response(self, status, headers):
        pass

    def default_headers(self):
        return []


class WithoutLines(Later):
    default_headers = None  # type: ignore[assignment]  # the point


class WithoutSent(Later):
    def __init__(self, *args):
        super().__init__(*args)
        del self.sent


class HeadersByName(Later):
    def __init__(self, *args):
        super().__init__(*args)
        self.headers = ()  # type: ignore[assignment]  # the point


class OneArgument(Later):
    def __init__(self, connection):
        super().__init__(None, None, None)


class ACallable(Later):
    start_response = staticmethod(print)


RESPONSES = [
    # class, what is missing
    (Response, []),
    (Later, []),
    (WithoutLines, ["gunicorn.http.wsgi.Response has no method default_headers"]),
    (WithoutSent, ["gunicorn.http.wsgi.Response has no attribute sent of type int"]),
    (HeadersByName, ["gunicorn.http.wsgi.Response has no attribute headers of type list"]),
    (OneArgument, ["gunicorn.http.wsgi.Response cannot be made of three arguments (TypeError)"]),
    (ACallable, ["gunicorn.http.wsgi.Response has no method start_response"]),
]


@pytest.mark.parametrize(("response", "missing"), RESPONSES, ids=[row[0].__name__ for row in RESPONSES])
def test_what_gunicorns_response_lacks_is_named(response, missing):
    assert list(response_misfits(response)) == missing


def refusing(**_options):
    raise TypeError("no such option")


WATCHER = SimpleNamespace(start=print, send=print)

LOOPS = [
    # name, loop, what is missing
    ("the installed one", lambda: get_hub().loop, []),
    ("all there", lambda: SimpleNamespace(io=print, async_=lambda ref: WATCHER), []),
    ("no io", lambda: SimpleNamespace(async_=lambda ref: WATCHER), ["gevent's loop has no method io"]),
    ("no async_", lambda: SimpleNamespace(io=print), ["gevent's loop has no method async_"]),
    (
        "another signature",
        lambda: SimpleNamespace(io=print, async_=refusing),
        ["gevent's loop makes no async watcher (TypeError)"],
    ),
    (
        "a watcher without send",
        lambda: SimpleNamespace(io=print, async_=lambda ref: SimpleNamespace(start=print)),
        ["gevent's async watcher has no method send"],
    ),
]


@pytest.mark.parametrize(("name", "loop", "missing"), LOOPS, ids=[row[0] for row in LOOPS])
def test_what_gevents_loop_lacks_is_named(name, loop: Callable[[], object], missing):
    assert list(loop_misfits(loop())) == missing


def test_a_response_is_found_behind_its_own_start_response_and_nothing_else():
    response = Response(None, None, None)

    class Http2(Response):  # type: ignore[misc]  # gunicorn ships no types
        pass

    assert gunicorn_response(response.start_response) is response
    assert gunicorn_response(Http2(None, None, None).start_response) is None
    assert gunicorn_response(lambda status, headers: response.start_response(status, headers)) is None
    assert gunicorn_response(Worker().handle_exit) is None


HANDLERS = [
    # what handles SIGTERM, whether it is a worker's
    (signal.SIG_DFL, False),
    (None, False),
    (lambda *_: None, False),
    (SimpleNamespace(alive=True).__repr__, False),  # it has `alive` and no settings
    (SimpleNamespace(cfg=Worker().cfg).__repr__, False),  # gunicorn's master: settings and no `alive`
    (Worker().handle_exit, True),
]


@pytest.mark.parametrize(("handler", "found"), HANDLERS)
def test_without_a_hook_the_worker_is_found_by_its_sigterm_handler(monkeypatch, handler, found):
    monkeypatch.setattr(signal, "getsignal", {signal.SIGTERM: handler}.get)
    assert gunicorn_worker() is (handler.__self__ if found else None)


def test_a_worker_that_a_hook_hands_over_wins(monkeypatch):
    handed, other = Worker(), Worker()
    monkeypatch.setattr(signal, "getsignal", {signal.SIGTERM: other.handle_exit}.get)
    hand_over(handed)
    assert gunicorn_worker() is handed
    assert not worker_stops()
    handed.alive = False
    assert worker_stops()


def test_what_waits_for_the_worker_is_called_once():
    calls: list[object] = []
    when_worker_known(lambda: calls.append(gunicorn_worker()))
    assert calls == []
    worker = Worker()
    hand_over(worker)
    assert calls == [worker]
    hand_over(Worker())
    assert len(calls) == 1


def test_a_websocket_is_forgotten_whatever_it_holds():
    ws = SimpleNamespace(environ={"a": 1}, sock=object(), mode="gunicorn")
    forget_websocket(ws)
    assert vars(ws) == {"mode": "gunicorn"}


def test_the_hook_may_import_this_before_gevent_patches():
    """What gevent patches must not be imported by then, or its own warnings are right."""
    code = (
        "import sys, flushcheck.service.serving.internals\n"
        "print(sorted({'ssl', 'socket', 'threading', 'select'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
