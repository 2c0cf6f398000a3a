"""Responses that are not the stream that was asked for: what they say, read as far as it arrives soon."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress

from flushcheck.prober.capture import EndDetail, StopReason
from flushcheck.prober.decompress import DecodeError, DecoderChain
from flushcheck.prober.http_client import PEER_ERRORS, HttpClient, Response
from flushcheck.prober.messages import describe_response, printable
from flushcheck.prober.observation_builder import ObservationBuilder
from flushcheck.prober.timed_socket import Budget

# Of such a response: how much is read, and for how long, before it is described.
MAX_ERROR_BYTES = 64 * 1024
MAX_ERROR_S = 2.0

MIN_RETRY_S = 0.2  # before a full origin is asked again


def retry_after_s(response: Response) -> float:
    """How long to wait before the only other attempt, where an origin is full; 0.0: do not."""
    asked = response.header("retry-after")
    if response.status != 503 or not re.fullmatch("[0-9]", asked):
        return 0.0
    return max(MIN_RETRY_S, float(asked))


def refused(builder: ObservationBuilder, client: HttpClient, response: Response) -> EndDetail:
    """Read the body of a response that is not a stream, and say what it says."""
    return refusal(builder, response, read_error(client, response, builder.budget))


def read_error(client: HttpClient, response: Response, budget: Budget) -> bytes:
    """Return the body of a response that is not a stream, as far as it arrives soon."""
    budget.end_by(time.monotonic() + MAX_ERROR_S)
    text = bytearray()
    with suppress(*PEER_ERRORS, DecodeError):  # what arrived until then is worth showing
        chain = DecoderChain(response.header("content-encoding"))
        for read in client.body():
            text += chain.feed(read.data)
            if len(text) >= MAX_ERROR_BYTES:
                break
    return bytes(text[:MAX_ERROR_BYTES])


def refusal(builder: ObservationBuilder, response: Response, body: bytes) -> EndDetail:
    """Say where a response that is not a stream redirects to, which error it gives, or how it begins.

    Args:
        builder: learns what the app saw of the request, if the response says so.
        response: its header.
        body: its beginning, without content encoding.
    """
    status = f"status {response.status}"
    if location := builder.hide(response.header("location")):
        return EndDetail(StopReason.REFUSED, f"{status}, redirected to {printable(location, 200)}")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    builder.learn_request_at_app(data)
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str):
        return EndDetail(StopReason.REFUSED, f"{status}: {printable(builder.hide(error), 200)}")
    text = builder.hide(body.decode(errors="replace"))
    detail = describe_response(response.status, response.header("content-type"), text)
    return EndDetail(StopReason.REFUSED, detail)
