"""Which Probes to make, in which order, and what each asks for.

The baseline is what a plain app sends and a browser offers: no anti-buffering header, every encoding,
HTTP/1.1. Every other Probe differs from it in one thing. First come the baselines, side by side; then
only what the Flows seen so far leave open. Two Probes never share an address, so that a cache on the
path cannot respond to one with the other's stream, unless that is what is looked for.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from flushcheck.model import Client, Flow, Framing, Probe, Scenario, Transport, Vantage, Variant
from flushcheck.streaming.params import Params, query

# Where each Transport is served, and what a route does without parameters.
ROUTES: Mapping[Transport, str] = {
    Transport.POLLING: "/stream/polling",
    Transport.CHUNKED: "/stream/chunked",
    Transport.EVENTS: "/stream/events",
    Transport.WEBSOCKET: "/stream/ws",
}
ROUTE_DEFAULTS: Mapping[Transport, Params] = {
    Transport.POLLING: Params(),
    Transport.CHUNKED: Params(),
    Transport.EVENTS: Params(end="END"),
    Transport.WEBSOCKET: Params(),
}

PROBE_END = "done"
PAD_BYTES = 8192  # twice nginx's and Apache's block; measured to free nothing but itself on nginx
TOGETHER = 6  # what a browser opens to one host over HTTP/1.1
# What one HTTP/2 connection is asked for at once: twice what Apache's mod_http2 serves there.
TOGETHER_H2 = 12

# What an origin that can vary its flushing is asked for (the parameter `flush` of docs/protocol.md). Its
# baseline flushes in the strongest way: what is held then, the app does not hold.
FLUSHES: Mapping[Variant, str] = {
    Variant.NO_FLUSH: "never",
    Variant.FLUSH: "flush",
    Variant.OB_FLUSH: "both",
}

# What Chromium 156 and Firefox 153 offer over https.
BROWSER_ENCODINGS = "gzip, deflate, br, zstd"


@dataclass(frozen=True, slots=True)
class Shape:
    """Size and pace of one Scenario.

    Sizes differ from Piece to Piece, so that a block of bytes has always the same size and a timer's
    group never has; the jitter does the same for time.
    """

    count: int
    interval_s: float
    jitter_s: float
    size_bytes: int
    spread_bytes: int


# The sizes at which holds of 1 KiB, of 4 to 32 KiB, and of 64 KiB and more tell themselves apart.
SHAPES: Mapping[Scenario, Shape] = {
    Scenario.TOKEN: Shape(20, 0.1, 0.04, 16, 28),
    Scenario.KILO: Shape(40, 0.05, 0.02, 1000, 1400),
    Scenario.BIG: Shape(24, 0.08, 0.03, 16_000, 16_000),
}
# The same for a first look. A size shows in the same way, in fewer deliveries; whatever is not clear there is
# looked at in the full length: see `short_look`. No two Pieces are nearer than those of the other table.
SHORT_SHAPES: Mapping[Scenario, Shape] = {
    Scenario.TOKEN: Shape(16, 0.05, 0.02, 16, 28),
    Scenario.KILO: Shape(16, 0.05, 0.02, 1000, 1400),
    Scenario.BIG: Shape(10, 0.08, 0.03, 16_000, 16_000),
}
SHORT_S = max(shape.count * shape.interval_s for shape in SHORT_SHAPES.values())
# Polls are asked for as long as the short streams last: they show whether the network stood still meanwhile.
SHORT_POLLS = Shape(8, 0.1, 0.04, 16, 28)
# How often a steady stream sends a Piece: well below any idle timeout that is looked for.
STEADY_S = 1.0
STEADY_SHARE = 8  # ... and so many times at least

MIN_SILENCE_S = 1.0  # below, a silence is a pause as any stream makes it
MAX_SILENCE_S = 300.0  # the service allows no longer one: see `limits`

# What can be silent: a poll is a response of its own.
OPEN = (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET)

POLLS = 10  # responses are small whatever the scenario, so fewer tell as much


def shape_of(probe: Probe, *, short: bool = False) -> Shape:
    """Size and pace of this Probe's Pieces.

    Args:
        probe: what is asked for.
        short: for a first look: see `SHORT_SHAPES`. A search for silences takes the time that it takes.
    """
    token = SHAPES[Scenario.TOKEN]
    if probe.scenario is Scenario.IDLE:
        return replace(token, count=2, interval_s=probe.lasts_s)
    if probe.scenario is Scenario.STEADY:
        interval_s = min(STEADY_S, probe.lasts_s / STEADY_SHARE)
        return replace(token, count=math.ceil(probe.lasts_s / interval_s) + 1, interval_s=interval_s)
    if short:
        return SHORT_POLLS if probe.transport is Transport.POLLING else SHORT_SHAPES[probe.scenario]
    return SHAPES[probe.scenario]


def params(probe: Probe, *, short: bool = False) -> Params:
    """What this Probe asks the service for."""
    shape = shape_of(probe, short=short)
    variant = probe.variant
    return Params(
        count=min(POLLS, shape.count) if probe.transport is Transport.POLLING else shape.count,
        interval_s=shape.interval_s,
        jitter_s=shape.jitter_s,
        size_bytes=shape.size_bytes,
        spread_bytes=shape.spread_bytes,
        pad_bytes=PAD_BYTES if variant is Variant.PADDED else 0,
        xab=variant is Variant.XAB or variant in FLUSHES,
        cache=variant is Variant.NO_TRANSFORM,
        nosniff=variant is Variant.NOSNIFF,
        end=PROBE_END,
        heartbeat=probe.scenario is not Scenario.IDLE,
        framing=Framing.DELTA,
        content_type="application/octet-stream" if variant is Variant.OTHER_TYPE else "",
    )


def address(probe: Probe, nonce: str, *, short: bool = False) -> str:
    """Path and query of this Probe below the service's root. `nonce` makes it an address of its own."""
    parameters = query(params(probe, short=short), ROUTE_DEFAULTS[probe.transport])
    return f"{ROUTES[probe.transport]}?{parameters}&nonce={nonce}"


