"""The origin protocol at the root, beside the service's own paths: `/?fc=…`. See docs/protocol.md.

The streams are those of `streams.py`, under the same limits; here the query is another one, and an error
repeats nothing of it. There is no token: the service is made to be public.
"""

from __future__ import annotations

import re

from flask import Response, request

from flushcheck.model import Framing, Transport, UsageError
from flushcheck.model.codec import to_json
from flushcheck.protocol import origin as protocol
from flushcheck.service.responses import json_response
from flushcheck.service.routes import streams
from flushcheck.service.seen_request import request_at_app
from flushcheck.service.service import Service
from flushcheck.streaming.params import Params, check
from flushcheck.streaming.source import source
from flushcheck.version import VERSION

# The WebSocket has its own path: `paths` in the capabilities says so.
TRANSPORTS = (Transport.POLLING, Transport.CHUNKED, Transport.EVENTS)
PARAMS = ("pad", "xab", "cache", "nosniff", "type")
PARAMETER = "fc"


def respond(service: Service) -> Response:
    """Respond to a request with `fc` in its query.

    Raises:
        CapacityExceeded: a limit of concurrent streams is reached.
    """
    try:
        return _respond(service)
    except (protocol.Refused, UsageError) as error:
        # A UsageError repeats a value; what is wrong is that the operator allows less.
        reason = (
            str(error) if isinstance(error, protocol.Refused) else "count, interval or size: too much here"
        )
        return _error(service, {"error": reason})


def _respond(service: Service) -> Response:
    given = protocol.once(list(request.args.items(multi=True)))
    kind = given[PARAMETER]
    if kind == str(protocol.VERSION):
        return json_response(_capabilities(service))
    if kind not in TRANSPORTS:
        raise protocol.Refused(f"fc: expected {protocol.VERSION}, {', '.join(TRANSPORTS)}")
    transport = Transport(kind)
    asked = protocol.Params.read(given, _bounds(service), whole_stream=transport is not Transport.POLLING)
    params = Params(
        count=asked.count,
        interval_s=asked.interval,
        jitter_s=asked.jitter,
        size_bytes=asked.size,
        spread_bytes=asked.spread,
        pad_bytes=asked.pad,
        xab=bool(asked.xab),
        cache=bool(asked.cache),
        nosniff=bool(asked.nosniff),
        heartbeat=False,
        end="done",
        framing=Framing.DELTA,
        content_type=asked.type,
    )
    if transport is Transport.POLLING:
        return _poll(service, params, given.get("cnt", "0"))
    check(params, service.limits)
    whole = source(params, own_text="", limits=service.limits)
    route = streams.CHUNKED if transport is Transport.CHUNKED else streams.EVENTS
    return streams.open_stream(service, route, params, whole, retries=False)


def _bounds(service: Service) -> dict[str, int]:
    """The `max` of the capabilities, within what the protocol allows."""
    limits = service.limits
    at_once = limits.max_streams_per_client or -(-limits.max_streams // 3)
    return {
        "streams": max(1, min(1000, at_once)),
        "duration_s": max(3, min(3600, int(limits.max_duration_s))),
        "bytes": max(8192, min(1_000_000_000, limits.max_stream_bytes)),
    }


def _capabilities(service: Service) -> dict[str, object]:
    return {
        "flushcheck": protocol.VERSION,
        "origin": f"flushcheck {VERSION}",
        "transports": list(TRANSPORTS),
        "params": list(PARAMS),
        "max": _bounds(service),
        "paths": True,
    }


def _poll(service: Service, params: Params, cnt: str) -> Response:
    whole = source(params, own_text="", limits=service.limits)
    if re.fullmatch("[0-9]{1,12}", cnt) and int(cnt) < whole.count:
        return streams.poll_piece(params, whole, int(cnt))
    return _error(service, {"error": f"cnt: expected 0 to {whole.count - 1}", "count": whole.count})


def _error(service: Service, data: dict[str, object]) -> Response:
    at_app = request_at_app(request.environ, concurrent=service.limiter.in_use + 1)
    return json_response({**data, "request_at_app": to_json(at_app)}, 400)
