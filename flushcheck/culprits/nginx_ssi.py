"""nginx `ssi`, met by a WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import upgrade_lines
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Observation,
    Outcome,
    Owner,
    Place,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="nginx-ssi",
    title="nginx ssi closes a WebSocket right after it opens",
    why=(
        "With ssi on, nginx searches what the app sends for server-side includes. An upgraded connection "
        "does not survive that: nginx closes it after the 101 response."
    ),
    symptoms="The handshake gets its 101 response, then the connection closes without a close frame.",
    detection="The app's WebSocket frames arrive, and the header of the 101 response does not.",
    fixes=(
        Fix(
            where="nginx, the location block of the WebSocket",
            change="ssi off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            cost="nginx no longer processes server-side includes in this block",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_ssi_module.html#ssi",),
    holds=False,
    shows=(Symptom(Flow.FAILED),),
    measured_on=("nginx 1.22.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The app's frames came through, and the header of the 101 response did not."""
    observation = seen.get(seen.first(transport))
    if transport is not Transport.WEBSOCKET or observation is None or observation.status:
        return None
    if observation.outcome is not Outcome.UNREACHABLE or not _quotes_a_piece(observation):
        return None
    if Flow.FLOWING not in [seen.flow(other) for other in STREAMED]:
        return None
    evidence = Evidence(
        "websocket: the app's frames arrived without the header of the response, so no client can open it",
        (observation.probe.id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (evidence,))


def _quotes_a_piece(observation: Observation) -> bool:
    """Whether the bytes that arrived in place of HTTP are one of the service's own records.

    `detail` is data here: where a response is not HTTP, the prober quotes its first bytes there, and saved
    runs hold them nowhere else. The key opens every record, and stands in no sentence of the prober.
    """
    return '"seq":' in observation.detail


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """Only where a WebSocket could pass otherwise."""
    if block.via != "http":
        return
    value = block.value("ssi", "off")
    # For text/html alone, which is the default, a WebSocket passes: measured. The 101 has no type at all.
    if "*" not in block.value("ssi_types", "text/html").args:
        return
    if value.first == "on" and upgrade_lines.nginx_passes(block):
        yield block.finding(
            CULPRIT,
            Level.ERROR,
            f"{block.say(value)} for every type: nginx closes a WebSocket right after its 101 response",
            value=value,
            edits=block.edit(value.at, "ssi off;"),
        )