def encodings(probe: Probe) -> str:
    """The client's Accept-Encoding; "identity" for a client that accepts no compression."""
    return "identity" if probe.variant is Variant.IDENTITY else BROWSER_ENCODINGS


def duration_s(probe: Probe, *, short: bool = False) -> float:
    """How long the service takes to send this Probe's stream."""
    stream = params(probe, short=short)
    return probe.lasts_s or stream.count * stream.interval_s


# Flows of a response that was held.
HELD_FLOWS = frozenset({Flow.HELD, Flow.BLOCKS, Flow.TICKS, Flow.LATE, Flow.THROTTLED, Flow.REPLAYED})

STREAMED = (Transport.CHUNKED, Transport.EVENTS)  # what an HTTP buffer can hold


def baselines(
    only: Iterable[Transport], *, quick: bool, clients: Iterable[Client] = (Client.BROWSER,)
) -> tuple[Probe, ...]:
    """The Probes to begin with: every Transport at token size, and streams at a kilobyte a Piece.

    A browser that speaks HTTP/3 opens WebSockets over HTTP/1.1, so they are those of Client.HTTP1 where that
    asks too.

    Args:
        only: the Transports to probe.
        quick: with one stream at a kilobyte a Piece, not one for each Transport.
        clients: each makes the same Probes.
    """
    wanted = [transport for transport in Transport if transport in set(only)]
    tokens = [Probe(transport) for transport in wanted]
    kilos = [Probe(transport, Scenario.KILO) for transport in wanted if transport in STREAMED]
    probes = (*tokens, *kilos) if not quick else (*tokens, *kilos[:1])
    asked = tuple(clients)
    return tuple(
        replace(probe, client=client)
        for client in asked
        for probe in probes
        if probe.transport is not Transport.WEBSOCKET
        or client is not Client.HTTP3
        or Client.HTTP1 not in asked
    )


