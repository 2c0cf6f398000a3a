"""Apache mod_security2, reading whole responses."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import apache
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import variant_evidence
from flushcheck.culprits.lint_common import STREAM_TYPES
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
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
    Variant,
)

CULPRIT = Culprit(
    id="apache-mod-security",
    title="mod_security2 reads the whole response before it sends any of it",
    why=(
        "With SecResponseBodyAccess On, mod_security2 holds responses of the types in "
        "SecResponseBodyMimeType (text/plain and text/html by default) until they are complete, so that "
        "its rules can read them."
    ),
    symptoms=(
        "Held to the end, still chunked, and only for some content types: the same stream flows as "
        "application/octet-stream."
    ),
    detection=(
        "The stream is held to its end at any size, uncompressed, and flows with another content type; "
        "X-Accel-Buffering: no reaches the reader."
    ),
    fixes=(
        Fix(
            where="Apache, a <Location> for the stream's path",
            change="SecResponseBodyAccess Off",
            by=Owner.SERVER,
            server=Server.APACHE,
            place=Place.ADDRESS,
            cost="rules that search responses for leaked data do not cover this path",
        ),
    ),
    references=(
        "https://github.com/owasp-modsecurity/ModSecurity/wiki/Reference-Manual-%28v2.x%29#SecResponseBodyAccess",
    ),
    shows=(Symptom(Flow.HELD),),
    measured_on=("Apache 2.4.71",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held to the end at any size, uncompressed, and another content type passes."""
    if (
        not x_accel.passed_through(seen, transport)
        or seen.has_content_length(transport)
        or seen.compressed(transport)
        or seen.flow(transport) is not Flow.HELD
        or seen.size_bytes(transport) is not None
        # What holds only the beginning is another filter: mod_xml2enc keeps 4096 bytes of text types.
        or seen.frees(transport, Variant.PADDED) is Answer.YES
        or seen.handshake_stored()  # as Caddy does with every response; mod_security2 leaves an upgrade alone
    ):
        return None
    flowing = next((other for other in STREAMED if seen.flow(other) is Flow.FLOWING), None)
    if seen.frees(transport, Variant.OTHER_TYPE) is Answer.YES:
        other_type = variant_evidence(seen, transport, Variant.OTHER_TYPE)
    elif flowing:
        other_type = Evidence(f"{flowing}: with another content type the same text flows")
    else:
        return None
    return Detection(
        CULPRIT, Confidence.LIKELY, (*x_accel.passed_through_evidence(seen, transport), other_type)
    )


SERVERS = (Server.APACHE,)


def lint(block: Block) -> Iterator[Finding]:
    """Off by default: only a line is guilty, and only for its types."""
    if block.via not in ("http", "fastcgi", "fcgid", "passenger"):
        return
    access = apache.setting(block, "SecResponseBodyAccess", "Off")
    engine = apache.setting(block, "SecRuleEngine", "Off")
    if access.first.lower() != "on" or engine.first.lower() == "off":
        return
    types = apache.setting(block, "SecResponseBodyMimeType", "text/plain text/html")
    listed = " ".join(types.args).lower().split()
    hit = any(kind in STREAM_TYPES for kind in listed)
    avoidable = "text/event-stream" not in listed
    yield block.finding(
        CULPRIT,
        Level.WARNING if hit else Level.NOTE,
        f"{block.say(access)}: a response sent as {' or '.join(listed)} is held to its end",
        value=access,
        edits=block.edit(None, *_off(block)),
        override="the app can avoid it with the content type text/event-stream" if avoidable else "",
    )


def _off(block: Block) -> tuple[str, ...]:
    """The lines for this block: a section of its own where the pass is a line of the virtual host."""
    line = "SecResponseBodyAccess Off"
    gate = block.pass_directive
    if gate.name == "proxypass" and gate.args and gate.args[0].startswith("/"):
        return (f'<Location "{gate.args[0]}">', f"    {line}", "</Location>")
    return (line,)
