"""How one stream of the user's own app arrived, in words with numbers."""

from __future__ import annotations

from flushcheck.measurement.own_streams import PLAIN, OwnShape, shape
from flushcheck.measurement.timing import Timing
from flushcheck.model import Flow, Observation, Transport
from flushcheck.model.wording import count_of


def own_summary(observation: Observation, timing: Timing) -> str:
    """One sentence with numbers: how the records of the user's own stream arrived."""
    own, flow, waited_s = shape(observation), timing.flow, timing.waited_s
    if flow is Flow.FAILED:
        return f"no stream: {observation.detail or 'no data arrived'}"
    what = f"{records_of(observation)} in {_deliveries(own)}"
    span = f"from {own.first_s:.2f} to {own.last_s:.2f} s"
    waited = f", up to {waited_s:.1f} s later than elsewhere" if waited_s > 0 else ""
    if flow is Flow.CUT:
        if observation.unread_bytes:
            return f"{what}, then compressed data that browsers do not read"
        return f"cut after {observation.ended_s:.1f} s and {records_of(observation)}: {observation.detail}"
    if flow is Flow.REPLAYED:
        return (
            f"{records_of(observation)}, all at once after {own.first_s:.1f} s, before the app had sent them"
        )
    if own.deliveries == 1:
        return f"{records_of(observation)}, all at once after {own.first_s:.1f} s{waited}"
    if own.hold_bytes:
        each = (
            f"{own.hold_bytes} bytes or a little more"
            if own.whole_records
            else f"{own.hold_bytes} bytes each"
        )
        return f"{what} of {each}, {span}{waited}"
    if flow is Flow.TICKS or own.period_s:
        period_s = timing.period_s or own.period_s
        return f"{what}, one every {period_s * 1000:.0f} ms, {span}{waited}"
    return f"{what}, {span}{waited}"


def records_of(observation: Observation) -> str:
    """For example "12 events"."""
    if observation.framing == PLAIN:
        return f"{sum(arrival.text_bytes for arrival in observation.arrivals)} bytes"
    is_event = observation.probe.transport is Transport.EVENTS
    return count_of(observation.records, "event" if is_event else "record")


def arriving(observation: Observation) -> str:
    """For example "the events arrive"."""
    if observation.framing == PLAIN:
        return "the bytes arrive"
    return "the events arrive" if observation.probe.transport is Transport.EVENTS else "the records arrive"


def _deliveries(own: OwnShape) -> str:
    return f"{own.deliveries} {'delivery' if own.deliveries == 1 else 'deliveries'}"
