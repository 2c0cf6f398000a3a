"""`assert_streams`: one request to an app, and a failure that names the layer that makes pieces wait."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from typing import Any

from flushcheck.measurement.plan import BROWSER_ENCODINGS
from flushcheck.model import UsageError
from flushcheck.taps.apps import tapped
from flushcheck.taps.chain import takes_asgi
from flushcheck.taps.django_app import django_handler
from flushcheck.taps.recorder import SERVER, Layer, Recorder
from flushcheck.testing.calling import AppRequest, call_asgi, call_wsgi
from flushcheck.testing.content import content_sizes
from flushcheck.testing.order import MAX_WAITING, StreamOrder, TapChunks, stream_order
from flushcheck.testing.sentences import failure, nothing_passed, second_header

DEFAULT_TIMEOUT_S = 30.0
MAX_PIECES = 1000

# Tasks between a view and the server: each takes a turn to pass on a chunk. BaseHTTPMiddleware takes 4 turns
# (Starlette 1.10); some of them may stand in a row.
TURNS = 50

# Where the test clients of frameworks keep their app: Flask and Werkzeug, Starlette and FastAPI.
_CLIENT_ATTRIBUTES = ("application", "app")


class NotStreaming(AssertionError):
    """Pieces wait in the app, or its response is no stream."""

    def __init__(
        self, message: str, order: StreamOrder | None = None, layers: tuple[Layer, ...] = ()
    ) -> None:
        super().__init__(message)
        self.order = order  # of the pieces; None if the response was not at its end
        self.layers = layers  # those that make pieces wait, from the innermost outwards


def assert_streams(
    app: Any,
    url: str = "/",
    *,
    method: str = "",
    headers: Mapping[str, str] | None = None,
    json: object = None,
    data: bytes | str = b"",
    min_pieces: int = 3,
    max_pieces: int = 100,
    max_waiting: int = MAX_WAITING,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> StreamOrder:
    """Assert that each piece that the app makes is handed to the server before the next one is made.

    Args:
        app: a WSGI or ASGI app, or a test client of Flask, Django, Starlette or FastAPI. Its middlewares have
            taps while this runs: do not use it for other requests meanwhile.
        url: path and query.
        method: POST if there is a body, else GET.
        headers: of the request. A browser's Accept-Encoding is added.
        json: a body, sent as JSON.
        data: a body as it is.
        min_pieces: so many pieces at least are expected.
        max_pieces: the stream is closed after so many.
        max_waiting: so many pieces may wait while the next one is made.
        timeout_s: the response must be at its end by then.

    Returns: the order, for further assertions.

    Raises:
        NotStreaming: an AssertionError whose message names the layer; `layers` has it, too.
        UsageError: an argument is not possible.
        Exception: whatever the app raises.
    """
    if not url.startswith("/"):
        raise UsageError(f"url={url!r}: expected a path, for example '/chat?stream=1'")
    if not max_waiting + 2 <= min_pieces <= max_pieces <= MAX_PIECES:
        raise UsageError(
            f"min_pieces={min_pieces}, max_pieces={max_pieces}: expected {max_waiting + 2} (two more than "
            f"max_waiting) to {MAX_PIECES}, the first not above the second, for example min_pieces=5"
        )
    app = app_of(app)
    request = _request(url, method, headers or {}, json, data)
    recorder = Recorder(turns=TURNS)
    call = call_asgi if takes_asgi(app) else call_wsgi
    late = ""
    with tapped(app, recorder) as tapped_app:
        try:
            status = call(tapped_app, request, max_chunks=max_pieces, timeout_s=timeout_s).status
        except TimeoutError:
            status, late = 200, f"{url}: not at its end after {timeout_s:g} s; max_pieces ends it sooner"
        except Exception:
            if not recorder.again:
                raise
            status = 200
    taps, unreadable, writers = _taps(recorder)
    order = stream_order(taps)
    if recorder.again:
        writer = _inside(recorder, recorder.again[0])
        raise NotStreaming(second_header(order, url, writer), order, (writer,))
    if late and not order.guilty(max_waiting):
        holder = _holds_the_header(recorder)
        raise NotStreaming(*((nothing_passed(order, late, holder), order, (holder,)) if holder else (late,)))
    message = failure(
        order,
        url=url,
        status=status,
        unreadable=unreadable,
        min_pieces=min_pieces,
        max_waiting=max_waiting,
    )
    if message:
        raise NotStreaming(
            message, order, writers or tuple(layer.layer for layer in order.guilty(max_waiting))
        )
    return order


def app_of(app: Any) -> Any:
    """The app itself, where a test client was given."""
    if callable(app):
        return app
    if type(handler := getattr(app, "handler", None)).__module__ == "django.test.client":
        return django_handler(asynchronous=type(handler).__name__.startswith("Async"))
    for name in _CLIENT_ATTRIBUTES:
        if callable(inner := getattr(app, name, None)):
            return inner
    raise UsageError(
        f"app is a {type(app).__name__}: expected a WSGI or ASGI app, or a test client of Flask, Django, "
        "Starlette or FastAPI, for example assert_streams(app, '/chat')"
    )


def _request(
    url: str, method: str, headers: Mapping[str, str], json: object, data: bytes | str
) -> AppRequest:
    body = data.encode() if isinstance(data, str) else data
    given = {name.lower() for name in headers}
    fields = {"Host": "testserver", "Accept": "*/*", "Accept-Encoding": BROWSER_ENCODINGS}
    if json is not None:
        body = json_module.dumps(json).encode()
        fields["Content-Type"] = "application/json"
    if body:
        fields["Content-Length"] = str(len(body))
    own = {name: value for name, value in fields.items() if name.lower() not in given}
    return AppRequest(method or ("POST" if body else "GET"), url, (*own.items(), *headers.items()), body)


def _holds_the_header(recorder: Recorder) -> Layer | None:
    """The layer that the header of the response has not left; None if the server got it, or none was made."""
    layer = recorder.taps[-1].layer if recorder.taps else SERVER
    return None if layer == SERVER else layer


def _inside(recorder: Recorder, tap: int) -> Layer:
    """The layer on the inner side of a tap."""
    return recorder.taps[tap - 1].layer if tap else Layer("the app")


def _taps(recorder: Recorder) -> tuple[list[TapChunks], str, tuple[Layer, ...]]:
    """What each tap noted, why bytes cannot be read ("" if they can), and the layer that wrote those."""
    taps: list[TapChunks] = []
    unreadable = ""
    writers: tuple[Layer, ...] = ()
    for number, tap in enumerate(recorder.taps):
        passed = [(at, p.data) for at, p in enumerate(recorder.passages) if p.tap == number]
        sizes, reason = content_sizes([chunk for _, chunk in passed], tap.content_encoding)
        if reason and not unreadable:
            writer = _inside(recorder, max(number, 1))
            unreadable, writers = f"{writer.name} wrote {reason}", (writer,)
        taps.append(TapChunks(tap.layer, tuple(at for at, _ in passed), sizes, tap.content_encoding))
    return taps or [TapChunks(Layer("the app"), (), ())], unreadable, writers
