"""lighttpd `server.stream-response-body`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import own_stream, x_accel
from flushcheck.culprits.evidence import hold_evidence
from flushcheck.culprits.lint_common import NO_OVERRIDE
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

FIX = Fix(
    where="lighttpd.conf",
    change="server.stream-response-body = 2",
    by=Owner.SERVER,
    server=Server.LIGHTTPD,
    place=Place.ADDRESS,
    cost="a slow reader keeps the connection to the app busy",
    note="the value 1 streams as well",
)

CULPRIT = Culprit(
    id="lighttpd-stream-response-body",
    title="lighttpd collects the whole response before it sends the first byte",
    why=(
        "server.stream-response-body is 0 by default: lighttpd reads the response from the app into memory "
        "and temporary files, and sends it when it is complete."
    ),
    symptoms=(
        "Held to the end at any size; the response has a Content-Length and Accept-Ranges that the app did "
        "not send. The app sees X-Host."
    ),
    detection=(
        "The response was stored first, as a file would be, by a server that adds X-Host or names itself; "
        "X-Accel-Buffering: no reaches the reader."
    ),
    fixes=(FIX,),
    references=("https://redmine.lighttpd.net/projects/lighttpd/wiki/Server_stream-response-bodyDetails",),
    shows=(Symptom(Flow.HELD),),
    measured_on=("lighttpd 1.4.69",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Stored and forwarded as a file would be, by what adds X-Host or names itself."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    if not x_accel.passed_through(seen, transport) or not seen.has_content_length(transport):
        return None
    if seen.header(transport, "x-varnish") or not seen.header(transport, "accept-ranges"):
        return None
    facts = [
        *x_accel.passed_through_evidence(seen, transport),
        Evidence(
            f"{transport}: the response has a Content-Length and Accept-Ranges that the service did not send"
        ),
    ]
    unnamed = len(facts)
    request = seen.request_at_app(transport)
    if request is not None and "x-host" in request.forwarded:
        facts.append(Evidence(f"{transport}: the app received X-Host, which lighttpd adds"))
    if request is not None and "lighttpd" in request.server.lower():
        facts.append(Evidence(f"{transport}: the app runs under {request.server}"))
    sure = Confidence.LIKELY if len(facts) > unnamed else Confidence.POSSIBLE
    return Detection(CULPRIT, sure, tuple(facts))


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """Joined, with the headers of a stored file that the app's own port does not send."""
    length = own_stream.length_evidence(seen, transport)
    control = seen.get(seen.control_probe(transport))
    if not own_stream.flows_at_port(seen, transport) or control is None or not length:
        return None
    if seen.header(transport, "x-varnish") or not seen.header(transport, "accept-ranges"):
        return None
    if control.header("accept-ranges") or control.header("content-length"):
        return None
    named = own_stream.serves(seen, transport, own_stream.LIGHTTPD)
    facts = (
        hold_evidence(seen, transport),
        *length,
        Evidence(f"{transport}: the response has Accept-Ranges, which the app's own port does not send"),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.LIKELY if named else Confidence.POSSIBLE, facts)


SERVERS = (Server.LIGHTTPD,)


def lint(block: Block) -> Iterator[Finding]:
    """0 by default, so a block without a line is guilty too."""
    value = block.value("server.stream-response-body", "0")
    if value.first != "0":
        return
    yield block.finding(
        CULPRIT,
        Level.ERROR,
        f"{value.name} = {value.first} ({block.where(value)}): lighttpd collects the whole response and "
        "sends it when the app has finished",
        value=value,
        edits=block.edit(value.at, FIX.change),
        override=NO_OVERRIDE,
    )
