"""Observing JSON polling: each Piece asked for by number, over one connection that is kept."""

from __future__ import annotations

import time

from urllib3.response import HTTPResponse

from flushcheck.measurement import plan
from flushcheck.model import EndRecord, Piece
from flushcheck.prober.address import Address
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http import FAR_SIDE, Connection, answered, ending, read_whole, refusal
from flushcheck.prober.observation_builder import Ending, ObservationBuilder, Told
from flushcheck.prober.timed_socket import TimedSocket
from flushcheck.streaming.transports import Malformed
from flushcheck.streaming.transports.polling import read_body

MAX_BODY_BYTES = 256 * 1024  # of one answer: four of the largest Pieces


def observe_polling(ledger: ObservationBuilder, address: Address, nonce: str) -> Told:
    """Ask for every Piece, then once more for the end. What is seen goes into the Ledger.

    Poll k is due at k times the interval, and made right away where the one before came later than
    that. A Piece counts as sent at the moment it was asked for, connecting not included.
    """
    asked = plan.params(ledger.probe)
    connection = Connection(address, ledger.allowance)
    try:
        for seq in range(asked.count + 1):
            # The question for the end is due at once: nothing is measured by it.
            if 0 < seq < asked.count:
                _wait(ledger.began + seq * asked.interval_s, ledger)
            if (told := _poll(ledger, connection, seq, nonce)) is not None:
                return told
    except FAR_SIDE as error:
        return ending(error, ledger)
    finally:
        connection.hang_up()
    return Ending.FOREIGN, f"piece {asked.count} came, of a stream of {asked.count}"


def _wait(until: float, ledger: ObservationBuilder) -> None:
    """Sleep until a moment, or the deadline.

    Raises:
        OutOfTime: it is the deadline.
    """
    time.sleep(max(0.0, min(until - time.monotonic(), ledger.allowance.left_s())))
    ledger.allowance.left_s()


def _poll(ledger: ObservationBuilder, connection: Connection, seq: int, nonce: str) -> Told | None:
    """Make one poll; None if it brought its Piece.

    Raises:
        FAR_SIDE: no whole answer came.
    """
    line, response = _ask(ledger, connection, seq, nonce)
    sent_s = ledger.at_s(line.sent_at)
    if seq == 0:
        answered(ledger, line, response)
    try:
        size_bytes, text = read_whole(response, MAX_BODY_BYTES)
    except DecodeError as error:
        return Ending.FOREIGN, str(error)
    try:
        record = read_body(text)
        expected = EndRecord if response.status == 400 else Piece
        if response.status not in (200, 400) or not isinstance(record, expected):
            raise Malformed(f"status {response.status} with another's body")
        if isinstance(record, Piece) and record.seq != seq:
            return Ending.FOREIGN, f"asked for piece {seq}, got piece {record.seq}"
        ledger.arrived(line.read_at, size_bytes, text)
        ledger.completed([record], sent_s=sent_s)
    except Malformed:
        said = refusal(ledger, response.status, lambda name: response.headers.get(name, ""), text)
        return (Ending.FOREIGN if ledger.pieces else Ending.REFUSED), said
    return (Ending.ENDED, "") if ledger.end is not None else None


def _ask(
    ledger: ObservationBuilder, connection: Connection, seq: int, nonce: str
) -> tuple[TimedSocket, HTTPResponse]:
    """Send one poll and wait for the header of its answer.

    A server may close a kept connection at any time, also while a request is under way to it; then
    the request is sent once more on a new one (RFC 9112, section 9.3.1), as browsers do.

    Raises:
        FAR_SIDE: none came.
    """
    # An address of its own for each poll, so that no cache answers one with another's Piece.
    path = f"{plan.address(ledger.probe, f'{nonce}-{seq}')}&cnt={seq}"
    headers = {"Accept": "application/json", "Accept-Encoding": plan.encodings(ledger.probe)}
    if connection.sock is not None and not connection.is_connected:
        connection.close()
    kept = connection.sock is not None
    try:
        line = connection.ask(path, headers)
        if seq == 0:
            ledger.asked(line)
        return line, connection.getresponse()
    except ConnectionError:  # http.client's RemoteDisconnected is one
        if not kept:
            raise
        connection.close()
        line = connection.ask(path, headers)
        return line, connection.getresponse()
