"""lighttpd `server.stream-response-body`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport

CULPRIT = Culprit(
    id="lighttpd-stream-response-body",
    title="lighttpd collects the whole answer before it sends the first byte",
    why=(
        "server.stream-response-body is 0 by default: lighttpd takes the answer from the app, into memory"
        " and temporary files, and sends it when it is whole."
    ),
    symptoms=(
        "Held to the end at any size; a Content-Length and Accept-Ranges appear that the app did not "
        "send. The app sees X-Host."
    ),
    fixes=(
        Fix(
            where="lighttpd.conf",
            change="server.stream-response-body = 2",
            caution="a slow reader keeps the connection to the app busy; 1 streams as well",
        ),
    ),
    references=("https://redmine.lighttpd.net/projects/lighttpd/wiki/Server_stream-response-bodyDetails",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Stored and forwarded as a file would be, by what adds X-Host or names itself."""
    if not x_accel.passed_through(seen, transport) or not seen.has_content_length(transport):
        return None
    origin = seen.request_at_app(transport)
    if seen.header(transport, "x-varnish") or not seen.header(transport, "accept-ranges"):
        return None
    named = origin is not None and ("x-host" in origin.forwarded or "lighttpd" in origin.server.lower())
    facts = [
        *x_accel.passed_through_evidence(seen, transport),
        Evidence(f"{transport}: a Content-Length and Accept-Ranges appeared that the service did not send"),
    ]
    if origin is not None and "x-host" in origin.forwarded:
        facts.append(Evidence(f"{transport}: the app received X-Host, which lighttpd adds"))
    if origin is not None and "lighttpd" in origin.server.lower():
        facts.append(Evidence(f"{transport}: the app runs under {origin.server}"))
    return Detection(CULPRIT, Confidence.LIKELY if named else Confidence.POSSIBLE, tuple(facts))


def lint(block: Block) -> Iterator[Finding]:
    """0 by default, so a block without a line is guilty too."""
    if block.server is not Server.LIGHTTPD:
        return
    value = block.value("server.stream-response-body", "0")
    if value.first != "0":
        return
    yield block.finding(
        CULPRIT,
        Level.ERROR,
        f"{value.name} = {value.first} ({block.where(value)}): the response is collected whole and sent when "
        "the app is done",
        value=value,
        edits=block.edit(value.at, CULPRIT.fixes[0].change),
        override="the app cannot free it by itself",
    )
