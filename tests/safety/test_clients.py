"""Who a client is, how many streams it may have, and whose pages may open a WebSocket."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.service import create_app
from flushcheck.service.limits.admission import Admission, CapacityExceeded
from flushcheck.service.limits.clients import LOOPBACK, client_address, client_network, is_private
from flushcheck.service.limits.concurrency import ConcurrencyLimiter
from flushcheck.service.limits.cross_site import origin_fault
from flushcheck.streaming.limits import Limits, unknown_settings
from tests.live import servers
from tests.service.routes.test_websocket import HANDSHAKE
from tests.service.wire import WITHIN_S, OriginServer, json_of, read_until

ADDRESSES = [
    # trusted proxies, X-Forwarded-For, the client's address; the connection comes from 10.0.0.1
    (0, None, "10.0.0.1"),
    (0, "192.0.2.7", "10.0.0.1"),
    (1, None, "10.0.0.1"),
    (1, "192.0.2.7", "192.0.2.7"),
    (1, "1.1.1.1, 192.0.2.7", "192.0.2.7"),
    (1, "127.0.0.1,::1,192.0.2.7", "192.0.2.7"),
    (2, "1.1.1.1, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
    (2, "192.0.2.7", "10.0.0.1"),
    (1, "192.0.2.7:4711", "192.0.2.7"),
    (1, "[2001:db8::1]:4711", "2001:db8::1"),
    (1, "[2001:db8::1]", "2001:db8::1"),
    (1, "2001:db8::1", "2001:db8::1"),
    (1, "unknown", "10.0.0.1"),
    (1, "", "10.0.0.1"),
    (1, "192.0.2.7,", "10.0.0.1"),
    (1, "a" * 5000, "10.0.0.1"),
]


@pytest.mark.parametrize(("trusted", "told", "expected"), ADDRESSES)
def test_only_what_trusted_proxies_added_is_believed(trusted, told, expected):
    environ = {"REMOTE_ADDR": "10.0.0.1"} | ({} if told is None else {"HTTP_X_FORWARDED_FOR": told})
    assert client_address(environ, trusted_proxies=trusted) == expected


NETWORKS = [
    ("192.0.2.7", "192.0.2.7"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("127.0.0.1", LOOPBACK),
    ("127.9.9.9", LOOPBACK),
    ("::1", LOOPBACK),
    ("::ffff:127.0.0.1", LOOPBACK),
    ("", ""),
    ("somewhere", "somewhere"),
]


@pytest.mark.parametrize(("given", "expected"), NETWORKS)
def test_what_counts_as_one_client(given, expected):
    assert client_network(given) == expected


@given(st.text(), st.integers(0, 5))
def test_no_header_breaks_the_reading_of_addresses(text, trusted):
    found = client_address({"REMOTE_ADDR": "::1", "HTTP_X_FORWARDED_FOR": text}, trusted_proxies=trusted)
    client_network(found)
    is_private(found)


def admitted(limits: Limits, *clients: str) -> list[int]:
    """What each of these addresses is told, one after the other: 200, or the refusal's status."""
    admission, said = Admission(limits, ConcurrencyLimiter(limits.max_streams)), []
    for client in clients:
        try:
            admission.admit({"REMOTE_ADDR": client})
            said.append(200)
        except CapacityExceeded as crowded:
            said.append(crowded.status)
    return said


