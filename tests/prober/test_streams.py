"""What a request for a stream says, what is measured, and many requests side by side."""

import threading
import time
from dataclasses import replace

import pytest

from flushcheck.measurement import plan
from flushcheck.model import Observation, Outcome, Probe, Transport, UsageError, Variant
from flushcheck.prober import observe, observe_all
from flushcheck.prober.observe import PROBERS
from tests.prober.peers import (
    PATIENCE_S,
    TO_CLOSE,
    Client,
    end,
    piece,
    scripted_server,
)

STREAM = Probe(Transport.CHUNKED)
EVENTS = Probe(Transport.EVENTS)


def test_the_request_is_a_plain_one():
    received: list[Client] = []

    def script(client: Client) -> None:
        received.append(client)
        client.respond(404, b"")

    probes = [
        STREAM,
        EVENTS,
        replace(STREAM, variant=Variant.IDENTITY),
        replace(STREAM, variant=Variant.HTTP10),
    ]
    with scripted_server(script) as url:
        for probe in probes:
            observe(probe, f"{url}/sub/", timeout_s=5)
        # A fresh connection and an address of its own for each.
        assert len({client.query["nonce"] for client in received}) == len(received) == len(probes)
        assert {client.header("host") for client in received} == {url.removeprefix("http://")}
    plain, events, identity, old = received
    assert plain.path == "/sub/stream/chunked"
    assert events.path == "/sub/stream/events"
    assert [client.request.split(b"\r\n")[0].split()[-1] for client in received] == [b"HTTP/1.1"] * 3 + [
        b"HTTP/1.0"
    ]
    assert plain.header("accept-encoding") == plan.BROWSER_ENCODINGS == old.header("accept-encoding")
    assert identity.header("accept-encoding") == "identity"
    assert events.header("accept") == "text/event-stream"
    assert plain.header("user-agent").startswith("flushcheck/")


def test_the_environment_does_not_choose_another_path(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    received = []

    def script(client: Client) -> None:
        received.append(client.request)
        client.respond(404, b"")

    with scripted_server(script) as url:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("NETRC", str(netrc))
        seen = observe(STREAM, url, timeout_s=5)
    assert seen.status == 404
    assert b"authorization" not in received[0].lower()


def test_seconds_count_from_the_request_and_connecting_is_apart():
    waited_s: list[float] = []  # from the request's arrival

    def script(client: Client) -> None:
        requested = time.monotonic()
        client.send(TO_CLOSE)
        client.wait_until_read()
        time.sleep(0.1)
        waited_s.append(time.monotonic() - requested)
        client.send(piece(0) + end(1))

    with scripted_server(script) as url:
        began = time.monotonic()
        seen = observe(STREAM, url, timeout_s=PATIENCE_S)
        took_s = time.monotonic() - began
    assert seen.outcome is Outcome.COMPLETE
    assert seen.connect_s > 0
    assert seen.connect_s + seen.ended_s <= took_s
    assert 0 < seen.headers_s < seen.arrivals[0].at_s <= seen.ended_s
    assert seen.arrivals[0].at_s >= waited_s[0]
    assert seen.request_at_app is not None
    assert seen.request_at_app.protocol == "HTTP/1.0"
    assert seen.http_version == "1.1"
    assert seen.header("content-type") == "text/plain"


def test_many_are_made_side_by_side_and_come_back_in_order():
    together = threading.Barrier(8, timeout=PATIENCE_S)

    def script(client: Client) -> None:
        client.send(TO_CLOSE)
        together.wait()
        client.send(piece(0) + end(1))

    probes = [Probe(Transport.CHUNKED, run=run) for run in range(8)]
    finished: list[Observation] = []
    with scripted_server(script) as url:
        seen = observe_all(probes, url, timeout_s=PATIENCE_S, on_done=finished.append)
    assert [observation.probe for observation in seen] == probes
    assert {observation.outcome for observation in seen} == {Outcome.COMPLETE}
    assert sorted(observation.probe.run for observation in finished) == list(range(8))


def test_one_that_hangs_does_not_spoil_the_others():
    def script(client: Client) -> None:
        client.send(TO_CLOSE)
        if "events" in client.path:
            client.wait_for_close()
        client.send(piece(0) + end(1))

    with scripted_server(script) as url:
        good, bad = observe_all([STREAM, EVENTS], url, timeout_s=2)
    assert (good.outcome, bad.outcome) == (Outcome.COMPLETE, Outcome.TIMEOUT)
    assert good.ended_s < bad.ended_s


def test_a_bug_is_not_hidden(monkeypatch):
    monkeypatch.setitem(PROBERS, Transport.CHUNKED, lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        observe(STREAM, "http://localhost:1", timeout_s=1)


def test_an_invalid_address_is_a_usage_error():
    with pytest.raises(UsageError):
        observe(STREAM, "localhost:8000", timeout_s=1)
