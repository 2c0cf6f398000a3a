"""All Observations of one run, asked the questions that Culprits ask.

A question that a run cannot decide, because the Probe was not made or failed, has the answer NOT_TRIED:
no Culprit may take that for a no. Where the answer is a value, None stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from flushcheck.measurement.answer import Answer
from flushcheck.measurement.cross_probe import timings
from flushcheck.measurement.own_streams import shape
from flushcheck.measurement.plan import FLUSHES, STREAMED, smallest_held_baseline
from flushcheck.measurement.timing import MIN_LATE_S, Timing, measure
from flushcheck.measurement.tls_records import buffer_bytes
from flushcheck.model import (
    Client,
    Flow,
    Observation,
    Outcome,
    Probe,
    RequestAtApp,
    Scenario,
    Transport,
    Vantage,
    Variant,
)

# An experiment frees a stream whose longest wait is no more than this share of what it was.
FREED_SHARE = 0.6

XAB = "x-accel-buffering"


class Observations:
    """Looked up by Probe, each with its Timing."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        # A client may send the same Probe twice: the first one stands.
        seen: dict[Probe, Observation] = {}
        for observation in observations:
            seen.setdefault(observation.probe, observation)
        measured = timings(seen)
        self._seen = {probe: (observation, measured[probe]) for probe, observation in seen.items()}
        self._whole: Observations | None = None  # of a view: the run that it is a view of
        self._views: dict[Client, Observations] = {}

    @property
    def clients(self) -> tuple[Client, ...]:
        """The Clients that asked on the path, in the order of the model."""
        asked = {probe.client for probe in self._seen if probe.vantage is Vantage.PATH}
        return tuple(client for client in Client if client in asked)

    @property
    def whole(self) -> Observations:
        """The run that this is a view of; itself if it is no view."""
        return self._whole or self

    @property
    def http3_unreachable(self) -> str:
        """Why HTTP/3 brought no response at all beside another Client that got one; "" if it brought any."""
        over_http3 = [
            observation
            for observation, _ in self._seen.values()
            if observation.probe.client is Client.HTTP3 and observation.probe.vantage is Vantage.PATH
        ]
        if len(self.clients) < 2 or any(seen.outcome is not Outcome.UNREACHABLE for seen in over_http3):
            return ""
        return next((seen.detail for seen in over_http3), "")

    def of_client(self, client: Client) -> Observations:
        """What this Client saw, as if it were the only one; the controls belong to each.

        Its Probes are those of the default Client there, so that a detector need not know which Client it is.
        The Timings stay those of the whole run, because Clients wait for each other at one app. Over HTTP/3 a
        browser opens its WebSockets over HTTP/1.1: those of Client.HTTP1, unless it asked for its own.
        """
        if client not in self._views:
            self._views[client] = self._view(client)
        return self._views[client]

    def _view(self, client: Client) -> Observations:
        view = Observations(())
        asked_as = {client}
        if client is Client.HTTP3 and Probe(Transport.WEBSOCKET, client=client) not in self._seen:
            asked_as.add(Client.HTTP1)
        view._whole = self
        view._seen = {
            replace(probe, client=Client.BROWSER): (
                replace(observation, probe=replace(probe, client=Client.BROWSER)),
                timing,
            )
            for probe, (observation, timing) in self._seen.items()
            if probe.client is client
            # The controls that another Client made stand for those that this one did not make.
            or (probe.vantage is not Vantage.PATH and replace(probe, client=client) not in self._seen)
            or (probe.client in asked_as and probe.transport is Transport.WEBSOCKET)
        }
        return view

    def beside(self, client: Client) -> Observations | None:
        """What another Client of the same run saw; None if it did not ask, or if this is no view."""
        if self._whole is None or client not in self._whole.clients:
            return None
        return self._whole.of_client(client)

    def __iter__(self) -> Iterator[Observation]:
        return (observation for observation, _ in self._seen.values())

    def __getitem__(self, probe: Probe) -> tuple[Observation, Timing]:
        """What this Probe saw, and how it arrived.

        Raises:
            KeyError: the Probe was not made.
        """
        return self._seen[probe]

    def get(self, probe: Probe | None) -> Observation | None:
        """What this Probe saw; None if it was not made, or there is none."""
        pair = self._seen.get(probe) if probe else None
        return pair[0] if pair else None

    def timing(self, probe: Probe | None) -> Timing | None:
        """How it arrived; None if the Probe was not made, or there is none."""
        pair = self._seen.get(probe) if probe else None
        return pair[1] if pair else None

    def first(self, transport: Transport) -> Probe:
        """The baseline that gives a Transport its flow: of small Pieces, or the user's own stream."""
        own = Probe(transport, Scenario.OWN)
        return own if own in self._seen else Probe(transport)

    def is_own(self, transport: Transport) -> bool:
        """Whether this Transport is a stream of the user's own app: its records carry no send time."""
        return self.first(transport).scenario is Scenario.OWN

    def held_baseline(self, transport: Transport) -> Probe | None:
        """The baseline with the smallest Pieces that was held; None if none was."""
        return smallest_held_baseline(
            {probe: timing.flow for probe, (_, timing) in self._seen.items()}, transport
        )

    def baseline(self, transport: Transport) -> Probe:
        """The held baseline, or the first one if none was held."""
        return self.held_baseline(transport) or self.first(transport)

    def held_timing(self, transport: Transport) -> Timing | None:
        """How the held baseline arrived; None if nothing was held."""
        return self.timing(self.held_baseline(transport))

    def is_held(self, transport: Transport) -> bool:
        """Whether a baseline of this Transport was held."""
        return self.held_baseline(transport) is not None

    def variant(self, transport: Transport, variant: Variant) -> Probe | None:
        """The Probe that differs from the held baseline in this; None if nothing was held."""
        baseline = self.held_baseline(transport)
        return replace(baseline, variant=variant) if baseline else None

    def tried(self, transport: Transport, variant: Variant) -> bool:
        """Whether this difference was tried on any baseline of this Transport, whatever came of it."""
        return any(self.get(Probe(transport, scenario, variant)) is not None for scenario in Scenario)

    @property
    def flushed(self) -> bool:
        """Whether the app is known to flush all of its own buffers in each baseline.

        An origin that can vary its flushing does so, unless it is asked for less: see `plan.FLUSHES`.
        """
        return any(
            observation.probe.variant in FLUSHES and observation.has_arrived
            for observation, _ in self._seen.values()
        )

    def frees(self, transport: Transport, variant: Variant) -> Answer:
        """Whether this one difference makes a held baseline flow."""
        probe = self.variant(transport, variant)
        held, observation = self.held_timing(transport), self.get(probe)
        if probe is not None and probe.scenario is Scenario.OWN:
            return self._frees_own(probe)
        if held is None or observation is None or observation.outcome is not Outcome.COMPLETE:
            return Answer.NOT_TRIED
        timing = measure(observation)
        # What a cache played back was no experiment: the app never saw it. What has no pattern shows nothing.
        if timing.flow in (Flow.REPLAYED, Flow.UNKNOWN):
            return Answer.NOT_TRIED
        # Nor does a stall as long as the wait to be freed from.
        stalled = observation.stall_s > MIN_LATE_S and timing.flow is Flow.FLOWING
        if stalled and timing.lag_s.max > FREED_SHARE * held.lag_s.max and not held.queued_s:
            return Answer.NOT_TRIED
        return Answer.of(timing.flow is Flow.FLOWING)

    def _frees_own(self, probe: Probe) -> Answer:
        """Whether the user's own stream flows with this difference; it may have been left before its end."""
        timing = self.timing(probe)
        if timing is None or timing.flow not in (Flow.FLOWING, Flow.HELD, Flow.BLOCKS, Flow.TICKS):
            return Answer.NOT_TRIED
        return Answer.of(timing.flow is Flow.FLOWING)

    def header_stripped(self, transport: Transport) -> Answer:
        """Whether X-Accel-Buffering, which the service sent, was gone when the response arrived.

        Of the proxies measured only nginx takes it out, Passenger's nginx module included.
        """
        observation = self.get(self.variant(transport, Variant.XAB))
        if observation is None or not observation.headers or not observation.pieces:
            return Answer.NOT_TRIED
        if self.header_added(transport):
            return Answer.NOT_TRIED  # a hop writes the header itself: that it arrives proves nothing
        return Answer.of(not observation.header(XAB))

    def header_added(self, transport: Transport) -> bool:
        """Whether X-Accel-Buffering arrived with the baseline too, for which the service did not send it."""
        observation = self.get(self.baseline(transport))
        return observation is not None and bool(observation.header(XAB))

    def compressed(self, transport: Transport) -> str:
        """The content encoding in which the held baseline arrived, "" for none."""
        observation = self.get(self.baseline(transport))
        return observation.header("content-encoding") if observation else ""

    def request_at_app(self, transport: Transport) -> RequestAtApp | None:
        """What the service saw of this Transport's baseline, or of any request of the same kind."""
        first = self.get(self.first(transport))
        if first is not None and first.request_at_app is not None:
            return first.request_at_app
        for observation, _ in self._seen.values():
            probe = observation.probe
            of_kind = probe.transport is transport and probe.vantage is Vantage.PATH
            if of_kind and observation.request_at_app is not None:
                return observation.request_at_app
        return None

    def queued(self, transport: Transport) -> tuple[Observation, Timing] | None:
        """The Observation of this Transport that waited longest for its turn; None if none did."""
        waited = [
            (observation, timing)
            for observation, timing in self._seen.values()
            if observation.probe.transport is transport and timing.queued_s
        ]
        return max(waited, key=lambda pair: pair[1].queued_s, default=None)

    def together(self, transport: Transport) -> tuple[tuple[Observation, Timing], ...]:
        """The streams of this Transport that were asked for at once, as far as they arrived."""
        return tuple(
            (observation, timing)
            for probe, (observation, timing) in self._seen.items()
            if probe.transport is transport
            and probe.variant is Variant.TOGETHER
            and probe.vantage is Vantage.PATH
            and observation.has_arrived
        )

    def control_probe(self, transport: Transport) -> Probe | None:
        """The control: the service's own loopback, or else the app's own port; None if neither responded.

        The loopback goes first: its address does not depend on what the caller named.
        """
        for vantage in (Vantage.LOOPBACK, Vantage.DIRECT):
            probe = replace(self.first(transport), vantage=vantage)
            timing = self.timing(probe)
            if timing is not None and timing.flow not in (Flow.FAILED, Flow.CUT):
                return probe
        return None

    def control_place(self, transport: Transport) -> str:
        """Where the control was made, for a sentence."""
        probe = self.control_probe(transport)
        at_port = probe is not None and probe.vantage is Vantage.DIRECT
        return "at the app's own port" if at_port else "on the service's own loopback"

    def control(self, transport: Transport) -> Flow | None:
        """How the same stream flowed with nothing in between; None if that was not seen."""
        timing = self.timing(self.control_probe(transport))
        if timing is None:
            return None
        # A stream that waited for its turn was not held by what it passed.
        return Flow.FLOWING if timing.queued_s else timing.flow

    def hold_bytes(self, transport: Transport) -> int | None:
        """The block size of the hold, from the smallest Pieces that show one.

        None for what is held by time: larger Pieces may fit a size by chance there.
        """
        held = self.held_timing(transport)
        if held is None or held.flow not in (Flow.HELD, Flow.BLOCKS):
            return None
        for scenario in (Scenario.OWN, Scenario.KILO, Scenario.BIG, Scenario.TOKEN):
            timing = self.timing(Probe(transport, scenario))
            if timing is not None and timing.flow is Flow.UNKNOWN:
                return None  # a stall may have made the deliveries of larger Pieces
            if timing is not None and timing.hold_bytes is not None:
                return timing.hold_bytes
        return None

    def record_threshold(self, transport: Transport) -> int | None:
        """How many bytes must be full before whole records of the user's own stream go; None if none."""
        observation = self.get(self.held_baseline(transport))
        own = shape(observation) if observation and observation.is_own else None
        return own.hold_bytes if own and own.whole_records else None

    def size_bytes(self, transport: Transport) -> int | None:
        """The block size of the hold: this Transport's, or else that of the other streamed one."""
        own = self.hold_bytes(transport)
        others = (self.hold_bytes(other) for other in STREAMED if other is not transport)
        return own if own is not None else next((size for size in others if size is not None), None)

    def header(self, transport: Transport, name: str) -> str:
        """A response header of the held baseline (of the token baseline if none was held); "" if none."""
        observation = self.get(self.baseline(transport))
        return observation.header(name) if observation else ""

    def over_tls(self, transport: Transport) -> str:
        """The version of HTTP that this Transport's baseline spoke over TLS; "" without TLS."""
        observation = self.get(self.baseline(transport))
        return observation.http_version if observation and observation.tls_version else ""

    def record_buffer_bytes(self, transport: Transport) -> int | None:
        """The buffer that filled the TLS records of this Transport's kilobyte Pieces; None if none shows."""
        own = self.is_own(transport)
        observation = self.get(self.first(transport) if own else Probe(transport, Scenario.KILO))
        return buffer_bytes(observation) if observation else None

    def handshake_unanswered(self) -> bool:
        """Whether a WebSocket handshake got no response at all, on a path where streams flow.

        The app did not cause it as far as the run tells: no stream waited for its turn there, and at the
        app's own port, if that was asked, the WebSocket opened.
        """
        handshake = self.get(Probe(Transport.WEBSOCKET))
        direct = self.get(Probe(Transport.WEBSOCKET, vantage=Vantage.DIRECT))
        return (
            handshake is not None
            and handshake.outcome is Outcome.TIMEOUT
            and not handshake.status
            and any(self.flow(streamed) is Flow.FLOWING for streamed in STREAMED)
            and not any(self.queued(streamed) for streamed in STREAMED)
            and (direct is None or direct.outcome is Outcome.COMPLETE)
        )

    def handshake_stored(self) -> bool:
        """Whether a WebSocket handshake got status 200: a hop stored the response, without its upgrade.

        Over HTTP/2 a handshake succeeds with 200 (RFC 8441).
        """
        handshake = self.get(Probe(Transport.WEBSOCKET))
        return handshake is not None and handshake.status == 200 and handshake.outcome is Outcome.REFUSED

    def has_content_length(self, transport: Transport) -> bool:
        """Whether the response has a Content-Length, which the service never sends with a stream.

        A hop had all of it before it passed the first byte on: store-and-forward.
        """
        return bool(self.header(transport, "content-length"))

    def compressor_header_only(self, transport: Transport) -> bool:
        """Whether a compressor sent its own header and then nothing: 10 bytes of gzip, 2 of deflate.

        A file name makes the header of gzip longer: Django writes one of up to 100 bytes.
        """
        observation = self.get(self.baseline(transport))
        if observation is None or not observation.arrivals:
            return False
        first = observation.arrivals[0]
        return first.text_bytes == 0 and 0 < first.size_bytes <= max(10, observation.head_bytes)

    def flow(self, transport: Transport, scenario: Scenario | None = None) -> Flow | None:
        """How a baseline flowed, the first one if no scenario is named; None if it was not made."""
        timing = self.timing(Probe(transport, scenario) if scenario else self.first(transport))
        return timing.flow if timing else None
