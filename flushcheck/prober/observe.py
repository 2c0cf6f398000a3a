"""One Probe, one Observation; or many of them side by side.

A Probe waits nearly all of its time, so each gets a thread of its own: plain threads, which under
gevent's monkey patching are greenlets. Nothing that a far side does is raised here. The one thing a
deadline cannot end from within is a look-up in DNS: a thread still in there when the time is up is
left behind, and what it took down until then is its Observation.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable

from flushcheck.model import Observation, Probe, Transport, Vantage
from flushcheck.prober.address import Address, parse
from flushcheck.prober.observation_builder import ObservationBuilder, Told
from flushcheck.prober.polling import observe_polling
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.streams import observe_stream
from flushcheck.prober.timed_socket import tls_context
from flushcheck.prober.websocket import observe_websocket

HANDS: dict[Transport, Callable[[ObservationBuilder, Address, str], Told]] = {
    Transport.POLLING: observe_polling,
    Transport.CHUNKED: observe_stream,
    Transport.EVENTS: observe_stream,
    Transport.WEBSOCKET: observe_websocket,
}

# How long after the deadline a thread may still be closing its connection.
SPARE_S = 0.3


def observe(probe: Probe, base_url: str, *, timeout_s: float) -> Observation:
    """Make one Probe and return all that it saw. Whatever the far side does is an Outcome.

    Args:
        probe: what to ask for.
        base_url: the root of the service, with or without a slash at its end.
        timeout_s: when to give up, connecting included.

    Raises:
        UsageError: `base_url` is not an address.
    """
    (observation,) = observe_all([probe], base_url, timeout_s=timeout_s)
    return observation


def observe_all(
    probes: Iterable[Probe],
    base_url: str,
    *,
    timeout_s: float,
    on_done: Callable[[Observation], None] | None = None,
    metronome: StallMonitor | None = None,
    direct_url: str = "",
) -> tuple[Observation, ...]:
    """Make several Probes side by side, and return what they saw in the order given.

    Args:
        probes: what to ask for.
        base_url: the root of the service, with or without a slash at its end.
        timeout_s: when to give up on those that are not done.
        on_done: called with each Observation as it is done, in the caller's thread.
        metronome: one that beats already, for a run of several rounds; None: one for this call.
        direct_url: where Probes of Vantage.DIRECT go; "" if there are none.

    Raises:
        UsageError: `base_url` or `direct_url` is not an address.
    """
    address = parse(base_url)
    direct = parse(direct_url) if direct_url else address
    if address.tls or direct.tls:
        tls_context()
    asked = [(probe, direct if probe.vantage is Vantage.DIRECT else address) for probe in probes]
    if metronome is None:
        with StallMonitor() as own:
            return _side_by_side(asked, timeout_s, on_done, own)
    return _side_by_side(asked, timeout_s, on_done, metronome)


def _side_by_side(
    asked: list[tuple[Probe, Address]],
    timeout_s: float,
    on_done: Callable[[Observation], None] | None,
    metronome: StallMonitor,
) -> tuple[Observation, ...]:
    now = time.monotonic()
    ledgers = [ObservationBuilder(probe, now=now, deadline=now + timeout_s) for probe, _ in asked]
    finished: queue.SimpleQueue[tuple[int, Told | BaseException, float]] = queue.SimpleQueue()

    def work(index: int, ledger: ObservationBuilder) -> None:
        try:
            hand = HANDS[ledger.probe.transport]
            told: Told | BaseException = hand(ledger, asked[index][1], secrets.token_hex(8))
        except BaseException as error:  # noqa: BLE001  # a fault of ours: raised again in the caller's thread
            told = error
        finished.put((index, told, time.monotonic()))

    for index, ledger in enumerate(ledgers):
        name = f"flushcheck-{ledger.probe.id}"
        threading.Thread(target=work, args=(index, ledger), name=name, daemon=True).start()
    observations: dict[int, Observation] = {}

    def close(index: int, told: Told, ended: float) -> None:
        ledger = ledgers[index]
        stall_s = metronome.max_stall_s(ledger.began, ended)
        asked_s = ledger.began - metronome.began
        observations[index] = ledger.close(*told, now=ended, asked_s=asked_s, stall_s=stall_s)
        if on_done is not None:
            on_done(observations[index])

    give_up = now + timeout_s + SPARE_S
    while len(observations) < len(asked):
        try:
            index, told, ended = finished.get(timeout=max(0.0, give_up - time.monotonic()))
        except queue.Empty:
            break
        if isinstance(told, BaseException):
            raise told
        close(index, told, ended)
    for index in range(len(asked)):
        if index not in observations:
            close(index, ledgers[index].left_behind(), time.monotonic())
    return tuple(observations[index] for index in range(len(asked)))
