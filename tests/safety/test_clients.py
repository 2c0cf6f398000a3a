"""The address of a client, its limit of streams, and the pages that may open a WebSocket."""

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


@pytest.mark.parametrize(("trusted", "header", "expected"), ADDRESSES)
def test_only_addresses_added_by_trusted_proxies_are_used(trusted, header, expected):
    environ = {"REMOTE_ADDR": "10.0.0.1"} | ({} if header is None else {"HTTP_X_FORWARDED_FOR": header})
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
def test_a_network_counts_as_one_client(given, expected):
    assert client_network(given) == expected


@given(st.text(), st.integers(0, 5))
def test_no_header_causes_an_exception(text, trusted):
    address = client_address({"REMOTE_ADDR": "::1", "HTTP_X_FORWARDED_FOR": text}, trusted_proxies=trusted)
    client_network(address)
    is_private(address)


def admitted(limits: Limits, *clients: str) -> list[int]:
    """The status for a stream of each address in turn: 200, or that of the refusal."""
    admission, statuses = Admission(limits, ConcurrencyLimiter(limits.max_streams)), []
    for client in clients:
        try:
            admission.admit({"REMOTE_ADDR": client})
            statuses.append(200)
        except CapacityExceeded as error:
            statuses.append(error.status)
    return statuses


ADMISSIONS = [
    # name, limits, addresses, statuses
    ("a third for each client", Limits(max_streams=6), ["1.1.1.1"] * 3 + ["2.2.2.2"], [200, 200, 429, 200]),
    ("a third is rounded up", Limits(max_streams=2), ["1.1.1.1"] * 2 + ["2.2.2.2"], [200, 429, 200]),
    ("no limit on the loopback", Limits(max_streams=3), ["127.0.0.1"] * 4, [200, 200, 200, 503]),
    ("nor on a Unix socket", Limits(max_streams=3), [""] * 4, [200, 200, 200, 503]),
    ("unless it is set", Limits(max_streams_per_client=1), ["127.0.0.1", "::1", "1.1.1.1"], [200, 429, 200]),
    ("one per network", Limits(max_streams_per_client=1), ["2001:db8::1", "2001:db8::2"], [200, 429]),
    ("the process first", Limits(max_streams=2, max_streams_per_client=1), ["1.1.1.1", "2.2.2.2", "1.1.1.1"], [200, 200, 503]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "limits", "clients", "expected"), ADMISSIONS)
def test_no_client_gets_all_permits(name, limits, clients, expected):
    assert admitted(limits, *clients) == expected, name


REASONS = [
    # clients, the reason for the last
    (["1.1.1.1", "1.1.1.1"], "Limit reached: 1 concurrent streams per client address"),
    (["1.1.1.1", "2.2.2.2", "3.3.3.3"], "Limit reached: 2 concurrent streams in this process"),
]


@pytest.mark.parametrize(("clients", "reason"), REASONS)
def test_a_refusal_names_the_limit(clients, reason):
    limits = Limits(max_streams=2, max_streams_per_client=1)
    admission = Admission(limits, ConcurrencyLimiter(limits.max_streams))
    for client in clients[:-1]:
        admission.admit({"REMOTE_ADDR": client})
    with pytest.raises(CapacityExceeded, match=f"^{reason}$"):
        admission.admit({"REMOTE_ADDR": clients[-1]})


def test_permits_come_back_and_leave_no_entries():
    limiter = ConcurrencyLimiter(3)
    admission = Admission(Limits(max_streams=3), limiter)
    for number in range(100):
        permit = admission.admit({"REMOTE_ADDR": f"1.1.1.{number}"})
        assert permit.concurrent == 1
        permit.release()
        permit.release()
    assert limiter.in_use == 0
    assert admission._streams == {}


def test_a_client_over_its_limit_gets_429_while_others_are_served():
    settings = {"FLUSHCHECK_MAX_STREAMS_PER_CLIENT": "3", "FLUSHCHECK_TRUSTED_PROXIES": "1"}
    mine, other = "X-Forwarded-For: 9.9.9.9, 192.0.2.7", "X-Forwarded-For: 192.0.2.7, 192.0.2.8"
    with servers.start_origin(env=settings) as service, ExitStack() as stack:
        origin = OriginServer(service)
        for path in ("/stream/chunked", "/stream/events", "/xhr"):
            stream = stack.enter_context(closing(origin.ask(f"{path}?interval=30&count=9", mine)))
            read_until(stream, b"Water")
        for path, headers in (("/stream/chunked", ()), ("/stream/ws", HANDSHAKE)):
            refused = origin.fetch(path, mine, *headers)
            assert refused.startswith(b"HTTP/1.1 429 ")
            assert b"\r\nRetry-After: " in refused
        with closing(origin.ask("/stream/chunked?interval=30&count=9", other)) as stream:
            read_until(stream, b"Water")
        for path in ("/healthz", "/readyz", "/stream/polling"):
            assert origin.fetch(path, mine).startswith(b"HTTP/1.1 200 ")


