"""Responses that are not the stream that was asked for: what they say, read as far as it arrives soon."""

from __future__ import annotations

import json
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
    if location := response.header("location"):
        text = f"{status}, redirected to {printable(location, 200)}: diagnose that address instead"
        return EndDetail(StopReason.REFUSED, text)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    builder.learn_request_at_app(data)
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str):
        return EndDetail(StopReason.REFUSED, f"{status}: {printable(error, 200)}")
    text = describe_response(response.status, response.header("content-type"), body)
    return EndDetail(StopReason.REFUSED, text)
