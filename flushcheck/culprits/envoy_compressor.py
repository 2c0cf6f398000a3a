"""Envoy's compressor filter with zstd."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import envoy as envoy_config
from flushcheck.configs.envoy.filters import library_line
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, ellipsize
from flushcheck.culprits import compression, envoy
from flushcheck.culprits.lint_common import STREAM_TYPES
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Fix,
    Flow,
    Owner,
    Place,
    Source,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="envoy-compressor",
    title="Envoy's zstd compressor holds the stream and never flushes",
    why=(
        "Envoy's compressor filter with the zstd library keeps the text until the compressor has enough for "
        "a block. With gzip and brotli the same filter flushes each piece. Measured on Envoy 1.40.0."
    ),
    symptoms=(
        "Only clients that offer zstd are affected, and current browsers do: the headers arrive at once, "
        "then nothing until the end. By default Envoy compresses text/plain and no event streams. "
        "Cache-Control: no-transform from the app switches the compression off."
    ),
    detection=(
        "The stream is held as zstd and flows uncompressed, X-Accel-Buffering: no reaches the reader, "
        "no-transform does not fail to free it, and Envoy names itself. Without a name Caddy before 2.9 is "
        "as likely."
    ),
    fixes=(
        Fix(
            where="Envoy, compressor_library of the compressor filter",
            change=(
                "name: gzip\n"
                "typed_config:\n"
                '  "@type": type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip'
            ),
            by=Owner.SERVER,
            server=Server.ENVOY,
            note="the Brotli library flushes each piece too",
        ),
        Fix(
            where="Envoy, common_config of the compressor filter",
            change="content_type: [text/html, text/css, application/javascript, application/json]",
            by=Owner.SERVER,
            server=Server.ENVOY,
            cost="Envoy compresses only the listed types",
            note="leave text/event-stream and text/plain out of the list; text/plain is in the default one",
        ),
        Fix(
            where="Envoy, the route of the stream",
            change=(
                "typed_per_filter_config:\n"
                "  envoy.filters.http.compressor:\n"
                '    "@type": type.googleapis.com/'
                "envoy.extensions.filters.http.compressor.v3.CompressorPerRoute\n"
                "    disabled: true"
            ),
            by=Owner.SERVER,
            server=Server.ENVOY,
            place=Place.ADDRESS,
            cost="streams are not compressed",
            note=envoy.FILTER_NAME_NOTE,
        ),
        compression.NO_TRANSFORM_FIX,
    ),
    references=(
        "https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/compressor_filter",
    ),
    looks_like=("caddy-encode",),
    shown_by=frozenset({Source.PATH, Source.FILE}),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("Envoy 1.40.0",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held as zstd, flowing uncompressed, and nothing that Envoy would not do."""
    if not compression.holds(seen, transport) or seen.compressed(transport) != compression.ZSTD:
        return None
    if (
        compression.no_transform(seen, transport) is Answer.NO
        or "caddy" in seen.header(transport, "server").lower()
    ):
        return None
    facts = compression.evidence(seen, transport)
    if envoy.named(seen):
        return Detection(CULPRIT, Confidence.LIKELY, facts)
    return Detection(CULPRIT, Confidence.POSSIBLE, (*facts, compression.TWO_HOLD_ZSTD))


SERVERS = (Server.ENVOY,)
EVENTS = "text/event-stream"


def lint(block: Block) -> Iterator[Finding]:
    """zstd for a type of streams. A warning if another one may be chosen, or no event stream is hit."""
    filters = tuple(envoy_config.place_of(block).filters())
    libraries = [library for each in filters if (library := envoy_config.compresses(each))]
    for each in filters:
        if envoy_config.compresses(each) != "zstd":
            continue
        types = envoy_config.holding_types(each)
        hit = [kind for kind in STREAM_TYPES if kind in types]
        if not hit:
            continue
        beside = len(libraries) > 1
        unless = ", if Envoy takes zstd and not the other compressor" if beside else ""
        yield block.finding(
            CULPRIT,
            Level.ERROR if EVENTS in hit and not beside else Level.WARNING,
            f"{ellipsize(each.name)} with zstd: a stream sent as {' or '.join(hit)} is held to its end for "
            f"every client that offers zstd, as browsers do{unless}",
            at=library_line(each),
            override="the app can switch it off for a response with the header Cache-Control: no-transform",
        )
