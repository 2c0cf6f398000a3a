"""Probing JSON polling: each piece is asked for by number, over one connection that is kept open."""

from __future__ import annotations

import time
from contextlib import closing

from flushcheck.measurement import plan
from flushcheck.model import EndRecord, Piece
from flushcheck.prober.capture import EndDetail, StopReason
from flushcheck.prober.connections import Connections
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http_client import (
    PEER_ERRORS,
    ConnectionEnded,
    HttpClient,
    Response,
    SentRequest,
    WholeBody,
    default_headers,
    read_whole,
)
from flushcheck.prober.observation_builder import ObservationBuilder
from flushcheck.prober.refusals import refusal, retry_after_s
from flushcheck.prober.target import Target
from flushcheck.streaming.transports import Malformed
from flushcheck.streaming.transports.polling import read_body

MAX_BODY_BYTES = 256 * 1024  # of one response: four of the largest pieces


def probe_polling(builder: ObservationBuilder, connections: Connections, nonce: str) -> EndDetail:
    """Ask for every piece, then once more for the end. What arrives goes into the builder.

    Poll k is due at k times the interval, and made right away where the one before came later than that. A
    piece counts as sent at the moment it was asked for, connecting not included.
    """
    target = connections.target
    params = plan.params(builder.probe, short=target.short)
    try:
        with closing(connections.client(builder.probe, builder.budget)) as client:
            for seq in range(params.count + 1):
                # The poll for the end is due at once: nothing is measured by it.
                if 0 < seq < params.count:
                    _wait(builder.began + seq * params.interval_s, builder)
                if (end := _poll(builder, client, target, seq, nonce)) is not None:
                    return end
    except PEER_ERRORS as error:
        return builder.failed(error)
    return EndDetail(StopReason.UNRELATED, f"piece {params.count} arrived, of a stream of {params.count}")


def _wait(until: float, builder: ObservationBuilder) -> None:
    """Sleep until a moment, or the deadline.

    Raises:
        DeadlineExceeded: it is the deadline.
    """
    time.sleep(max(0.0, min(until - time.monotonic(), builder.budget.left_s())))
    builder.budget.left_s()


def _poll(
    builder: ObservationBuilder, client: HttpClient, target: Target, seq: int, nonce: str
) -> EndDetail | None:
    """Make one poll; None if it brought its piece.

    Raises:
        PEER_ERRORS: no whole response came.
    """
    # An address of its own for each poll, so that no cache responds to one with the piece of another.
    request_target = f"{target.probe_target(builder.probe, f'{nonce}-{seq}')}&cnt={seq}"
    try:
        sent_s, response, body = _exchange(builder, client, request_target, seq, may_wait=target.is_origin)
    except DecodeError as error:
        return EndDetail(StopReason.UNRELATED, str(error))
    try:
        record = read_body(body.text)
        expected = EndRecord if response.status == 400 else Piece
        if response.status not in (200, 400) or not isinstance(record, expected):
            raise Malformed(f"status {response.status} with the body of another")
        if isinstance(record, Piece) and record.seq != seq:
            return EndDetail(StopReason.UNRELATED, f"asked for piece {seq}, got piece {record.seq}")
        builder.arrived(
            body.moment,
            body.size_bytes,
            body.text,
            frame_bytes=body.frame_bytes,
            record_bytes=body.record_bytes,
        )
        builder.completed([record], sent_s=sent_s)
    except Malformed:
        end = refusal(builder, response, body.text)
        return EndDetail(StopReason.UNRELATED, end.detail) if builder.pieces else end
    return EndDetail(StopReason.ENDED) if builder.end is not None else None


def _exchange(
    builder: ObservationBuilder, client: HttpClient, request_target: str, seq: int, *, may_wait: bool
) -> tuple[float, Response, WholeBody]:
    """Send one poll and read its response; a full origin is asked once more.

    Returns: when it was sent, in seconds of the builder; the header and the body of the response.

    Raises:
        PEER_ERRORS, DecodeError: no whole response came.
    """
    sent, response = _request(builder, client, request_target)
    if seq == 0:
        builder.responded(response)
    body = read_whole(client, response, MAX_BODY_BYTES)
    if may_wait and (wait_s := retry_after_s(response)):
        time.sleep(min(wait_s, builder.budget.left_s()))
        return _exchange(builder, client, request_target, seq, may_wait=False)
    return builder.at_s(sent.moment), response, body


def _request(
    builder: ObservationBuilder, client: HttpClient, request_target: str
) -> tuple[SentRequest, Response]:
    """Send one poll and wait for the header of its response.

    A server may close a kept connection at any time, also while a request is under way to it; then the
    request is sent once more on a new one (RFC 9112, section 9.3.1), as browsers do.

    Raises:
        PEER_ERRORS: none came.
    """
    headers = default_headers("application/json", plan.encodings(builder.probe))
    kept = client.reusable
    try:
        sent = client.request("GET", request_target, headers)
        if not builder.connect_s:
            builder.requested(sent)
        return sent, client.response()
    except (ConnectionError, ConnectionEnded):
        if not kept:
            raise
        client.close()
        return client.request("GET", request_target, headers), client.response()