HOST = "streams.example:8000"
ORIGINS = [
    # Origin, settings, further headers, allowed
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
    ("https://evil.example", {}, {"HTTP_X_FORWARDED_HOST": "evil.example"}, True),  # a page cannot set it
    ("https://public.example", {"public_url": "https://public.example/below"}, {}, True),
    ("https://a.example", {"websocket_origins": "https://a.example/, https://b.example"}, {}, True),
    ("https://b.example", {"websocket_origins": "https://a.example/, https://b.example"}, {}, True),
    ("http://b.example", {"websocket_origins": "https://a.example/, https://b.example"}, {}, False),
    ("https://evil.example", {"websocket_origins": "*"}, {}, True),
    ("null", {"websocket_origins": "null"}, {}, True),
]


@pytest.mark.parametrize(("origin", "settings", "headers", "allowed"), ORIGINS)
def test_a_page_of_another_site_opens_no_websocket(origin, settings, headers, allowed):
    environ = {"HTTP_HOST": HOST, **headers} | ({} if origin is None else {"HTTP_ORIGIN": origin})
    assert (origin_fault(Limits(**settings), environ) is None) == allowed


@given(st.text(), st.text(), st.text())
def test_no_origin_header_causes_an_exception(origin, host, forwarded):
    origin_fault(Limits(), {"HTTP_HOST": host, "HTTP_ORIGIN": origin, "HTTP_X_FORWARDED_HOST": forwarded})


def test_another_origin_is_refused_before_the_handshake(brief):
    origin = OriginServer(brief)
    refused = origin.fetch("/stream/ws", "Origin: https://evil.example", *HANDSHAKE)
    assert refused.startswith(b"HTTP/1.1 403 ")
    error = json.loads(refused.partition(b"\r\n\r\n")[2])["error"]
    assert error.startswith("Origin: https://evil.example: expected")
    assert "FLUSHCHECK_WEBSOCKET_ORIGINS" in error
    for allowed in ("Origin: http://test", "Origin: http://localhost:3000"):
        with closing(origin.ask("/stream/ws?count=1", allowed, *HANDSHAKE)) as ws:
            assert b" 101 " in read_until(ws, b"Water")


@pytest.mark.parametrize(
    ("page", "status"), [("http://test", 400), ("https://evil.example", 403), (None, 400)]
)
def test_a_page_can_find_out_whether_its_site_is_refused(brief, page, status):
    # A browser hides why a handshake failed.
    headers = () if page is None else (f"X-Page-Origin: {page}",)
    response = OriginServer(brief).fetch("/stream/ws", *headers)
    assert response.startswith(f"HTTP/1.1 {status} ".encode())


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
def test_only_requests_for_trusted_hosts_are_served(trusted, public, host, status):
    client = create_app(Limits(trusted_hosts=trusted, public_url=public)).test_client()
    for path in ("/healthz", "/", "/stream/polling", "/diagnostics/judge"):
        response = client.get(path, headers={"Host": host})
        assert response.status_code == (405 if status == 200 and path.endswith("judge") else status)
        assert status == 200 or json_of(response)["error"]


UNKNOWN = [
    ({}, []),
    ({"PATH": "/bin", "FLUSHCHECK_MAX_STREAMS": "1"}, []),
    ({"FLUSHCHECK_MAX_STREEMS": "1"}, ["FLUSHCHECK_MAX_STREEMS is not a setting of flushcheck: did you mean FLUSHCHECK_MAX_STREAMS?"]),
    ({"FLUSHCHECK_XYZ": "1"}, ["FLUSHCHECK_XYZ is not a setting of flushcheck"]),
    ({"FLUSHCHECK_" + "X" * 100: "1"}, ["FLUSHCHECK_" + "X" * 80 + " is not a setting of flushcheck"]),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "expected"), UNKNOWN)
def test_an_unknown_setting_gives_a_warning(environ, expected):
    assert [setting.sentence for setting in unknown_settings(environ)] == expected


def test_the_warning_is_printed_at_start():
    with servers.start_origin(env={"FLUSHCHECK_MAX_STREEMS": "5"}) as service:
        assert "did you mean FLUSHCHECK_MAX_STREAMS?" in service.output()
        assert requests.get(f"{service.url}/healthz", timeout=WITHIN_S).ok
