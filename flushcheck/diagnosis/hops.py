"""Which hops are between the app and the reader, as far as headers and experiments show.

Proxies can be invisible: absence from this list proves nothing. Each entry rests on a fact: a header that
only such a hop writes, or something that reached one end of the path changed. Headers that the app itself
sets (its loopback run, where there is one, shows them) do not count. Where a cache served old responses,
nothing follows from what reached the app or from what arrived: it may belong to another request. Values come
from the far side and are cut short here; each report escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flushcheck.configs.versions import NGINX_UPSTREAM_HTTP11
from flushcheck.diagnosis.front_signatures import front, shown
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
from flushcheck.model.versions import shown as shown_version

HTTP11_SINCE = shown_version(NGINX_UPSTREAM_HTTP11.since)

SHOWN = 100  # characters of a value from the far side

# Response headers, and the product that writes each. The first two were measured in the laboratory, the
# others are from the documentation of the products.
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

    The order among them is known only where the statement says so. What several Clients show is said once.
    """
    found: dict[str, Hop] = {}
    for client in seen.clients:
        for hop in _hops(seen.of_client(client)):
            found.setdefault(hop.what, hop)
    return tuple(found.values())


def _hops(seen: Observations) -> tuple[Hop, ...]:
    """What one Client's view shows."""
    found: dict[str, Hop] = {}
    on_path = [observation for observation in seen if observation.probe.vantage is Vantage.PATH]
    replayed = [observation for observation in on_path if _replayed(seen, observation)]
    if replayed:
        on_path = replayed
        rules: tuple[Statement, ...] = (_by_names, _by_replay)
    else:
        rules = (_next_to_the_app, _by_x_accel, _by_websocket, _by_names, _by_the_body, _by_settings)
    for statements in rules:
        for observation in on_path:
            for what, sentence in statements(seen, observation):
                probe = observation.probe
                found.setdefault(what, Hop(what, Evidence(f"{probe.transport}: {sentence}", (probe.id,))))
    return tuple(found.values())


Statements = Iterator[tuple[str, str]]  # what stands there, and the sentence it rests on
Statement = Callable[[Observations, Observation], Statements]


def _replayed(seen: Observations, observation: Observation) -> bool:
    timing = seen.timing(observation.probe)
    return timing is not None and timing.flow is Flow.REPLAYED


def _by_replay(seen: Observations, observation: Observation) -> Statements:
    yield "a cache that serves old responses", "pieces arrived before the service sent them"


def _next_to_the_app(seen: Observations, observation: Observation) -> Statements:
    """What the app saw of its own hop."""
    origin, probe = observation.request_at_app, observation.probe
    if origin is None or probe.transport is Transport.WEBSOCKET:
        return
    if origin.gateway:
        # The origin in PHP names PHP, not the server that calls it.
        name = "the app is" if origin.server.startswith("PHP") else "SERVER_SOFTWARE is"
        software = f", {name} {_cut(origin.server)}" if origin.server else ""
        yield (
            "next to the app: a web server that calls the app through a gateway",
            f"the app was called through {_cut(origin.gateway)}{software}",
        )
    elif probe.variant is Variant.HTTP10:
        if origin.protocol == "HTTP/1.1":
            yield (
                "next to the app: a proxy that speaks HTTP/1.1",
                "the client used HTTP/1.0, and the app was called over HTTP/1.1",
            )
    elif origin.protocol == "HTTP/1.0":
        closing = ", with Connection: close" if origin.connection.lower() == "close" else ""
        yield (
            f"next to the app: a proxy that speaks HTTP/1.0, the default of nginx before {HTTP11_SINCE}",
            f"the app was called over HTTP/1.0{closing}; the client itself used a later version",
        )
    names = ", ".join(_cut(name) for name in origin.forwarded)
    if origin.forwarded_hops > 1:
        yield (
            f"{origin.forwarded_hops} proxies that add X-Forwarded-For, or one that keeps the client's own",
            f"the app received {names}, with {origin.forwarded_hops} addresses in X-Forwarded-For",
        )
    elif origin.forwarded:
        yield "a proxy that adds forwarding headers", f"the app received {names}"
    if "x-host" in origin.forwarded:
        yield "lighttpd's mod_proxy, or another proxy that adds X-Host", "the app received X-Host"
    yield from _encodings(probe, origin)


def _encodings(probe: Probe, origin: RequestAtApp) -> Statements:
    """Accept-Encoding as it reached the app. Every probe but IDENTITY offers two and more."""
    came = origin.accept_encoding.strip()
    if probe.variant is Variant.IDENTITY:
        if came and came != "identity":
            yield (
                "a hop that adds Accept-Encoding to requests",
                f"the client sent no Accept-Encoding, the app received {_cut(came)}",
            )
    elif not came:
        yield (
            "a hop that removes Accept-Encoding from requests",
            "the client sent Accept-Encoding, the app received none",
        )
    elif "," not in came:
        yield (
            "a hop that rewrites Accept-Encoding",
            f"the client offered several encodings, the app received only {_cut(came)}",
        )