def shared_connections(probes: Iterable[Probe]) -> tuple[int, ...]:
    """For each of these Probes of one round the number of the connection that it shares, where one is shared.

    What is asked for at once shares one, as the streams of a page do. The others take one for every six of
    them: no server measured serves fewer at once, so that no Probe waits for another. WebSockets have one of
    their own: hypercorn 0.18 ends the other streams of a connection together with a WebSocket.
    """
    numbers: list[int] = []
    others = {"tcp": 0, "udp": 0}
    for probe in probes:
        way = "udp" if probe.client is Client.HTTP3 else "tcp"
        if probe.variant is Variant.TOGETHER:
            numbers.append(0)
        elif probe.transport is Transport.WEBSOCKET:
            numbers.append(1)
        else:
            numbers.append(2 + others[way] // TOGETHER)
            others[way] += 1
    return tuple(numbers)


def direct_counterparts(
    probes: Iterable[Probe], vantage: Vantage = Vantage.DIRECT, number: int = 0, *, one_client: bool = False
) -> tuple[Probe, ...]:
    """The same baselines from another vantage, to compare with: see `fault_location` and `ladder`.

    HTTP/3 is not asked for there: it is spoken by what stands in front of an app.

    Args:
        probes: of the path.
        vantage: of the counterparts.
        number: the place of their address in `Run.addresses`.
        one_client: all clients get the same there, so one asks.
    """
    wanted = list(probes)
    same = (
        replace(
            probe, vantage=vantage, client=_control_client(wanted[0] if one_client else probe), run=number
        )
        for probe in wanted
        if probe.variant is Variant.BASELINE and probe.vantage is Vantage.PATH
    )
    return tuple(dict.fromkeys(same))


def _control_client(probe: Probe) -> Client:
    """Who asks for the counterpart: the control speaks no HTTP/3."""
    return Client.BROWSER if probe.client is Client.HTTP3 else probe.client


def idle_probes(only: Iterable[Transport], ladder_s: Iterable[float]) -> tuple[Probe, ...]:
    """A silent stream for each silence to try, and one that sends for as long as the longest."""
    durations_s = sorted(set(ladder_s))
    return tuple(
        probe
        for transport in OPEN
        if transport in set(only) and durations_s
        for probe in (
            *(Probe(transport, Scenario.IDLE, lasts_s=lasts_s) for lasts_s in durations_s),
            Probe(transport, Scenario.STEADY, lasts_s=durations_s[-1]),
        )
    )


def experiments(
    seen: Mapping[Probe, Flow],
    *,
    quick: bool,
    multiplexed: Collection[Client] = (),
    flushes: Collection[str] = (),
) -> tuple[Probe, ...]:
    """The Probes that would separate what the baselines left open; none if nothing is open.

    Args:
        seen: the Flow of each Probe made so far. What flows over HTTP/3 is looked at no further.
        quick: spare what only confirms a clean path.
        multiplexed: the Clients whose streams share a connection (HTTP/2, HTTP/3).
        flushes: how the app can flush, as its origin says.
    """
    probes: list[Probe] = []
    for client in Client:
        own = {
            replace(probe, client=Client.BROWSER): flow
            for probe, flow in seen.items()
            if probe.client is client
        }
        # As many at once for every Client: what only a shared connection keeps waiting tells the two apart.
        at_once = TOGETHER_H2 if multiplexed else TOGETHER
        spare = quick or (client is Client.HTTP3 and len({probe.client for probe in seen}) > 1)
        wanted = _experiments(own, at_once, quick=spare, multiplexed=client in multiplexed)
        probes += (replace(probe, client=client) for probe in wanted)
    return (*probes, *_flushings(seen, flushes))


def _experiments(
    seen: Mapping[Probe, Flow], at_once: int, *, quick: bool, multiplexed: bool
) -> tuple[Probe, ...]:
    """Choose the experiments of one Client, whose Probes are those of the default Client here."""
    held = [probe for transport in STREAMED if (probe := smallest_held_baseline(seen, transport)) is not None]
    if held:
        wanted = _for_a_hold(held)
        if any(seen[probe] is Flow.THROTTLED for probe in held) and Probe(Transport.WEBSOCKET) in seen:
            # A slow link slows everything; a rate that only HTTP meets is set on a hop.
            wanted.append(Probe(Transport.WEBSOCKET, held[0].scenario))
    elif quick:
        wanted = []
    else:
        wanted = _for_a_clean_path([t for t in STREAMED if Probe(t) in seen], at_once)
    return tuple(
        probe
        for probe in wanted
        if probe not in seen and not (multiplexed and probe.variant is Variant.HTTP10)
    )


def smallest_held_baseline(seen: Mapping[Probe, Flow], transport: Transport) -> Probe | None:
    """The baseline with the smallest Pieces that shows a hold on this Transport; None if none does.

    Some holds let small streams through: Caddy's compressor leaves a first write under 512 bytes alone.
    The largest Pieces only measure sizes: nginx keeps the tail of a Piece of more than 8 KB until the next
    one even where it streams (HTTP/1.1 upstream, buffering on, measured), and no reader of text minds.
    """
    for scenario in (Scenario.OWN, Scenario.TOKEN, Scenario.KILO):
        probe = Probe(transport, scenario)
        if seen.get(probe) in HELD_FLOWS:
            return probe
    return None


def _flushings(seen: Mapping[Probe, Flow], flushes: Collection[str]) -> tuple[Probe, ...]:
    """The ways of flushing to try, on the first streamed Transport. A matter of the app: one client asks."""
    first = next((probe for probe in seen if probe.transport in STREAMED), None)
    if first is None:
        return ()
    baseline = Probe(first.transport, client=first.client)
    return tuple(replace(baseline, variant=variant) for variant, flush in FLUSHES.items() if flush in flushes)


def _for_a_hold(held: list[Probe]) -> list[Probe]:
    """The two differences that tell nginx on every held Transport; on the first one, all others too."""
    first = held[0]
    every = [replace(probe, variant=variant) for probe in held for variant in (Variant.XAB, Variant.IDENTITY)]
    rest = (Variant.NO_TRANSFORM, Variant.NOSNIFF, Variant.PADDED, Variant.HTTP10, Variant.OTHER_TYPE)
    sizes = [replace(first, scenario=scenario) for scenario in (Scenario.KILO, Scenario.BIG)]
    return [*every, *sizes, *(replace(first, variant=variant) for variant in rest)]


def _for_a_clean_path(streamed: list[Transport], at_once: int) -> list[Probe]:
    """Larger Pieces, clients of other kinds, and many at once: what a clean baseline does not show."""
    if not streamed:
        return []
    first = Probe(streamed[0])
    clients = [replace(first, variant=variant) for variant in (Variant.IDENTITY, Variant.HTTP10)]
    together = [replace(first, variant=Variant.TOGETHER, run=run) for run in range(at_once)]
    return [replace(first, scenario=Scenario.BIG), *clients, *together]
