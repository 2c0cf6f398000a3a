"""Is there an origin at an address? Peers that are one, that are none, and that lie."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Client as Asking
from flushcheck.model import (
    FaultPlace,
    OmissionReason,
    Outcome,
    Probe,
    Transport,
    UsageError,
    Vantage,
    Verdict,
)
from flushcheck.model.codec import to_json
from flushcheck.prober import ConnectionOptions, gather
from flushcheck.prober.address import parse_origin
from flushcheck.protocol.origin import Origin, Request
from tests.prober.peers import TO_CLOSE, Client, Script, scripted_server
from tests.prober.scripts import drip

pytestmark = pytest.mark.usefixtures("undisturbed")

TOKEN = "0123456789abcdef"
LEAST = {
    "flushcheck": 1,
    "transports": ["chunked"],
    "max": {"streams": 8, "duration_s": 60, "bytes": 1_048_576},
}
QUICK: dict[str, Any] = {"quick": True, "timeout_s": 8.0, "clients": [Asking.HTTP1]}

ADDRESSES = [
    # given                               url                          request target                      token
    ("http://x",                          "http://x",                  "/?fc=1",                           ""),
    ("http://x/",                         "http://x",                  "/?fc=1",                           ""),
    ("http://x/f.php",                    "http://x/f.php",            "/f.php?fc=1",                      ""),
    ("http://x/fc/",                      "http://x/fc",               "/fc/?fc=1",                        ""),
    ("http://x/i.php?route=fc",           "http://x/i.php?route=fc",   "/i.php?route=fc&fc=1",             ""),
    ("http://x/i.php?route=fc&k=s%20t",   "http://x/i.php?route=fc",   "/i.php?route=fc&fc=1",             "s t"),
    ("http://x/f.php?k=secret",           "http://x/f.php",            "/f.php?fc=1",                      "secret"),
    ("http://x/?a=1&&b",                  "http://x?a=1&b",            "/?a=1&b&fc=1",                     ""),
    ("http://x/?ü=\"",                    "http://x?%C3%BC=%22",       "/?%C3%BC=%22&fc=1",                ""),
]  # fmt: skip


@pytest.mark.parametrize(("given", "url", "request_target", "token"), ADDRESSES)
def test_an_address_may_have_a_query_of_its_own(given, url, request_target, token):
    address, key = parse_origin(given)
    assert (address.url, key) == (url, token)
    assert address.request_target("?fc=1") == request_target


BAD = ["http://x/?", "http://x/?k=secret1&count=3", "http://x/?fc=1", "http://x/#", "http://x/?a=1#k=secret1",
       "http://x/?a=\x1b", "http://me:secret1@x/?a=1", "http://x/?" + "a" * 3000, "x?k=secret1"]  # fmt: skip


@pytest.mark.parametrize("given", BAD, ids=lambda given: given[:30])
def test_what_is_no_address_is_told_without_the_token(given):
    with pytest.raises(UsageError) as raised:
        parse_origin(given)
    assert "secret1" not in str(raised.value)
    assert "for example http" in str(raised.value)
    assert str(raised.value).isprintable()


def origin(*, path_of: str = "/f.php", **options: object) -> Script:
    """A small origin: it responds to the header, or to `k=`, and paces nothing."""
    served = Origin(**{"token": TOKEN, "until": "2099-01-01", "streams": 3, **options})  # type: ignore[arg-type]

    def script(client: Client) -> None:
        path, _, query = client.request.split()[1].decode().partition("?")
        headers = {"x-flushcheck-token": client.header("X-Flushcheck-Token")}
        response = served.respond(Request("GET", query, headers, "HTTP/1.1", "peer"), "2026-11-28")
        if response is None or path != path_of:
            client.respond(404, b"not here", "text/html")
        elif response.stream is None:
            client.respond(response.status, response.body)
        else:
            client.send(TO_CLOSE)
            began = time.monotonic()
            for due_s, write in response.stream.writes():
                time.sleep(max(0.0, began + due_s - time.monotonic()))
                client.send(write(time.monotonic() - began))
            response.stream.close()

    return script


def test_an_origin_is_measured_by_one_address():
    requests: list[str] = []

    def noted(client: Client) -> None:
        requests.append(client.request.split()[1].decode())
        serve(client)

    serve = origin(transports=("chunked",))
    with scripted_server(noted, is_origin=True) as url:
        run = gather(f"{url}/f.php?route=a&k={TOKEN}", **QUICK)
    report = judge(run)
    assert report.verdict is Verdict.FLOWING, report
    assert run.capabilities is not None
    assert (run.target, run.capabilities.max_streams) == (f"{url}/f.php?route=a", 3)
    left_out = {(omission.probe.transport, omission.reason) for omission in run.omissions}
    missing = (Transport.POLLING, Transport.EVENTS, Transport.WEBSOCKET)
    assert left_out == {(transport, OmissionReason.NOT_OFFERED) for transport in missing}
    queries = [dict(parse_qsl(urlsplit(target).query)) for target in requests]
    assert [query["fc"] for query in queries] == ["1", "chunked", "chunked"]
    assert all(query["route"] == "a" for query in queries)
    assert not any(TOKEN in target for target in requests), "the token is in a header"
    assert TOKEN not in json.dumps(to_json(run))


def test_two_mounts_are_asked_for_the_same_with_one_token():
    inner = origin(path_of="/inner", place="inner", layers=lambda: ["app.Logs"], transports=("chunked",))
    outer = origin(path_of="/outer", place="outer", transports=("chunked",))

    def both(client: Client) -> None:
        (outer if b" /outer" in client.request else inner)(client)

    with scripted_server(both, is_origin=True) as url:
        run = gather(f"{url}/inner?k={TOKEN}", outer=f"{url}/outer", **QUICK)
    assert (run.outer, run.direct, run.addresses) == (f"{url}/outer", "", ())
    assert run.outer_capabilities is not None
    assert run.capabilities is not None
    assert (run.capabilities.layers, run.outer_capabilities.place) == (("app.Logs",), "outer")
    asked = {(seen.probe.vantage, seen.outcome) for seen in run.observations}
    assert asked == {(Vantage.PATH, Outcome.COMPLETE), (Vantage.OUTER, Outcome.COMPLETE)}
    located = judge(run).fault_location
    assert located is not None
    assert located.place is FaultPlace.NOWHERE


def test_without_an_origin_at_the_outermost_mount_nothing_is_measured():
    with scripted_server(origin(path_of="/inner"), is_origin=True) as url:
        run = gather(f"{url}/inner?k={TOKEN}", outer=f"{url}/other", **QUICK)
    assert run.observations == ()
    assert f"no flushcheck origin at {url}/other" in judge(run).headline


def test_no_more_is_asked_for_at_once_than_the_origin_serves():
    served, most, now = origin(streams=2, transports=("chunked", "events")), 0, 0

    def counted(client: Client) -> None:
        nonlocal most, now

        def send(data: bytes) -> None:
            nonlocal now
            now -= b'"end"' in data  # before the client can ask for the next one
            client.sock.sendall(data)

        if b"fc=1&" not in client.request:
            now += 1
            most = max(most, now)
            client.send = send  # type: ignore[method-assign]
        served(client)

    with scripted_server(counted, is_origin=True) as url:
        run = gather(f"{url}/f.php?k={TOKEN}", only=["chunked", "events"], quick=True, clients=[Asking.HTTP1])
    assert [observation.outcome for observation in run.observations] == [Outcome.COMPLETE] * 3
    assert most == 2


def test_what_no_time_is_left_for_is_left_out_and_said():
    with scripted_server(origin(streams=1), is_origin=True) as url:
        run = gather(
            f"{url}/f.php?k={TOKEN}", only=["chunked", "events"], timeout_s=5, clients=[Asking.HTTP1]
        )
    assert OmissionReason.NO_TIME in {omission.reason for omission in run.omissions}
    assert {observation.outcome for observation in run.observations} == {Outcome.COMPLETE}
    assert judge(run).verdict is Verdict.FLOWING


def test_the_token_goes_into_the_query_where_the_header_does_not_arrive():
    serve = origin(transports=("chunked",))

    def without_header(client: Client) -> None:
        client.request = client.request.replace(b"X-Flushcheck-Token", b"X-Nothing")
        serve(client)

    with scripted_server(without_header, is_origin=True) as url:
        run = gather(f"{url}/f.php?k={TOKEN}", **QUICK)
    assert judge(run).verdict is Verdict.FLOWING
    assert run.target == f"{url}/f.php"
    assert TOKEN not in json.dumps(to_json(run))


def saying(**members: object) -> Script:
    body = json.dumps({**LEAST, **members}).encode()
    return lambda client: client.respond(200, body)


TIMEOUT_S = 20.0
FAULTS = [
    # name                  peer                                                  says
    ("a wrong token",       origin(token="another-token-of-16"),                  "it responded 404; check the token"),
    ("a page",              lambda client: client.respond(200, b"<html>", "text/html"), "it responded 200, without capabilities; check"),
    ("a login",             lambda client: client.respond(401, b""),              "it asks for a login (status 401)"),
    ("hangs up",            lambda client: client.reset(),                        "no flushcheck origin at"),
    ("says nothing",        lambda client: client.wait_for_close(),               "no flushcheck origin at"),
    ("another version",     saying(flushcheck=9),                                 "its capabilities are wrong: version 9 of the origin protocol: expected 1"),
    ("no streams",          saying(max={"streams": 0, "duration_s": 60, "bytes": 9999}), "max.streams=0: expected a number from 1"),
    ("repeats the token",   saying(origin=f"{TOKEN}\n"),                          "origin='…"),
    ("a megabyte",          saying(origin="x" * 1_000_000),                       "its capabilities have more than 65536 bytes"),
    ("drips",               drip(TO_CLOSE), "no flushcheck origin at"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "peer", "says"), FAULTS, ids=[row[0] for row in FAULTS])
def test_where_no_origin_is_a_sentence_says_why(name, peer, says):
    began = time.monotonic()
    with scripted_server(peer, is_origin=True) as url:
        run = gather(f"{url}/f.php?k={TOKEN}", **{**QUICK, "timeout_s": TIMEOUT_S})
    report = judge(run)
    assert says in report.headline
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline.isprintable()
    assert len(report.headline) < 500
    assert TOKEN not in json.dumps(to_json(run))
    assert time.monotonic() - began < TIMEOUT_S, "it is given up before the time for streams begins"


LIES = [
    # name                                  peer                             outcome
    ("offers what it does not serve",       saying(),                        Outcome.CUT),
    ("hangs up on streams",                 None,                            Outcome.UNREACHABLE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "peer", "outcome"), LIES, ids=[row[0] for row in LIES])
def test_what_an_origin_promises_and_does_not_keep_is_no_verdict_on_the_path(name, peer, outcome):
    def script(client: Client) -> None:
        if peer is not None or "?fc=1&" in client.request.decode():
            saying()(client)
        else:
            client.reset()

    with scripted_server(script, is_origin=True) as url:
        run = gather(f"{url}/f.php", **QUICK)
    assert {observation.outcome for observation in run.observations} == {outcome}
    report = judge(run)
    assert report.verdict is Verdict.UNKNOWN
    assert "no flushcheck service" not in report.headline


REDIRECTS = [
    # name                     Location, with the query       followed  verdict
    ("to another path",        "/f.php?{query}",               1,       Verdict.FLOWING),
    ("not allowed",            "/f.php?{query}",               0,       Verdict.UNKNOWN),
    ("to a login",             "/login",                       1,       Verdict.UNKNOWN),
    ("to itself",              "/old?{query}",                 1,       Verdict.UNKNOWN),
    ("to another origin",      "http://localhost:{port}/f.php?{query}", 1, Verdict.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "location", "follows", "verdict"), REDIRECTS, ids=[row[0] for row in REDIRECTS]
)
def test_a_redirect_is_followed_if_it_is_allowed_and_keeps_the_query(name, location, follows, verdict):
    serve = origin(transports=("chunked",))

    def script(client: Client) -> None:
        if client.path != "/old":
            serve(client)
            return
        query = client.request.split()[1].decode().partition("?")[2]
        to = location.format(query=query, port=client.sock.getsockname()[1])
        client.respond(302, b"", extra=f"Location: {to}\r\n")

    with scripted_server(script, is_origin=True) as url:
        options = ConnectionOptions(max_redirects=follows, headers=(("X-Flushcheck-Token", TOKEN),))
        run = gather(f"{url}/old?route=a", options=options, **QUICK)
    assert judge(run).verdict is verdict, "the token goes to no other origin than the one that was named"
    assert run.target == (f"{url}/f.php?route=a" if verdict is Verdict.FLOWING else f"{url}/old?route=a")
    assert TOKEN not in json.dumps(to_json(run))


def test_a_service_is_asked_as_before():
    paths: list[str] = []

    def script(client: Client) -> None:
        paths.append(client.path)
        client.respond(404, b"")

    with scripted_server(script) as url:
        run = gather(url, **QUICK)
    assert run.capabilities is None
    assert not run.origin_fault
    assert "/stream/chunked" in paths


@pytest.mark.parametrize("transport", [Transport.POLLING, Transport.CHUNKED, Transport.WEBSOCKET])
@pytest.mark.parametrize(("times", "opens"), [(1, True), (2, False)])
def test_a_full_origin_is_asked_once_more(transport, times, opens):
    served = origin(transports=("polling", "chunked", "websocket"))
    refused = 0

    def full(client: Client) -> None:
        nonlocal refused
        wanted = f"fc={transport}&".encode() in client.request and b"size=16&" in client.request
        if wanted and refused < times:
            refused += 1
            client.respond(503, b'{"error": "full"}', "application/json", extra="Retry-After: 0\r\n")
        elif wanted and transport is Transport.WEBSOCKET:
            client.respond(400, b'{"error": "asked again"}', "application/json")
        else:
            served(client)

    with scripted_server(full, is_origin=True) as url:
        run = gather(f"{url}/f.php?k={TOKEN}", only=[transport, Transport.CHUNKED], **QUICK)
    (seen,) = [seen for seen in run.observations if seen.probe == Probe(transport, client=Asking.HTTP1)]
    assert refused == times
    if transport is Transport.WEBSOCKET:
        assert ("asked again" in seen.detail) is opens
    else:
        assert (seen.outcome is Outcome.COMPLETE) is opens
    assert ("full" in seen.detail) is not opens
