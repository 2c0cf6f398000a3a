"""One probe, one observation; or many of them side by side.

A probe waits nearly all of its time, so each gets a thread of its own: plain threads, which under gevent's
monkey patching are greenlets. Nothing that a peer does is raised here. The one thing a deadline cannot end
from within is a DNS lookup: a thread that is still in one at the deadline is abandoned, and what its
builder holds is its observation.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from functools import partial

from flushcheck.measurement import plan
from flushcheck.model import Observation, Probe, Transport, Vantage
from flushcheck.prober.address import parse
from flushcheck.prober.capture import Capture, EndDetail
from flushcheck.prober.connecting import tls_context
from flushcheck.prober.connections import BROWSER, Connections
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

# The index of a probe, how it ended, or a bug, and when; or what to do in the thread of the caller.
Finished = tuple[int, EndDetail | BaseException, float] | Callable[[], None]

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
) -> tuple[Observation, ...]:
    """Make several probes side by side, and return what they saw in the order given.

    Args:
        probes: what to ask for.
        base_url: the root of the service, with or without a slash at its end.
        timeout_s: when to give up on those that are not done.
        on_done: called with each observation when it is done, in the caller's thread.
        options: how to get to the service.

    Raises:
        UsageError: `base_url` is not an address.
    """
    target = Target(parse(base_url), options)
    with StallMonitor() as stalls:
        return observe_round(tuple(probes), target, None, timeout_s, stalls, on_done)


def observe_round(
    probes: Sequence[Probe],
    path: Target,
    direct: Target | None,
    timeout_s: float,
    stalls: StallMonitor,
    on_done: Callable[[Observation], None] | None = None,
) -> tuple[Observation, ...]:
    """Do what `observe_all` does, as one round of a run.

    Args:
        probes: what to ask for.
        path: where probes of the path go.
        direct: where probes of the second vantage go; None if there are none.
        timeout_s: when to give up on those that are not done.
        stalls: the monitor of the whole run.
        on_done: called with each observation when it is done, in the caller's thread.
    """
    for target in (path, direct):
        if target and target.address.tls:
            tls_context(target.options.tls, BROWSER)  # made before the clock runs
    now = time.monotonic()
    hidden = tuple(secret for target in (path, direct) if target for secret in secrets_of(target))
    builders = [
        ObservationBuilder(probe, now=now, deadline=now + timeout_s, secrets=hidden) for probe in probes
    ]
    # Each probe ends by its own deadline, and says what it waited for: a shared connection lasts longer.
    give_up = now + timeout_s + SPARE_S
    finished: queue.SimpleQueue[Finished] = queue.SimpleQueue()
    shared = plan.shared_connections(probes)
    pool: dict[tuple[bool, int], Connections] = {}
    with ExitStack() as stack:
        for index, builder in enumerate(builders):
            is_second = direct is not None and builder.probe.vantage in (Vantage.DIRECT, Vantage.UNPROXIED)
            key = (is_second, shared[index])
            if key not in pool:
                target = direct if direct is not None and is_second else path
                pool[key] = stack.enter_context(closing(Connections(target, give_up)))
            make = partial(PROBERS[builder.probe.transport], builder, pool[key], secrets.token_hex(8))
            threading.Thread(
                target=work,
                args=(index, make, finished),
                name=f"flushcheck-{builder.probe.id}",
                daemon=True,
            ).start()
        return collect(builders, finished, give_up, stalls, on_done)


def collect(
    builders: Sequence[Capture],
    finished: queue.SimpleQueue[Finished],
    give_up: float,
    stalls: StallMonitor,
    on_done: Callable[[Observation], None] | None,
    on_interrupt: Callable[[], None] | None = None,
) -> tuple[Observation, ...]:
    """Wait for requests that `work` makes, and return what each saw, also of those not done at `give_up`.

    Args:
        builders: of all requests, by index.
        finished: what the threads report: the end of a request, or something to do in this thread meanwhile.
        give_up: when to stop waiting, in time.monotonic().
        stalls: the monitor of the whole run.
        on_done: called with each observation when it is done.
        on_interrupt: called once in place of KeyboardInterrupt, which ends the waiting then.
    """
    observations: dict[int, Observation] = {}

    def close(index: int, end: EndDetail, ended: float) -> None:
        began = builders[index].began
        observations[index] = builders[index].close(
            end, now=ended, requested_s=began - stalls.began, stall_s=stalls.max_stall_s(began, ended)
        )
        if on_done is not None:
            on_done(observations[index])

    while len(observations) < len(builders):
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
        close(index, end, ended)
    for index, builder in enumerate(builders):
        if index not in observations:
            close(index, builder.on_deadline(), time.monotonic())
    return tuple(observations[index] for index in range(len(builders)))


def work(index: int, make: Callable[[], EndDetail], finished: queue.SimpleQueue[Finished]) -> None:
    """Make one request, in a thread of its own."""
    end: EndDetail | BaseException
    try:
        end = make()
    except BaseException as error:  # noqa: BLE001  # a bug: raised again in the caller's thread
        end = error
    finished.put((index, end, time.monotonic()))
