"""Passenger, told to buffer responses."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport

CULPRIT = Culprit(
    id="passenger-buffer-response",
    title="Passenger buffers the app's responses",
    why=(
        "Passenger passes responses on as they come unless it is told to buffer them, which spares app "
        "processes from slow readers."
    ),
    symptoms="Blocks of 4096 bytes. The answer carries Status: and X-Powered-By: Phusion Passenger.",
    fixes=(
        Fix(
            where="Apache, the virtual host or directory of the app",
            change="PassengerBufferResponse off",
            caution="a slow reader keeps an app process busy for as long as it reads",
        ),
        Fix(
            where="nginx, the server or location block of the app",
            change="passenger_buffer_response off;",
            caution="a slow reader keeps an app process busy for as long as it reads",
        ),
    ),
    references=(
        "https://www.phusionpassenger.com/library/config/apache/reference/#passengerbufferresponse",
        "https://www.phusionpassenger.com/library/config/nginx/reference/#passenger_buffer_response",
    ),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """An app that Passenger runs, held, with the hint arriving unheard."""
    origin = seen.request_at_app(transport)
    if not x_accel.passed_through(seen, transport) or origin is None or "Passenger" not in origin.server:
        return None
    server = Evidence(f"{transport}: the app runs under {origin.server}")
    return Detection(CULPRIT, Confidence.LIKELY, (*x_accel.passed_through_evidence(seen, transport), server))


def lint(block: Block) -> Iterator[Finding]:
    """Off by default: only a line is guilty."""
    if block.via != "passenger":
        return
    apache = block.server is Server.APACHE
    name = "PassengerBufferResponse" if apache else "passenger_buffer_response"
    value = block.value(name, "off")
    if value.first.lower() != "on":
        return
    line = "PassengerBufferResponse off" if apache else f"{name} off;"
    yield block.finding(
        CULPRIT,
        Level.ERROR,
        f"{block.say(value)}: the response is passed on in pieces of 4096 bytes",
        value=value,
        fix=CULPRIT.fixes[0 if apache else 1],
        edits=block.edit(value.at, line),
    )
