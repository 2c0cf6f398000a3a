"""Watching a stream of the user's own app: one request, the same at other addresses, and its repeats.

Requests of a round are made side by side, by the same threads, connections and read loop as the probes of a
diagnosis. Which to repeat is decided in `measurement.repeats`; what they mean in `diagnosis`. Everything is
limited (time, bytes, decompressed bytes, records), and whatever the peer does is an Outcome.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial

from flushcheck.measurement.cross_probe import timings
from flushcheck.measurement.own_streams import EVENT_STREAM
from flushcheck.measurement.repeats import repeat_s, repeats, repeats_by_encoding
from flushcheck.model import (
    Client,
    Flow,
    NamedAddress,
    Observation,
    Outcome,
    Probe,
    Run,
    Scenario,
    Transport,
    Vantage,
    Variant,
)
from flushcheck.prober.arguments import DIRECT_NAME, check_timeout
from flushcheck.prober.connecting import tls_context
from flushcheck.prober.connections import BROWSER, Connections
from flushcheck.prober.differing import check_http3
from flushcheck.prober.marking import begin, marked
from flushcheck.prober.observe import SPARE_S, Finished, collect, work
from flushcheck.prober.own_stream import OwnStreamBuilder, ReadEvent, probe_own_stream
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.target import Protocol
from flushcheck.prober.tool import TOOL
from flushcheck.prober.watch_request import WatchRequest

DEFAULT_WATCH_S = 60.0
MAX_WATCH_S = 600.0


@dataclass(frozen=True, slots=True)
class Repeating:
    """What is repeated next, for the user to know before."""

    probes: tuple[Probe, ...]
    max_s: float


def watch(
    request: WatchRequest,
    direct: WatchRequest | None = None,
    *,
    at: Sequence[tuple[str, WatchRequest]] = (),
    timeout_s: float = DEFAULT_WATCH_S,
    repeat: bool = False,
    repeat_if: Callable[[Observation], bool] = lambda _: True,
    on_read: Callable[[ReadEvent], None] | None = None,
    on_repeat: Callable[[Repeating], None] | None = None,
    observer: str = "",
) -> Run:
    """Request a stream, follow it to its end, and repeat the request in other ways.

    Args:
        request: what to ask for.
        direct: the same at the app's own port, requested at the same time; None if there is none.
        at: names, and the same at other addresses, from the app towards the reader.
        timeout_s: when to stop with those that have not ended.
        repeat: whether to repeat the request. The app does its work again each time.
        repeat_if: asked with the first observation: whether it is worth repeating.
        on_read: called with each read of the first requests, in the caller's thread. KeyboardInterrupt there,
            or while waiting, stops the watching: what was seen until then is returned.
        on_repeat: called in this thread before requests are repeated.
        observer: the name of this machine, for the report; "" to leave it out.

    Raises:
        UsageError: `timeout_s` is not possible, or HTTP/3 at one of the addresses.
    """
    check_timeout(timeout_s, MAX_WATCH_S, DEFAULT_WATCH_S)
    for each in (request, *([direct] if direct else []), *(beside for _, beside in at)):
        if _client(each) is Client.HTTP3:
            check_http3(each.target)
    beginning, options = begin(), marked(request.target.options)
    request = _with_marker(request, options.marker)
    direct = _with_marker(direct, options.marker) if direct else None
    at = [(name, _with_marker(beside, options.marker)) for name, beside in at]
    with StallMonitor() as stalls:
        named = [*([(DIRECT_NAME, direct)] if direct else []), *at]
        watching = Watching(request, [beside for _, beside in named], stalls, on_read)
        observations = watching.first(timeout_s)
        if repeat and not watching.interrupted and repeat_if(observations[0]):
            observations = watching.repeated(observations, timeout_s, on_repeat or (lambda _: None))
    run = Run(
        target=request.shown_url,
        observations=observations,
        tool=TOOL,
        direct=named[0][1].shown_url if named else "",
        addresses=tuple(NamedAddress(name, beside.shown_url) for name, beside in named),
        proxy=request.target.proxy.url if request.target.proxy else "",
        verified=request.target.options.tls.verify,
        method=request.method,
    )
    return beginning.complete(run, options, observer)


def _with_marker(request: WatchRequest, marker: str) -> WatchRequest:
    options = replace(request.target.options, marker=marker)
    return replace(request, target=replace(request.target, options=options))


class Watching:
    """The rounds of one run."""

    def __init__(
        self,
        request: WatchRequest,
        beside: Sequence[WatchRequest],
        stalls: StallMonitor,
        on_read: Callable[[ReadEvent], None] | None,
    ) -> None:
        self._requests = {(Vantage.PATH, 0): request}
        for number, other in enumerate(beside):
            same = other.target.address == request.target.address and request.target.proxy is not None
            self._requests[Vantage.UNPROXIED if same else Vantage.DIRECT, number] = other
        self._stalls = stalls
        self._on_read = on_read
        self.interrupted = False

    def first(self, timeout_s: float) -> tuple[Observation, ...]:
        """Make the first request, at each address."""
        client = _client(self._requests[Vantage.PATH, 0])
        probes = [
            Probe(Transport.CHUNKED, Scenario.OWN, vantage=vantage, run=number, client=client)
            for vantage, number in self._requests
        ]
        observations = self._round(probes, timeout_s, on_read=self._on_read)
        transport = transport_of(observations[0])
        return tuple(
            replace(observation, probe=replace(observation.probe, transport=transport))
            for observation in observations
        )

    def repeated(
        self, observations: tuple[Observation, ...], timeout_s: float, on_repeat: Callable[[Repeating], None]
    ) -> tuple[Observation, ...]:
        """Repeat the request in the ways that its response leaves open; return the first ones too."""
        first, own_headers = observations[0], self._requests[Vantage.PATH, 0].own_headers
        max_s = min(timeout_s, repeat_s(first))
        enough = first.records if first.outcome is Outcome.STOPPED else 0
        for plan in (repeats, repeats_by_encoding):
            wanted = plan(first, flows(observations), own_headers)
            if not wanted or self.interrupted:
                continue
            on_repeat(Repeating(wanted, max_s))
            observations += self._round(wanted, max_s, enough_records=enough)
        return observations

    def _round(
        self,
        probes: Sequence[Probe],
        timeout_s: float,
        *,
        enough_records: int = 0,
        on_read: Callable[[ReadEvent], None] | None = None,
    ) -> tuple[Observation, ...]:
        """Make these requests side by side."""
        for request in self._requests.values():
            if request.target.address.tls:
                tls_context(request.target.options.tls, BROWSER)  # made before the clock runs
        now = time.monotonic()
        give_up = now + timeout_s + SPARE_S
        finished: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        builders = [
            OwnStreamBuilder(
                probe,
                self._requests[probe.vantage, 0 if probe.vantage is Vantage.PATH else probe.run],
                now=now,
                deadline=now + timeout_s,
                enough_records=enough_records,
                on_read=lambda event: finished.put(partial(self._tell, on_read, event)),
            )
            for probe in probes
        ]
        shared: dict[object, Connections] = {}
        with ExitStack() as stack:
            for index, builder in enumerate(builders):
                # The streams of one page share a connection; all others have one of their own.
                key = Variant.TOGETHER if builder.probe.variant is Variant.TOGETHER else index
                if key not in shared:
                    connections = Connections(builder.request.target, give_up)
                    shared[key] = stack.enter_context(closing(connections))
                threading.Thread(
                    target=work,
                    args=(index, partial(probe_own_stream, builder, shared[key], give_up), finished),
                    name=f"flushcheck-{builder.probe.id}",
                    daemon=True,
                ).start()
            return collect(
                builders, finished, give_up, self._stalls, None, partial(self._interrupt, builders)
            )

    def _interrupt(self, builders: Sequence[OwnStreamBuilder]) -> None:
        self.interrupted = True
        for builder in builders:
            builder.interrupted = True

    def _tell(self, on_read: Callable[[ReadEvent], None] | None, event: ReadEvent) -> None:
        if on_read is not None and not self.interrupted:
            on_read(event)


def _client(request: WatchRequest) -> Client:
    own = {Protocol.HTTP1: Client.HTTP1, Protocol.HTTP3: Client.HTTP3}
    return own.get(request.target.options.protocol, Client.BROWSER)


def transport_of(first: Observation) -> Transport:
    """Whether a stream is one of events, as its own content type says."""
    kind = first.header("content-type").partition(";")[0].strip().lower()
    return Transport.EVENTS if kind == EVENT_STREAM else Transport.CHUNKED


def flows(observations: Sequence[Observation]) -> dict[Probe, Flow]:
    """How each request arrived, in the light of all the others."""
    seen = {observation.probe: observation for observation in observations}
    return {probe: timing.flow for probe, timing in timings(seen).items()}
