"""Redirects of the first response: followed to the same service only, and without secrets to another origin."""

import time

import pytest

from flushcheck.model import Outcome, Transport, Vantage
from flushcheck.prober import ConnectionOptions, gather
from flushcheck.prober.address import parse
from flushcheck.prober.credentials import Credentials
from flushcheck.prober.proxy_server import parse_proxy
from flushcheck.prober.redirects import follow_redirects
from flushcheck.prober.target import Target
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from tests.prober.peers import Client, scripted_server
from tests.prober.proxies import Proxy
from tests.prober.test_gather import no_control, service

SUFFIX = "/stream/polling"

SECRETS = ConnectionOptions(
    headers=(("X-Key", "header-secret"),), credentials=Credentials("alice", "wonderland"), max_redirects=2
)


def follow(url, options=SECRETS):
    return follow_redirects(Target(parse(url), options), f"{SUFFIX}?n=1", time.monotonic() + 5)


def redirects_to(location, status=302):
    def script(client: Client) -> None:
        client.respond(status, b"", extra=f"Location: {location}\r\n")

    return script


def test_secrets_stay_with_the_origin_that_was_named():
    with scripted_server(redirects_to("https://site.test:444/stream/polling")) as url:
        target = follow(url, ConnectionOptions(headers=SECRETS.headers, max_redirects=1))
    assert target.address.url == "https://site.test:444"
    assert target.options == ConnectionOptions(max_redirects=1)


def test_secrets_go_on_to_another_path_of_the_same_origin():
    received = []

    def script(client: Client) -> None:
        received.append((client.path, client.header("X-Key")))
        if client.path == SUFFIX:
            redirects_to("/app" + SUFFIX)(client)
        else:
            client.respond(200, b"")

    with scripted_server(script) as url:
        target = follow(url)
    assert (target.address.url, target.options) == (f"{url}/app", SECRETS)
    assert received == [(SUFFIX, "header-secret"), (f"/app{SUFFIX}", "header-secret")]


def test_so_many_redirects_are_followed_and_no_more():
    def script(client: Client) -> None:
        redirects_to("/x" + client.path)(client)

    with scripted_server(script) as url:
        assert follow(url).address.path == "/x/x"


STAYING = [
    # name, what the peer does
    ("a login", redirects_to("/login")),
    ("created", redirects_to("/app" + SUFFIX, 201)),
    ("an address that cannot be", redirects_to("http://a b/stream/polling")),
    ("a reset", lambda client: client.reset()),
    ("no redirect", lambda client: client.respond(200, b"")),
]


@pytest.mark.parametrize(("name", "script"), STAYING, ids=[row[0] for row in STAYING])
def test_everything_else_stays(name, script):
    with scripted_server(script) as url:
        assert follow(url).address == parse(url)


def test_nothing_is_requested_where_no_redirect_may_be_followed():
    target = Target(parse("http://127.0.0.1:1"))
    assert follow_redirects(target, SUFFIX, 0.0) is target


def test_a_run_is_made_at_the_last_address_and_names_the_first():
    with scripted_server(service(no_control)) as url, scripted_server(redirect_all_to(url)) as first:
        run = gather(first, only=[Transport.CHUNKED], quick=True, options=ConnectionOptions(max_redirects=1))
    assert (run.target, run.redirected_from) == (url, first)


def test_past_the_proxy_the_run_goes_to_the_last_address_too():
    proxy = Proxy()
    with (
        scripted_server(service(no_control)) as url,
        scripted_server(redirect_all_to(url)) as first,
        scripted_server(proxy.http, read_first=False) as at,
    ):
        options = ConnectionOptions(max_redirects=1, proxy=parse_proxy(at))
        run = gather(first, only=[Transport.CHUNKED], quick=True, direct=first, options=options)
    assert (run.target, run.direct, run.proxy) == (url, url, at)
    seen = {observation.probe.vantage: observation.outcome for observation in run.observations}
    assert seen == {Vantage.PATH: Outcome.COMPLETE, Vantage.UNPROXIED: Outcome.COMPLETE}
    probes = [line for line in proxy.requests if "/stream/" in line]
    assert [f" {url}/" in line for line in probes] == [False, *[True] * (len(probes) - 1)]


def redirect_all_to(url):
    def script(client: Client) -> None:
        redirects_to(url + client.path)(client)

    return script


WATCHED = [
    # name, method, status, body, method and body at the second address
    ("found",                 "GET",  302, None,   ("GET", b"")),
    ("found after a POST",    "POST", 302, b"{}",  ("GET", b"")),
    ("see other",             "PUT",  303, b"{}",  ("GET", b"")),
    ("the same request",      "POST", 307, b"{}",  ("POST", b"{}")),
    ("moved, a PUT",          "PUT",  301, b"{}",  ("PUT", b"{}")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "method", "status", "body", "expected"), WATCHED, ids=[row[0] for row in WATCHED]
)
def test_a_watched_stream_is_followed_as_browsers_do(name, method, status, body, expected):
    received = []

    def script(client: Client) -> None:
        if client.path == "/first":
            redirects_to("/second", status)(client)
            return
        size = int(client.header("Content-Length") or 0)
        received.append((client.request.split()[0].decode(), client.sock.recv(size) if size else b""))
        client.respond(200, b"ok", "text/plain")

    with scripted_server(script) as url:
        options = ConnectionOptions(max_redirects=1)
        request = watch_request(f"{url}/first", method=method, body=body, options=options)
        (capture,) = watch(request).observations
    assert (capture.outcome, received) == (Outcome.COMPLETE, [expected])


def test_neither_headers_nor_a_body_go_to_another_origin():
    received = []

    def script(client: Client) -> None:
        received.append((client.header("X-Key"), client.header("Authorization")))
        client.respond(200, b"ok", "text/plain")

    with scripted_server(script) as url, scripted_server(redirects_to(f"{url}/second", 307)) as first:
        (get,) = watch(watch_request(first, options=SECRETS)).observations
        (post,) = watch(watch_request(first, body=b"{}", options=SECRETS)).observations
    assert (get.outcome, received) == (Outcome.COMPLETE, [("", "")])
    assert (post.outcome, post.detail.startswith("it redirects to")) == (Outcome.REFUSED, True)
