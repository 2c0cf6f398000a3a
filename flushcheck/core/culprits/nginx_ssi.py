"""nginx `ssi`, met by a WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.core.configs.tree import Block
from flushcheck.core.culprits import upgrade_lines
from flushcheck.core.model import (
    Confidence,
    Culprit,
    Evidence,
    Finding,
    Fix,
    Flow,
    Level,
    Outcome,
    Probe,
    Server,
    Suspicion,
    Transport,
)
from flushcheck.core.observations import Observations

CULPRIT = Culprit(
    id="nginx-ssi",
    title="nginx ssi cuts a WebSocket right after it opened",
    why=(
        "With ssi on, nginx looks for server-side includes in what the app sends. An upgraded connection "
        "does not survive that: it is closed after the 101."
    ),
    shows="The handshake is answered with 101, then the connection closes without a close frame.",
    fixes=(
        Fix(
            where="nginx, the location block of the WebSocket",
            change="ssi off;",
            caution="server-side includes in what this block serves are not carried out any more",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_ssi_module.html#ssi",),
)


def suspect(seen: Observations, transport: Transport) -> Suspicion | None:
    """The WebSocket was opened, and not one frame came through."""
    observation = seen.get(Probe(transport))
    if transport is not Transport.WEBSOCKET or observation is None or observation.marks:
        return None
    if observation.status != 101 or observation.outcome is Outcome.UNREACHABLE:
        return None
    others = [seen.flow(other) for other in (Transport.CHUNKED, Transport.EVENTS)]
    if Flow.FLOWING not in others:
        return None
    said = Evidence(
        f"websocket: the handshake was answered with 101, and then no frame came: {observation.detail}",
        (observation.probe.id,),
    )
    return Suspicion(CULPRIT, Confidence.POSSIBLE, (said,))


def lint(block: Block) -> Iterator[Finding]:
    """Only where a WebSocket could pass otherwise."""
    if block.server is not Server.NGINX or block.via != "http":
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