CROWDS = [
    # limits, who comes, what each is told
    ("one may have a third", Limits(max_streams=6), ["1.1.1.1"] * 3 + ["2.2.2.2"], [200, 200, 429, 200]),
    ("a third of few is one", Limits(max_streams=2), ["1.1.1.1"] * 2 + ["2.2.2.2"], [200, 429, 200]),
    ("the loopback has no share", Limits(max_streams=3), ["127.0.0.1"] * 4, [200, 200, 200, 503]),
    ("nor has a Unix socket", Limits(max_streams=3), [""] * 4, [200, 200, 200, 503]),
    ("unless it is said", Limits(max_streams_per_client=1), ["127.0.0.1", "::1", "1.1.1.1"], [200, 429, 200]),
    ("a network is one", Limits(max_streams_per_client=1), ["2001:db8::1", "2001:db8::2"], [200, 429]),
    ("full is full", Limits(max_streams=2, max_streams_per_client=1), ["1.1.1.1", "2.2.2.2", "1.1.1.1"], [200, 200, 503]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "limits", "clients", "expected"), CROWDS)
def test_no_client_takes_every_place(name, limits, clients, expected):
    assert admitted(limits, *clients) == expected, name


def test_places_come_back_and_leave_nothing_behind():
    gate = ConcurrencyLimiter(3)
    admission = Admission(Limits(max_streams=3), gate)
    for number in range(100):
        place = admission.admit({"REMOTE_ADDR": f"1.1.1.{number}"})
        assert place.concurrent == 1
        place.release()
        place.release()
    assert gate.in_use == 0
    assert admission._streams == {}


def test_over_its_share_a_client_is_told_to_come_back_while_others_are_served():
    settings = {"FLUSHCHECK_MAX_STREAMS_PER_CLIENT": "3", "FLUSHCHECK_TRUSTED_PROXIES": "1"}
    mine, other = "X-Forwarded-For: 9.9.9.9, 192.0.2.7", "X-Forwarded-For: 192.0.2.7, 192.0.2.8"
    with servers.start_origin(env=settings) as service, ExitStack() as stack:
        origin = OriginServer(service)
        for path in ("/stream/chunked", "/stream/events", "/xhr"):
            stream = stack.enter_context(closing(origin.ask(f"{path}?interval=5&count=9", mine)))
            read_until(stream, b"Water")
        for path, headers in (("/stream/chunked", ()), ("/stream/ws", HANDSHAKE)):
            refused = origin.answer(path, mine, *headers)
            assert refused.startswith(b"HTTP/1.1 429 ")
            assert b"\r\nRetry-After: " in refused
        with closing(origin.ask("/stream/chunked?interval=5&count=9", other)) as stream:
            read_until(stream, b"Water")
        for path in ("/healthz", "/readyz", "/stream/polling"):
            assert origin.answer(path, mine).startswith(b"HTTP/1.1 200 ")


HOST = "streams.example:8000"
ORIGINS = [
    # Origin, settings, further headers, whether it may
    (None, {}, {}, True),
    ("http://streams.example:8000", {}, {}, True),
    ("https://streams.example", {}, {}, True),
    ("https://STREAMS.example", {}, {}, True),
    ("http://localhost:3000", {}, {}, True),
    ("http://127.0.0.1:3000", {}, {}, True),
    ("http://[::1]:3000", {}, {}, True),
    ("file://", {}, {}, False),
    ("https://evil.example", {}, {}, False),
    ("https://streams.example.evil.example", {}, {}, False),
    ("https://evil-streams.example", {}, {}, False),
    ("https://localhost.evil.example", {}, {}, False),
    ("https://streams.example@evil.example", {}, {}, False),
    ("null", {}, {}, False),
    ("", {}, {}, False),
    ("file://evil.example", {}, {}, False),
    ("http://[", {}, {}, False),
    ("https://evil.example", {}, {"HTTP_X_FORWARDED_HOST": "evil.example"}, True),  # no page can set it
    ("https://public.example", {"public_url": "https://public.example/below"}, {}, True),
    ("https://a.example", {"websocket_origins": "https://a.example/, https://b.example"}, {}, True),
    ("https://b.example", {"websocket_origins": "https://a.example/, https://b.example"}, {}, True),
    ("http://b.example", {"websocket_origins": "https://a.example/, https://b.example"}, {}, False),
    ("https://evil.example", {"websocket_origins": "*"}, {}, True),
    ("null", {"websocket_origins": "null"}, {}, True),
]


