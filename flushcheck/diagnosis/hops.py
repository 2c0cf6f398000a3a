"""Who stands between the app and the reader, as far as headers and experiments show.

Nobody has to give himself away, so what is not listed here may be there all the same. What is listed rests
on a fact: a header that only such a hop writes, or something that reached one end of the path otherwise
than it left the other. What the app itself says of its own answers (its loopback run, where there is one) is
taken off first. Where a cache played old answers back, nothing is concluded from what reached the app or
from what arrived: it may belong to another request. Values are a stranger's and cut short; whoever renders
them escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import XAB, Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import (
    Evidence,
    Flow,
    Hop,
    Observation,
    Outcome,
    Probe,
    RequestAtApp,
    Transport,
    Vantage,
    Variant,
)

SHOWN = 100  # characters of a stranger's value

# Response headers, and who writes them. The first two were measured (facts of the laboratory), the others
# stand in their makers' documentation.
SIGNATURES: Mapping[str, str] = {
    "x-varnish": "Varnish",
    "x-litespeed-cache": "LiteSpeed's cache",
    "x-fastly-request-id": "Fastly",
    "x-amz-cf-id": "Amazon CloudFront",
    "cf-ray": "Cloudflare",
    "x-azure-ref": "Azure Front Door",
}


def hops(seen: Observations) -> tuple[Hop, ...]:
    """What is known of the path, from the app towards the reader, each statement with its evidence.

    The order among them is known only where the statement says so.
    """
    found: dict[str, Hop] = {}
    on_path = [one for one in seen if one.probe.vantage is Vantage.PATH]
    replayed = [one for one in on_path if _replayed(seen, one)]
    if replayed:
        on_path = replayed
        told: tuple[Statement, ...] = (_by_names, _by_replay)
    else:
        told = (_next_to_the_app, _by_the_hint, _by_websocket, _by_names, _by_the_body)
    for statements in told:
        for observation in on_path:
            for what, sentence in statements(seen, observation):
                probe = observation.probe
                found.setdefault(what, Hop(what, Evidence(f"{probe.transport}: {sentence}", (probe.id,))))
    return tuple(found.values())


Statements = Iterator[tuple[str, str]]  # what stands there, and the sentence it rests on
Statement = Callable[[Observations, Observation], Statements]


def _replayed(seen: Observations, one: Observation) -> bool:
    timing = seen.timing(one.probe)
    return timing is not None and timing.flow is Flow.REPLAYED


def _by_replay(seen: Observations, one: Observation) -> Statements:
    yield "a cache that plays old answers back", "pieces came before the service sent them"


def _next_to_the_app(seen: Observations, one: Observation) -> Statements:
    """What the app saw of its own hop."""
    origin, probe = one.request_at_app, one.probe
    if origin is None or probe.transport is Transport.WEBSOCKET:
        return
    if origin.gateway:
        software = f", SERVER_SOFTWARE being {_cut(origin.server)}" if origin.server else ""
        yield (
            "next to the app: a web server that hands requests over by a gateway",
            f"the app was called through {_cut(origin.gateway)}{software}",
        )
    elif probe.variant is Variant.HTTP10:
        if origin.protocol == "HTTP/1.1":
            yield (
                "next to the app: a proxy that asks over HTTP/1.1",
                "asked over HTTP/1.0, the app was asked over HTTP/1.1",
            )
    elif origin.protocol == "HTTP/1.0":
        closing = ", with Connection: close" if origin.connection.lower() == "close" else ""
        yield (
            "next to the app: a proxy that asks over HTTP/1.0, as nginx before 1.29.7 does by default",
            f"the app was asked over HTTP/1.0{closing}; the reader spoke a later one",
        )
    names = ", ".join(_cut(name) for name in origin.forwarded)
    if origin.forwarded_hops > 1:
        yield (
            f"{origin.forwarded_hops} proxies that say for whom they ask, or one that keeps what it is told",
            f"the app received {names}, with {origin.forwarded_hops} addresses in X-Forwarded-For",
        )
    elif origin.forwarded:
        yield "a proxy that says for whom it asks", f"the app received {names}"
    if "x-host" in origin.forwarded:
        yield "lighttpd's mod_proxy, or what writes X-Host as it does", "the app received X-Host"
    yield from _encodings(probe, origin)


def _encodings(probe: Probe, origin: RequestAtApp) -> Statements:
    """Accept-Encoding as it reached the app. Every observer offers two and more, unless told not to."""
    came = origin.accept_encoding.strip()
    if probe.variant is Variant.IDENTITY:
        if came and came != "identity":
            yield (
                "a hop that offers encodings of its own",
                f"the reader offered none, the app was offered {_cut(came)}",
            )
    elif not came:
        yield (
            "a hop that takes Accept-Encoding out of requests",
            "the reader offered encodings, the app was offered none",
        )
    elif "," not in came:
        yield (
            "a hop that rewrites Accept-Encoding",
            f"the reader offered several encodings, the app was offered {_cut(came)} alone",
        )


def _by_the_hint(seen: Observations, one: Observation) -> Statements:
    """X-Accel-Buffering: every nginx measured takes it out, nobody else does."""
    if one.probe.variant is not Variant.XAB or not one.pieces:
        return
    if one.header(XAB):
        yield (
            "no nginx that is configured as it comes",
            "X-Accel-Buffering was sent and arrived; nginx takes it out unless told to pass it",
        )
        return
    freed = seen.frees(one.probe.transport, Variant.XAB)
    sentence = (
        "X-Accel-Buffering was sent and did not arrive: of all proxies measured only nginx takes it out"
    )
    if freed is Answer.NO:
        yield "an nginx that takes X-Accel-Buffering out", f"{sentence}; the stream was held all the same"
    elif freed is Answer.YES:
        yield (
            "an nginx that takes X-Accel-Buffering out, and obeys it",
            f"{sentence}; with it the stream flows",
        )
    else:
        yield "an nginx that takes X-Accel-Buffering out", sentence


def _by_websocket(seen: Observations, one: Observation) -> Statements:
    origin = one.request_at_app
    if one.probe.transport is not Transport.WEBSOCKET or one.outcome is not Outcome.REFUSED:
        return
    if origin is not None and origin.websocket_key and "websocket" not in origin.upgrade.lower():
        yield (
            "a hop that takes Upgrade out of requests",
            "the app received Sec-WebSocket-Key without Upgrade: websocket",
        )


def _by_names(seen: Observations, one: Observation) -> Statements:
    """Who says that it was there."""
    own = _own_headers(seen, one)
    asked, answered = (
        _listed(one.request_at_app.via if one.request_at_app else ""),
        _listed(one.header("via")),
    )
    for via in dict.fromkeys((*asked, *answered)):
        told = (("the app received it", asked), ("the answer carries it", answered))
        if via not in _listed(own.get("via", "")):
            yield f"something that says Via: {_cut(via)}", " and ".join(w for w, of in told if via in of)
    if len(answered) > 1:
        yield (
            f"in this order from the app to the reader: {_cut(', '.join(answered))}",
            "each hop adds itself to Via behind those before it (RFC 9110, section 7.6.3)",
        )
    servers = _app_servers(seen, own)
    for server in dict.fromkeys(value for name, value in one.headers if name == "server"):
        if _program(server) not in servers:
            maybe = "" if servers else ", which may be the app's own server"
            yield f"something that calls itself {_cut(server)}{maybe}", "so says the answer's header Server"
    if "phusion passenger" in one.header("x-powered-by").lower():
        yield "Phusion Passenger", f"the answer says X-Powered-By: {_cut(one.header('x-powered-by'))}"
    for name, who in SIGNATURES.items():
        if one.header(name) and name not in own:
            yield who, f"the answer carries {name}: {_cut(one.header(name))}"
    if one.header("age") and "age" not in own:
        yield "a cache", f"the answer carries Age: {_cut(one.header('age'))} (RFC 9111, section 5.1)"


def _by_the_body(seen: Observations, one: Observation) -> Statements:
    """What somebody did to a stream that the app sent uncompressed and without a length."""
    if one.probe.transport not in STREAMED or one.status != 200:
        return
    own = _own_headers(seen, one)
    encoding, length = one.header("content-encoding"), one.header("content-length")
    # Without the app's own word an encoding may be the app's: some compress by themselves.
    if encoding and own and "content-encoding" not in own:
        yield (
            "something that compresses",
            f"the answer came as {_cut(encoding)}, and left the app uncompressed",
        )
    if length and "content-length" not in own:
        yield (
            "something that stores an answer before it passes it on",
            f"a Content-Length of {_cut(length)} appeared, which the service never sends with a stream",
        )


def _own_headers(seen: Observations, one: Observation) -> dict[str, str]:
    """The headers that the app itself gave to the control; empty where there was none."""
    for transport in (one.probe.transport, *STREAMED):
        probe = seen.control_probe(transport)
        control = seen.get(probe) if probe else None
        if control is not None and control.headers:
            return dict(control.headers)
    return {}


def _app_servers(seen: Observations, own: Mapping[str, str]) -> frozenset[str]:
    """How the app server calls itself: `gunicorn` in the header, `gunicorn/27.0.1` inside."""
    told = (one.request_at_app.server for one in seen if one.request_at_app is not None)
    return frozenset(filter(None, map(_program, (own.get("server", ""), *told))))


def _program(server: str) -> str:
    return server.lower().partition("/")[0].strip()


def _listed(via: str) -> list[str]:
    """Who is in a Via header, without the version of HTTP that each was asked over."""
    return [" ".join(entry.split()[1:]) for entry in via.split(",") if entry.strip()]


def _cut(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
