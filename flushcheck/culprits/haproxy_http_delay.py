"""HAProxy without `option http-no-delay`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flushcheck.configs import haproxy, versions
from flushcheck.configs.findings import Finding, Level, Reader, Server
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Block, Listener, tls_http1_readers
from flushcheck.culprits.evidence import hold_evidence, variant_evidence
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS, STREAMED
from flushcheck.model import (
    Client,
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Side,
    Symptom,
    Transport,
    Variant,
    Version,
)
from flushcheck.model.versions import shown

CULPRIT = Culprit(
    id="haproxy-http-delay",
    title="HAProxy holds each chunk for up to 200 ms",
    why=(
        "In HTTP mode HAProxy tells the kernel that more data will follow, so that the kernel sends full "
        "packets. Each chunk of a stream then waits until the kernel's timer ends, about 200 ms, whatever "
        "the chunk's size."
    ),
    symptoms=(
        "Ticks of about 200 ms, counted from the first byte of each; the headers are equally late. Only "
        "chunked responses over HTTP/1.1 are affected: HTTP/1.0 clients, HTTP/2 and WebSocket are not. Where "
        "a hop in front of HAProxy ends TLS, HAProxy writes HTTP/1.1 to that hop, and HTTP/2 readers get the "
        "ticks too."
    ),
    detection=(
        "Ticks of about 200 ms, but neither for an HTTP/1.0 client nor over a WebSocket. Behind a hop that "
        "chooses the version of HTTP by itself, it is possible only."
    ),
    fixes=(
        Fix(
            where="HAProxy, the frontend or defaults section",
            change="option http-no-delay",
            by=Owner.SERVER,
            server=Server.HAPROXY,
            place=Place.SITE,
            cost="more and smaller packets",
        ),
    ),
    references=("https://docs.haproxy.org/2.6/configuration.html#4-option%20http-no-delay",),
    versions=(versions.HAPROXY_TLS_TICKS, versions.HAPROXY_ALPN),
    shows=(Symptom(Flow.TICKS, tick_s=0.2),),
    measured_on=("HAProxy 2.6.12", "HAProxy 3.0.11", "HAProxy 3.2.26"),
)

# The kernel's timer came as 195 to 215 ms; ticks between a slow pace's Pieces as up to 260.
MIN_S, MAX_S = 0.15, 0.35


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Ticks of about 200 ms that an HTTP/1.0 client or an HTTP/2 client does not meet, nor a WebSocket."""
    timing = seen.held_timing(transport)
    if timing is None or timing.flow is not Flow.TICKS:
        return None
    if not MIN_S <= timing.period_s <= MAX_S or timing.lag_s.max > MAX_S:
        return None
    over_http2 = _flows_over_http2(seen, transport)
    refuted = seen.frees(transport, Variant.HTTP10) is Answer.NO or _http10_without_effect(seen)
    if refuted and not over_http2 and not _called_by_another(seen, transport):
        return None
    if seen.flow(Transport.WEBSOCKET) in HELD_FLOWS or seen.control(transport) in HELD_FLOWS:
        return None
    ticks = Evidence(
        f"{transport}: pieces arrived in ticks of {timing.period_s * 1000:.0f} ms, held for up to "
        f"{timing.lag_s.max * 1000:.0f} ms",
        (seen.baseline(transport).id,),
    )
    if seen.is_own(transport):
        ticks = hold_evidence(seen, transport)
    freed = [
        variant_evidence(seen, streamed, Variant.HTTP10)
        for streamed in STREAMED
        if seen.frees(streamed, Variant.HTTP10) is Answer.YES
    ]
    if over_http2:
        freed.append(Evidence(f"{transport}: over HTTP/2 the same stream flows"))
    if not freed:
        return Detection(CULPRIT, Confidence.POSSIBLE, (ticks, *_tls_end(seen, transport)))
    return Detection(CULPRIT, Confidence.LIKELY, (ticks, *freed, *_tls_end(seen, transport)))