@pytest.mark.parametrize(("origin", "settings", "headers", "may"), ORIGINS)
def test_a_page_of_another_site_opens_no_websocket(origin, settings, headers, may):
    environ = {"HTTP_HOST": HOST, **headers} | ({} if origin is None else {"HTTP_ORIGIN": origin})
    assert (origin_fault(Limits(**settings), environ) is None) == may


@given(st.text(), st.text(), st.text())
def test_no_origin_breaks_its_reading(origin, host, forwarded):
    origin_fault(Limits(), {"HTTP_HOST": host, "HTTP_ORIGIN": origin, "HTTP_X_FORWARDED_HOST": forwarded})


def test_on_the_wire_it_is_refused_before_the_handshake(brief):
    origin = OriginServer(brief)
    refused = origin.answer("/stream/ws", "Origin: https://evil.example", *HANDSHAKE)
    assert refused.startswith(b"HTTP/1.1 403 ")
    assert "FLUSHCHECK_WEBSOCKET_ORIGINS" in json.loads(refused.partition(b"\r\n\r\n")[2])["error"]
    for allowed in ("Origin: http://test", "Origin: http://localhost:3000"):
        with closing(origin.ask("/stream/ws?count=1", allowed, *HANDSHAKE)) as ws:
            assert b" 101 " in read_until(ws, b"Water")


@pytest.mark.parametrize(
    ("page", "status"), [("http://test", 400), ("https://evil.example", 403), (None, 400)]
)
def test_a_page_can_ask_whether_it_was_its_site(brief, page, status):
    # A browser says nothing of why a handshake failed.
    headers = () if page is None else (f"X-Page-Origin: {page}",)
    answer = OriginServer(brief).answer("/stream/ws", *headers)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


HOSTS = [
    # TRUSTED_HOSTS, PUBLIC_URL, Host, status
    ("", "", "anything.example", 200),
    ("streams.example", "", "streams.example", 200),
    ("streams.example", "", "streams.example:8000", 200),
    ("streams.example, .more.example", "", "a.more.example", 200),
    ("streams.example", "", "127.0.0.1:8000", 200),
    ("streams.example", "", "localhost", 200),
    ("streams.example", "https://public.example", "public.example", 200),
    ("streams.example", "", "evil.example", 400),
    ("streams.example", "", "streams.example.evil.example", 400),
    ("streams.example", "", "127.0.0.1.evil.example", 400),
]


@pytest.mark.parametrize(("trusted", "public", "host", "status"), HOSTS)
def test_only_trusted_hosts_are_answered(trusted, public, host, status):
    client = create_app(Limits(trusted_hosts=trusted, public_url=public)).test_client()
    for path in ("/healthz", "/", "/stream/polling", "/diagnostics/judge"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == (405 if status == 200 and path.endswith("judge") else status)
        assert status == 200 or json_of(answer)["error"]


STRANGERS = [
    ({}, []),
    ({"PATH": "/bin", "FLUSHCHECK_MAX_STREAMS": "1"}, []),
    ({"FLUSHCHECK_MAX_STREEMS": "1"}, ["FLUSHCHECK_MAX_STREEMS is not a setting of flushcheck: did you mean FLUSHCHECK_MAX_STREAMS?"]),
    ({"FLUSHCHECK_XYZ": "1"}, ["FLUSHCHECK_XYZ is not a setting of flushcheck"]),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "expected"), STRANGERS)
def test_a_misspelt_setting_is_told(environ, expected):
    assert list(unknown_settings(environ)) == expected


def test_it_is_told_at_start():
    with servers.start_origin(env={"FLUSHCHECK_MAX_STREEMS": "5"}) as service:
        assert "did you mean FLUSHCHECK_MAX_STREAMS?" in service.output()
        assert requests.get(f"{service.url}/healthz", timeout=WITHIN_S).ok
