"""nginx `ssi`, met by a WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import upgrade_lines
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Flow, Outcome, Probe, Transport

CULPRIT = Culprit(
    id="nginx-ssi",
    title="nginx ssi cuts a WebSocket right after it opened",
    why=(
        "With ssi on, nginx looks for server-side includes in what the app sends. An upgraded connection "
        "does not survive that: it is closed after the 101."
    ),
    symptoms="The handshake is answered with 101, then the connection closes without a close frame.",
    fixes=(
        Fix(
            where="nginx, the location block of the WebSocket",
            change="ssi off;",
            caution="server-side includes in what this block serves are not carried out any more",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_ssi_module.html#ssi",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The app's frames came through, and the header of the answer, the 101, did not."""
    observation = seen.get(Probe(transport))
    if transport is not Transport.WEBSOCKET or observation is None or observation.status:
        return None
    # The prober shows the first bytes of an answer that is not HTTP; these are our own records'.
    if observation.outcome is not Outcome.UNREACHABLE or '"seq":' not in observation.detail:
        return None
    if Flow.FLOWING not in [seen.flow(other) for other in STREAMED]:
        return None
    said = Evidence(
        "websocket: the app's frames came without the header of the answer, so no client can open it",
        (observation.probe.id,),
    )
    return Detection(CULPRIT, Confidence.LIKELY, (said,))


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
            f"{block.say(value)} for every type: a WebSocket is cut right after its 101",
            value=value,
            edits=block.edit(value.at, "ssi off;"),
        )