def _tls_end(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """Where TLS ends, if it is there: at HAProxy itself, or in front of it."""
    since = shown(versions.HAPROXY_TLS_TICKS.since)
    match seen.over_tls(transport):
        case "":
            return ()
        case "1.1" if _flows_over_http2(seen, transport):
            where = f"HAProxy ends TLS itself, and its version is {since} or later"
        case "1.1" if not _called_by_another(seen, transport):
            where = (
                f"either HAProxy ends TLS itself and its version is {since} or later, or a hop in front of "
                "it ends TLS and calls it over plain HTTP/1.1"
            )
        case _:
            where = "a hop in front of HAProxy ends TLS and calls it over HTTP/1.1"
    return (Evidence(f"{transport}: {where}"),)


def _called_by_another(seen: Observations, transport: Transport) -> bool:
    """Whether a hop in front chooses the version of HTTP, so that an HTTP/1.0 client shows nothing.

    nginx calls every app over the version that it is configured for, and what ends HTTP/2 translates it.
    """
    return seen.header_stripped(transport) is Answer.YES or _over_http2(seen, transport) is Flow.TICKS


def _flows_over_http2(seen: Observations, transport: Transport) -> bool:
    """Whether a browser got the same stream piece by piece over HTTP/2, where HAProxy has no such ticks."""
    return _over_http2(seen, transport) is Flow.FLOWING


def _over_http2(seen: Observations, transport: Transport) -> Flow | None:
    """How a browser got the same stream over HTTP/2; None if it did not."""
    browser = seen.beside(Client.BROWSER)
    observation = browser.get(browser.first(transport)) if browser else None
    if browser is None or observation is None or observation.http_version != "2":
        return None
    return browser.flow(transport)


def _http10_without_effect(seen: Observations) -> bool:
    """Whether HTTP/1.0 was tried and made no Transport flow. It is tried on one Transport only, for both.

    A browser, which cannot try it, leaves HAProxy as possible as any other hop with such a timer.
    """
    tried = [streamed for streamed in STREAMED if seen.tried(streamed, Variant.HTTP10)]
    freed = [streamed for streamed in tried if seen.frees(streamed, Variant.HTTP10) is Answer.YES]
    return bool(tried) and not freed


SERVERS = (Server.HAPROXY,)


def lint(block: Block) -> Iterator[Finding]:
    """Off by default; on counts wherever the request passes, in the frontend or the backend."""
    if haproxy.no_delay(block.scope).first == "on":
        return
    slow = [front for front in block.related_scopes if haproxy.no_delay(front).first != "on"]
    if block.related_scopes and not slow:
        return
    binds = [bind for front in slow or [block.scope] for bind in haproxy.listeners(front, block.version)]
    side = versions.HAPROXY_TLS_TICKS.side(block.version)
    met_by = [Reader.PLAIN] if not all(bind.tls for bind in binds) else []
    if side is not Side.BEFORE:
        met_by += tls_http1_readers(binds)
    if binds and not met_by:
        return
    certain = Reader.PLAIN in met_by or (Reader.BROWSER in met_by and side is Side.SINCE)
    value = haproxy.no_delay(block.scope)
    state = "not set (HAProxy's default)" if value.at is None else f"off ({block.where(value)})"
    mode = block.value("mode", "tcp")
    unless = f", if {mode.text} ({block.where(mode)}) is mode http" if is_marked(mode.first) else ""
    over = f" through {' or '.join(map(haproxy.name, slow[:3]))}" if slow else ""
    yield block.finding(
        CULPRIT,
        Level.ERROR if certain and not unless else Level.WARNING,
        f"option http-no-delay is {state}: chunked responses arrive in ticks of about 200 ms{over}, for "
        f"{_clients(binds, met_by, block.version)}{unless}",
        value=value,
        edits=block.edit(value.at, "option http-no-delay"),
        override=NO_OVERRIDE,
        readers=tuple(met_by),
    )


def _clients(binds: Sequence[Listener], met_by: Sequence[Reader], version: Version) -> str:
    """Who gets the ticks, and what another version does to clients over TLS."""
    if not binds:
        return "clients over HTTP/1.1, where no other program ends TLS and the frontend has no ssl"
    if not any(bind.tls for bind in binds):
        return "clients over HTTP/1.1"
    names = " and ".join(reader.plural for reader in met_by)
    free = "; browsers get each chunk at once over HTTP/2" if Reader.BROWSER not in met_by else ""
    change = versions.HAPROXY_TLS_TICKS
    if change.side(version) is Side.BEFORE:
        return f"{names}; HAProxy before {shown(change.since)} has none over TLS"
    if change.side(version) is Side.SINCE:
        return f"{names}{free}"
    older = f"; HAProxy before {shown(change.since)} has ticks for clients over plain http alone"
    return f"{names}{free}{older}"
