"""One probe, one observation; or many of them side by side.

A probe waits nearly all of its time, so each gets a thread of its own: plain threads, which under gevent's
monkey patching are greenlets. Nothing that a peer does is raised here. The one thing a deadline cannot end
from within is a DNS lookup: a thread that is still in one at the deadline is abandoned, and what its
builder holds is its observation.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from flushcheck.measurement import plan
from flushcheck.model import Client, Observation, Probe, Transport, Vantage
from flushcheck.prober.address import parse
from flushcheck.prober.capture import Capture, EndDetail
from flushcheck.prober.connecting import tls_context
from flushcheck.prober.connections import BROWSER, Connections
from flushcheck.prober.http3_sharing import Http3Offer
from flushcheck.prober.marking import nonce
from flushcheck.prober.observation_builder import ObservationBuilder
from flushcheck.prober.polling import probe_polling
from flushcheck.prober.redaction import secrets_of
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.streams import probe_stream
from flushcheck.prober.target import DEFAULT_OPTIONS, ConnectionOptions, Target
from flushcheck.prober.websocket import probe_websocket

Prober = Callable[[ObservationBuilder, Connections, str], EndDetail]
PROBERS: dict[Transport, Prober] = {
    Transport.POLLING: probe_polling,
    Transport.CHUNKED: probe_stream,
    Transport.EVENTS: probe_stream,
    Transport.WEBSOCKET: probe_websocket,
}


class NotOffered:
    """How a probe over HTTP/3 ends where that is not offered: it was not made."""


class NoTime(NotOffered):
    """How a probe ends that waited too long for others to end: it was not made."""


# The index of a probe, how it ended, or a bug, and when; or what to do in the thread of the caller.
Finished = tuple[int, EndDetail | NotOffered | BaseException, float] | Callable[[], None]

# How much longer than its stream takes a probe may need that waits for its turn.
TURN_SPARE_S = 0.5

# How long after the deadline a thread may still be closing its connection.
SPARE_S = 0.3


def observe(
    probe: Probe, base_url: str, *, timeout_s: float, options: ConnectionOptions = DEFAULT_OPTIONS
) -> Observation:
    """Make one probe and return all that it saw. Whatever the peer does is an Outcome.

    Args:
        probe: what to ask for.
        base_url: the root of the service, with or without a slash at its end.
        timeout_s: when to give up, connecting included.
        options: how to get to the service.

    Raises:
        UsageError: `base_url` is not an address.
    """
    (observation,) = observe_all([probe], base_url, timeout_s=timeout_s, options=options)
    return observation


def observe_all(
    probes: Iterable[Probe],
    base_url: str,
    *,
    timeout_s: float,
    on_done: Callable[[Observation], None] | None = None,
    options: ConnectionOptions = DEFAULT_OPTIONS,
    short: bool = False,
) -> tuple[Observation, ...]:
    """Make several probes side by side, and return what they saw in the order given.

    Args:
        probes: what to ask for.
        base_url: the root of the service, with or without a slash at its end.
        timeout_s: when to give up on those that are not done.
        on_done: called with each observation when it is done, in the caller's thread.
        options: how to get to the service.
        short: ask for the streams of a first look: see `plan.SHORT_SHAPES`.

    Raises:
        UsageError: `base_url` is not an address.
    """
    made = tuple(probes)
    target = Target(parse(base_url), options)
    with StallMonitor() as stalls:
        return observe_round(made, target, (), timeout_s, stalls, on_done, short=made if short else ())


def observe_round(
    probes: Sequence[Probe],
    path: Target,
    beside: Sequence[Target],
    timeout_s: float,
    stalls: StallMonitor,
    on_done: Callable[[Observation], None] | None = None,
    on_left_out: Callable[[], None] | None = None,
    http3: Http3Offer | None = None,
    at_once: int = 0,
    short: Collection[Probe] = (),
) -> tuple[Observation, ...]:
    """Do what `observe_all` does, as one round of a run.

    Probes over HTTP/3 wait for an offer of it in the first response of the others. Where none comes, they are
    not made, and nothing is returned for them.

    Args:
        probes: what to ask for.
        path: where probes of the path go.
        beside: where probes of the second vantage go, by their `run`.
        timeout_s: when to give up on those that are not done.
        stalls: the monitor of the whole run.
        on_done: called with each observation when it is done, in the caller's thread.
        on_left_out: called for each probe that is not made, in the caller's thread.
        http3: where HTTP/3 is, as far as it is known; None: at the port of `path`.
        at_once: how many to make at the same time, the others in turn; 0: all. One for which no time is left
            is not made.
        short: those that ask for the streams of a first look.
    """
    turns = threading.Semaphore(at_once) if at_once else None
    offer = http3 or Http3Offer(path.address.host, path.address.port)
    for target in (path, *beside):
        if target.address.tls:
            tls_context(target.options.tls, BROWSER)  # made before the clock runs
    now = time.monotonic()
    hidden = tuple(secret for target in (path, *beside) for secret in secrets_of(target))
    builders = [
        ObservationBuilder(probe, now=now, deadline=now + timeout_s, secrets=hidden) for probe in probes
    ]
    # Each probe ends by its own deadline, and says what it waited for: a shared connection lasts longer.
    give_up = now + timeout_s + SPARE_S
    finished: queue.SimpleQueue[Finished] = queue.SimpleQueue()
    shared = plan.shared_connections(probes)
    pool: dict[tuple[int, int, bool], Connections] = {}
    with ExitStack() as stack:
        for index, builder in enumerate(builders):
            number = _address_number(builder.probe, beside)
            key = (number, shared[index], builder.probe in short)
            if key not in pool:
                target = replace((path, *beside)[number], short=builder.probe in short)
                pool[key] = stack.enter_context(closing(Connections(target, give_up, offer)))
            if _decides(builder.probe, probes):
                builder.on_response = offer.learn
            threading.Thread(
                target=work,
                args=(index, partial(_probe, builder, pool[key], offer, turns), finished),
                name=f"flushcheck-{builder.probe.id}",
                daemon=True,
            ).start()
        return collect(builders, finished, give_up, stalls, on_done, on_left_out=on_left_out)


def collect(
    builders: Sequence[Capture],
    finished: queue.SimpleQueue[Finished],
    give_up: float,
    stalls: StallMonitor,
    on_done: Callable[[Observation], None] | None,
    on_interrupt: Callable[[], None] | None = None,
    on_left_out: Callable[[], None] | None = None,
) -> tuple[Observation, ...]:
    """Wait for requests that `work` makes, and return what each saw, also of those not done at `give_up`.

    Args:
        builders: of all requests, by index.
        finished: what the threads report: the end of a request, or something to do in this thread meanwhile.
        give_up: when to stop waiting, in time.monotonic().
        stalls: the monitor of the whole run.
        on_done: called with each observation when it is done.
        on_interrupt: called once in place of KeyboardInterrupt, which ends the waiting then.
        on_left_out: called for each probe that is not made.
    """
    observations: dict[int, Observation] = {}
    left_out: set[int] = set()

    def close(index: int, end: EndDetail, ended: float) -> None:
        began = builders[index].began
        observations[index] = builders[index].close(
            end, now=ended, requested_s=began - stalls.began, stall_s=stalls.max_stall_s(began, ended)
        )
        if on_done is not None:
            on_done(observations[index])

    while len(observations) + len(left_out) < len(builders):
        try:
            report = finished.get(timeout=max(0.0, give_up - time.monotonic()))
            if callable(report):
                report()
                continue
        except queue.Empty:
            break
        except KeyboardInterrupt:
            if on_interrupt is None:
                raise
            on_interrupt()
            give_up = 0.0
            continue
        index, end, ended = report
        if isinstance(end, BaseException):
            raise end
        if isinstance(end, NotOffered):
            left_out.add(index)
            if on_left_out is not None:
                on_left_out()
        else:
            close(index, end, ended)
    for index, builder in enumerate(builders):
        if index not in observations and index not in left_out:
            close(index, builder.on_deadline(), time.monotonic())
    return tuple(observation for _, observation in sorted(observations.items()))


def _address_number(probe: Probe, beside: Sequence[Target]) -> int:
    """Where a probe goes: 0 for the path, then by the order of the other addresses."""
    is_beside = bool(beside) and probe.vantage in (Vantage.DIRECT, Vantage.UNPROXIED, Vantage.OUTER)
    return 1 + probe.run if is_beside else 0


def _probe(
    builder: ObservationBuilder,
    connections: Connections,
    offer: Http3Offer,
    turns: threading.Semaphore | None,
) -> EndDetail | NotOffered:
    """Make one probe, in its turn where there are turns; over HTTP/3 only where that is offered."""
    probe, deadline = builder.probe, builder.budget.deadline
    if _over_http3(probe) and not offer.wait(deadline - time.monotonic()):
        return NotOffered()
    if turns is not None:
        # What would not be done by then is not begun.
        left_s = (
            deadline
            - plan.duration_s(probe, short=connections.target.short)
            - TURN_SPARE_S
            - time.monotonic()
        )
        if left_s < 0 or not turns.acquire(timeout=left_s):
            return NoTime()
    try:
        end = PROBERS[probe.transport](builder, connections, nonce(connections.target.options))
    finally:
        if turns is not None:
            turns.release()
    if builder.on_response is not None:
        offer.settle()
    return end


def work(
    index: int, make: Callable[[], EndDetail | NotOffered], finished: queue.SimpleQueue[Finished]
) -> None:
    """Make one request, in a thread of its own."""
    end: EndDetail | NotOffered | BaseException
    try:
        end = make()
    except BaseException as error:  # noqa: BLE001  # a bug: raised again in the caller's thread
        end = error
    finished.put((index, end, time.monotonic()))


def _over_http3(probe: Probe) -> bool:
    """Whether this probe asks over HTTP/3; a WebSocket never does."""
    return probe.client is Client.HTTP3 and probe.transport is not Transport.WEBSOCKET


def _decides(probe: Probe, probes: Sequence[Probe]) -> bool:
    """Whether the response to this probe says if HTTP/3 is offered: those to the first client on the path.

    A WebSocket's handshake is no such response: servers leave Alt-Svc out of it.
    """
    first = next((other.client for other in probes if other.client is not Client.HTTP3), None)
    on_path = probe.client is first and probe.vantage is Vantage.PATH
    return on_path and probe.transport is not Transport.WEBSOCKET
