"""Passenger, configured to buffer responses."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import own_stream, x_accel
from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Symptom,
    Transport,
)

_COST = "a slow reader keeps an app process busy for as long as it reads"
APACHE_FIX = Fix(
    where="Apache, the virtual host or directory of the app",
    change="PassengerBufferResponse off",
    by=Owner.SERVER,
    server=Server.APACHE,
    place=Place.SITE,
    cost=_COST,
)
NGINX_FIX = Fix(
    where="nginx, the server or location block of the app",
    change="passenger_buffer_response off;",
    by=Owner.SERVER,
    server=Server.NGINX,
    place=Place.ADDRESS,
    cost=_COST,
)

CULPRIT = Culprit(
    id="passenger-buffer-response",
    title="Passenger buffers the app's responses",
    why=(
        "Passenger sends each write of the app on at once unless it is configured to buffer responses, "
        "which protects app processes from slow readers."
    ),
    symptoms="Blocks of 4096 bytes. The response has Status: and X-Powered-By: Phusion Passenger.",
    detection=(
        "Passenger runs the app, the stream is held, and X-Accel-Buffering: no reaches the reader and "
        "changes nothing."
    ),
    fixes=(APACHE_FIX, NGINX_FIX),
    references=(
        "https://www.phusionpassenger.com/library/config/apache/reference/#passengerbufferresponse",
        "https://www.phusionpassenger.com/library/config/nginx/reference/#passenger_buffer_response",
    ),
    shows=(Symptom(Flow.BLOCKS, block_bytes=4096), Symptom(Flow.HELD)),
    measured_on=("Passenger 6.0.17",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """An app that Passenger runs, held, while X-Accel-Buffering arrives and changes nothing."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    request = seen.request_at_app(transport)
    if not x_accel.passed_through(seen, transport) or request is None or "Passenger" not in request.server:
        return None
    server = Evidence(f"{transport}: the app runs under {request.server}")
    return Detection(CULPRIT, Confidence.LIKELY, (*x_accel.passed_through_evidence(seen, transport), server))


# Its buffer of 4096 bytes, with what of a record fits: 4066 to 4131 were measured.
MIN_BYTES, MAX_BYTES = 3900, 4400


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """Blocks of about 4096 bytes from an app that Passenger runs, as X-Powered-By says."""
    by = f"{seen.header(transport, 'x-powered-by')} {seen.header(transport, 'server')}"
    size = seen.size_bytes(transport)
    if "Passenger" not in by or not own_stream.without_compressor(seen, transport):
        return None
    if size is None or not MIN_BYTES <= size <= MAX_BYTES:
        return None
    facts = (hold_evidence(seen, transport), *own_stream.server_evidence(seen, transport))
    return Detection(CULPRIT, Confidence.LIKELY, facts)


SERVERS = (Server.NGINX, Server.APACHE)


def lint(block: Block) -> Iterator[Finding]:
    """Off by default: only a line is guilty."""
    if block.via != "passenger":
        return
    apache = block.server is Server.APACHE
    name = "PassengerBufferResponse" if apache else "passenger_buffer_response"
    fix = APACHE_FIX if apache else NGINX_FIX
    value = block.value(name, "off")
    if value.first.lower() != "on":
        return
    yield block.finding(
        CULPRIT,
        Level.ERROR,
        f"{block.say(value)}: Passenger sends data only when a buffer of 4096 bytes is full",
        value=value,
        fix=fix,
        edits=block.edit(value.at, fix.change),
    )
