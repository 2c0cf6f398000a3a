"""Is this an origin as docs/protocol.md has it? The requests behind the checks of `protocol.conformance`.

Three checks are about the connection itself and are made here: silence without a token and with a wrong one,
and the WebSocket.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache

from flushcheck.model import Capabilities, Outcome, Probe, Transport
from flushcheck.prober.address import parse_origin
from flushcheck.prober.arguments import check_probe_options
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.discovery import discover
from flushcheck.prober.http1 import Http1Connection
from flushcheck.prober.http_client import PEER_ERRORS, default_headers, read_whole
from flushcheck.prober.messages import describe_error
from flushcheck.prober.observe import observe_round
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.target import DEFAULT_OPTIONS, ConnectionOptions, Target
from flushcheck.prober.timed_socket import Budget
from flushcheck.protocol.conformance import CHECKS, CheckResult, Reply, Result, run_check
from flushcheck.protocol.origin import TOKEN_HEADER

MAX_BYTES = 2 * 1024 * 1024  # of one response
REQUEST_S = 15.0  # for one response
WRONG_TOKEN = "flushcheck-wrong-token-0000"


class NoOriginThere(Exception):
    """There is nothing to test: the message says why."""


def check_origin(
    url: str,
    *,
    options: ConnectionOptions = DEFAULT_OPTIONS,
    timeout_s: float = 60.0,
    on_result: Callable[[CheckResult], None] = lambda _: None,
) -> tuple[CheckResult, ...]:
    """Test an origin against the protocol.

    Args:
        url: its address, with its token as `k=…` or in a header of `options`.
        options: how to get there.
        timeout_s: limit for all requests together.
        on_result: called with each result.

    Raises:
        UsageError: `url` is not an address.
        NoOriginThere: nothing responds as an origin.
    """
    address, key = parse_origin(url)
    deadline = time.monotonic() + timeout_s
    found = discover(Target(address, check_probe_options(options)), key, deadline)
    capabilities = found.target.capabilities
    if found.fault or capabilities is None:
        raise NoOriginThere(found.fault or f"no flushcheck origin at {address.url}")
    results = []
    for result in _results(found.target, capabilities, deadline):
        on_result(result)
        results.append(result)
    return tuple(results)


def _results(target: Target, capabilities: Capabilities, deadline: float) -> Iterator[CheckResult]:
    @cache  # several checks look at the same stream
    def ask(query: str) -> Reply:
        return fetch(target, f"?{query}", deadline)

    for check in CHECKS:
        yield run_check(check, ask, capabilities)
    yield _websocket(target, capabilities, deadline)
    yield _get_only(target, deadline)
    yield from _silence(target, deadline)


def fetch(target: Target, suffix: str, deadline: float, method: str = "GET") -> Reply:
    """Make one request; whatever the peer does is in the reply."""
    began = time.monotonic()
    budget = Budget(min(deadline, began + REQUEST_S))
    headers: tuple[tuple[str, str], ...] = ()
    status = 0
    with closing(Http1Connection(target, budget)) as connection:
        try:
            sent = [
                *default_headers("*/*", "identity"),
                *([("Content-Length", "0")] if method == "POST" else []),
            ]
            connection.request(method, target.request_target(suffix), sent)
            response = connection.response()
            status, headers = response.status, response.headers
            body = read_whole(connection, response, MAX_BYTES).text
            return Reply(status, headers, body, took_s=time.monotonic() - began)
        except PEER_ERRORS as error:
            return Reply(status, headers, trouble=describe_error(error))
        except DecodeError as error:
            return Reply(status, headers, trouble=str(error))


def _websocket(target: Target, capabilities: Capabilities, deadline: float) -> CheckResult:
    expected = "one message a piece"
    if Transport.WEBSOCKET not in capabilities.transports:
        return CheckResult("websocket", Result.SKIPPED, expected, "not offered")
    timeout_s = max(0.1, min(REQUEST_S, deadline - time.monotonic()))
    # Of an origin even where it has the paths of a service too.
    at_origin = replace(target, capabilities=replace(capabilities, paths=False))
    with StallMonitor() as stalls:
        (seen,) = observe_round((Probe(Transport.WEBSOCKET),), at_origin, (), timeout_s, stalls)
    if seen.outcome is Outcome.COMPLETE:
        return CheckResult("websocket", Result.PASSED, expected)
    return CheckResult(
        "websocket", Result.FAILED, "20 pieces, an end and a close", f"{seen.outcome}: {seen.detail}"
    )


def _get_only(target: Target, deadline: float) -> CheckResult:
    expected = "a POST is none of the protocol"
    reply = fetch(target, "?fc=1", deadline, "POST")
    if b'"flushcheck"' in reply.body:
        return CheckResult("get-only", Result.FAILED, expected, reply.short)
    return CheckResult("get-only", Result.PASSED, expected)


def _silence(target: Target, deadline: float) -> Iterator[CheckResult]:
    """Without the token the host's own 404 comes: the same as for an address without an origin."""
    expected = "the host's own 404"
    own = {name.lower(): value for name, value in target.options.headers}
    has_token = bool(own.get(TOKEN_HEADER) or target.key_in_query)
    names = ("silent-without-token", "silent-with-wrong-token")
    for name in names:
        if not has_token:
            yield CheckResult(name, Result.SKIPPED, expected, "no token was given")
            continue
        reply = fetch(_with_token(target, "" if name == names[0] else WRONG_TOKEN), "?fc=1", deadline)
        shown = "flushcheck" in str(reply.headers).lower() or b'"flushcheck"' in reply.body
        result = Result.FAILED if reply.status != 404 or shown else Result.PASSED
        yield CheckResult(name, result, expected, reply.short if result is Result.FAILED else "")


def _with_token(target: Target, token: str) -> Target:
    """The same target with another token; "" for none."""
    headers = tuple(pair for pair in target.options.headers if pair[0].lower() != TOKEN_HEADER)
    if token:
        headers += (("X-Flushcheck-Token", token),)
    return replace(target, options=replace(target.options, headers=headers), key_in_query="")