def _by_x_accel(seen: Observations, observation: Observation) -> Statements:
    """X-Accel-Buffering: every nginx tested removes it, and no other proxy does."""
    if observation.probe.variant is not Variant.XAB or not observation.pieces:
        return
    if seen.header_added(observation.probe.transport):
        yield (
            "a hop that adds X-Accel-Buffering to responses",
            "X-Accel-Buffering arrived with a response for which the app did not send it",
        )
        return
    if observation.header(XAB):
        yield (
            "no nginx with its default configuration",
            "X-Accel-Buffering was sent and arrived; nginx removes it unless configured to pass it",
        )
        return
    freed = seen.frees(observation.probe.transport, Variant.XAB)
    sentence = "X-Accel-Buffering was sent and did not arrive; of all proxies tested, only nginx removes it"
    if freed is Answer.NO:
        yield "an nginx that removes X-Accel-Buffering", f"{sentence}; the stream was still held"
    elif freed is Answer.YES:
        yield (
            "an nginx that removes X-Accel-Buffering, and obeys it",
            f"{sentence}; with it the stream flows",
        )
    else:
        yield "an nginx that removes X-Accel-Buffering", sentence


def _by_websocket(seen: Observations, observation: Observation) -> Statements:
    origin = observation.request_at_app
    if observation.probe.transport is not Transport.WEBSOCKET or observation.outcome is not Outcome.REFUSED:
        return
    if origin is not None and origin.websocket_key and "websocket" not in origin.upgrade.lower():
        yield (
            "a hop that removes Upgrade from requests",
            "the app received Sec-WebSocket-Key without Upgrade: websocket",
        )


def _by_names(seen: Observations, observation: Observation) -> Statements:
    """Hops that name themselves."""
    own = _own_headers(seen, observation)
    requested, responded = (
        _listed(observation.request_at_app.via if observation.request_at_app else ""),
        _listed(observation.header("via")),
    )
    for via in dict.fromkeys((*requested, *responded)):
        places = (("the app received it", requested), ("the response has it", responded))
        if via not in _listed(own.get("via", "")):
            yield f"a hop with Via: {_cut(via)}", " and ".join(place for place, vias in places if via in vias)
    if len(responded) > 1:
        yield (
            f"in this order from the app to the reader: {_cut(', '.join(responded))}",
            "each hop adds itself to Via behind those before it (RFC 9110, section 7.6.3)",
        )
    servers = _app_servers(seen, own)
    for server in dict.fromkeys(value for name, value in observation.headers if name == "server"):
        if _program(server) not in servers:
            maybe = "" if servers else ", which may be the app's own server"
            yield f"a server that calls itself {_cut(server)}{maybe}", "in the response header Server"
    if "phusion passenger" in observation.header("x-powered-by").lower():
        yield (
            "Phusion Passenger",
            f"the response has X-Powered-By: {_cut(observation.header('x-powered-by'))}",
        )
    for name, product in SIGNATURES.items():
        if observation.header(name) and name not in own:
            yield product, f"the response has {name}: {_cut(observation.header(name))}"
    if observation.header("age") and "age" not in own:
        yield "a cache", f"the response has Age: {_cut(observation.header('age'))} (RFC 9111, section 5.1)"


def _by_the_body(seen: Observations, observation: Observation) -> Statements:
    """What changed in a stream that the app sent uncompressed and without a length."""
    if observation.probe.transport not in STREAMED or observation.status != 200:
        return
    own = _own_headers(seen, observation)
    encoding, length = observation.header("content-encoding"), observation.header("content-length")
    # Without a control the encoding may be the app's own: some apps compress.
    if encoding and own and "content-encoding" not in own:
        yield (
            "a hop that compresses",
            f"the response arrived as {_cut(encoding)}, and left the app uncompressed",
        )
    # An app of one's own may send a length itself: only another address without one shows who did.
    if length and "content-length" not in own and (own or not observation.is_own):
        yield (
            "a hop that stores the whole response before it sends it on",
            f"the response has a Content-Length of {_cut(length)}, which the service does not send",
        )


def _by_settings(seen: Observations, observation: Observation) -> Statements:
    """The program that ends TLS, by the HTTP/2 SETTINGS that it sends first."""
    if program := front(observation.settings):
        yield (
            f"next to the reader: a program that looks like {program}",
            f"its first HTTP/2 SETTINGS are {shown(observation.settings)}, as measured there",
        )


def _own_headers(seen: Observations, observation: Observation) -> dict[str, str]:
    """The headers that the app itself gave to the control; empty where there was none."""
    for transport in (observation.probe.transport, *STREAMED):
        control = seen.get(seen.control_probe(transport))
        if control is not None and control.headers:
            return dict(control.headers)
    return {}


def _app_servers(seen: Observations, own: Mapping[str, str]) -> frozenset[str]:
    """How the app server calls itself: `gunicorn` in the header, `gunicorn/27.0.1` inside."""
    servers = (
        observation.request_at_app.server for observation in seen if observation.request_at_app is not None
    )
    return frozenset(filter(None, map(_program, (own.get("server", ""), *servers))))


def _program(server: str) -> str:
    return server.lower().partition("/")[0].strip()


def _listed(via: str) -> list[str]:
    """The hops of a Via header, without the version of HTTP that each received."""
    entries = (entry.split() for entry in via.split(","))
    return [" ".join(names) for _, *names in filter(None, entries) if names]


def _cut(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
