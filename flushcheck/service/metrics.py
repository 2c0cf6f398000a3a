"""/metrics: the counters of `metrics_store` in Prometheus' text format.

The counters name no client and no request. They are still not public: only clients on this machine or its
private network may read them, or clients with the token.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from itertools import accumulate, product

from flask import Blueprint, Request, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from flushcheck.model import Transport
from flushcheck.protocol.origin import FORWARDING
from flushcheck.service.limits.clients import client_address, is_private
from flushcheck.service.metrics_store import LATE_S, REFUSALS, MetricsStore, Totals
from flushcheck.service.responses import json_response
from flushcheck.service.serving.frame_schedule import EndReason
from flushcheck.service.serving.serve import Serving
from flushcheck.streaming.limits import Limits

OTHER = "other"  # the label of all statuses that are not in REFUSALS

_STREAMED = tuple(transport for transport in Transport if transport is not Transport.POLLING)


class MetricsCollector(Collector):
    """The totals as Prometheus metric families."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        """Every family with all its labels, also those at zero."""
        yield self._streams_open()
        yield self._ended()
        yield self._pieces()
        yield self._lateness()
        yield self._refusals()

    def _streams_open(self) -> Metric:
        family = GaugeMetricFamily("flushcheck_streams_open", "Streams open now.", labels=["transport"])
        for transport in _STREAMED:
            family.add_metric([transport], self._totals.streams_open(transport))
        return family

    def _ended(self) -> Metric:
        family = CounterMetricFamily(
            "flushcheck_streams_ended",
            "Streams and polls that are over, by how they ended; stalled: the client took no data.",
            labels=["transport", "ended"],
        )
        for transport, how in product(Transport, EndReason):
            family.add_metric([transport, how], self._totals.streams_ended(transport, how))
        return family

    def _pieces(self) -> Metric:
        family = CounterMetricFamily("flushcheck_pieces", "Pieces sent.", labels=["transport"])
        for transport in Transport:
            family.add_metric([transport], sum(self._totals.pieces_by_lateness(transport)))
        return family

    def _lateness(self) -> Metric:
        family = HistogramMetricFamily(
            "flushcheck_piece_lateness_seconds",
            "Time between the due moment of a piece and the moment when the service wrote it.",
            labels=["transport"],
        )
        for transport in _STREAMED:
            cumulated = accumulate(self._totals.pieces_by_lateness(transport))
            buckets = [(str(bound), count) for bound, count in zip((*LATE_S, "+Inf"), cumulated, strict=True)]
            family.add_metric([transport], buckets, self._totals.lateness_s(transport))
        return family

    def _refusals(self) -> Metric:
        family = CounterMetricFamily(
            "flushcheck_refusals", "Responses with a status of 400 or more.", labels=["status"]
        )
        for status, count in zip((*REFUSALS, OTHER), self._totals.refusals(), strict=True):
            family.add_metric([str(status)], count)
        return family


class EngineCollector(Collector):
    """Whether the engine writes the streams of this process; the same in all workers of one service."""

    def __init__(self, *, active: bool) -> None:
        self._active = active

    def collect(self) -> Iterator[Metric]:
        """The one family."""
        yield GaugeMetricFamily(
            "flushcheck_engine_active",
            "1 if one loop writes the streams, 0 if each stream is paced by itself.",
            value=int(self._active),
        )


def exposition(totals: Totals, *more: Collector) -> bytes:
    """The totals, and what other collectors give, in Prometheus' text format."""
    registry = CollectorRegistry()
    for collector in (MetricsCollector(totals), *more):
        registry.register(collector)
    return generate_latest(registry)


def routes(limits: Limits, store: MetricsStore, serving: Serving) -> Blueprint:
    """The route `/metrics`."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        refusal = _refusal(limits, request)
        engine = EngineCollector(active=serving.engine_active)
        return refusal or Response(exposition(store.totals(), engine), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def _refusal(limits: Limits, request: Request) -> Response | None:
    """The response to a client that may not read the metrics; None if it may."""
    if limits.metrics_token:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(token.encode(), limits.metrics_token.encode()):
            return None
        return json_response(
            {"error": "Authorization: expected Bearer and the value of FLUSHCHECK_METRICS_TOKEN"},
            401,
            {"WWW-Authenticate": "Bearer"},
        )
    # If a proxy forwarded the request, the address of the connection is the proxy's.
    forwarded = not limits.trusted_proxies and any(name in request.headers for name in (*FORWARDING, "via"))
    client = client_address(request.environ, trusted_proxies=limits.trusted_proxies)
    if is_private(client) and not forwarded:
        return None
    return json_response(
        {
            "error": "expected a client on this machine or its private network, without a proxy between; "
            "FLUSHCHECK_METRICS_TOKEN admits other clients, for example FLUSHCHECK_METRICS_TOKEN=s3cr3t"
        },
        403,
    )
