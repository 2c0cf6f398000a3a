"""Apache mod_fcgid and its output buffer."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, edit
from flushcheck.culprits import own_stream, x_accel
from flushcheck.culprits.evidence import gateway_evidence, hold_evidence
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
    Scenario,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="apache-mod-fcgid",
    title="Apache mod_fcgid holds the response until it has 64 KiB or the app has finished",
    why=(
        "mod_fcgid collects what the FastCGI process writes in a buffer of FcgidOutputBufferSize (65536 "
        "bytes by default) and sends it on when the buffer is full or the app has finished."
    ),
    symptoms=(
        "Blocks of 65536 bytes and one record; ordinary streams arrive whole at their end. "
        "X-Accel-Buffering reaches the reader and changes nothing."
    ),
    detection=(
        "Blocks of 64 KiB and more from a FastCGI app; X-Accel-Buffering: no reaches the reader, so no "
        "nginx is the cause."
    ),
    fixes=(
        Fix(
            where="Apache, the virtual host",
            change="FcgidOutputBufferSize 0",
            by=Owner.SERVER,
            server=Server.APACHE,
            place=Place.SITE,
            cost="one write for each record of the app",
            note=(
                "not allowed in .htaccess, and SetEnv with the same name does nothing: on shared hosting, "
                "ask the hosting provider"
            ),
        ),
    ),
    references=("https://httpd.apache.org/mod_fcgid/mod/mod_fcgid.html#fcgidoutputbuffersize",),
    shows=(Symptom(Flow.HELD), Symptom(Flow.BLOCKS, block_bytes=65536)),
    measured_on=("Apache 2.4.71",),
)


# The default of FcgidOutputBufferSize; a block ends with the record that fills it, so none is smaller.
BUFFER_BYTES = 65_536


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Blocks of 64 KiB and more from a FastCGI app, and no nginx that would have removed the header."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    request = x_accel.gateway_behind(seen, transport)
    if request is None:
        return None
    size = seen.size_bytes(transport)
    # A stream of a kilobyte a piece is shorter than the buffer: it is held whole.
    if size is None and seen.flow(transport, Scenario.KILO) is not Flow.HELD:
        return None
    if size is not None and size < BUFFER_BYTES:
        return None
    sure = Confidence.LIKELY if size is not None else Confidence.POSSIBLE
    evidence = (*x_accel.passed_through_evidence(seen, transport), gateway_evidence(transport, request))
    return Detection(CULPRIT, sure, evidence)


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """Whole records whenever 64 kB are full, from a server that calls itself Apache."""
    is_apache = own_stream.serves(seen, transport, own_stream.APACHE)
    if not is_apache or not own_stream.fills_whole_records(seen, transport, BUFFER_BYTES):
        return None
    facts = (
        hold_evidence(seen, transport),
        Evidence(f"{transport}: whole records are sent whenever {BUFFER_BYTES} bytes are full"),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


SERVERS = (Server.APACHE,)


def lint(block: Block) -> Iterator[Finding]:
    """64 KiB by default, so a handler without a line is guilty too."""
    if block.via != "fcgid":
        return
    value = block.value("FcgidOutputBufferSize", "65536")
    if value.at is None and block.scope.level("outputbuffersize") is not None:
        value = block.value("OutputBufferSize", "65536")  # its name before mod_fcgid 2.3.5, still read
    if value.first == "0":
        return
    htaccess = block.pass_directive.file.rpartition("/")[2].startswith(".ht")
    message = (
        f"{block.say(value)}: Apache sends data only when a buffer of {value.first} bytes is full; a shorter "
        "response arrives when it ends"
    )
    if htaccess:
        message += "; unless the virtual host, which .htaccess cannot change, sets another value"
    yield block.finding(
        CULPRIT,
        Level.WARNING if htaccess else Level.ERROR,
        message,
        value=value,
        edits=() if htaccess else _edits(block, value.at),
        override=f"{NO_OVERRIDE}: Apache ignores X-Accel-Buffering",
    )


def _edits(block: Block, old: Directive | None) -> tuple[Edit, ...]:
    line = "FcgidOutputBufferSize 0"
    if old is not None:
        return (edit(Action.REPLACE, old, line),)
    # Server and virtual host only: in front of the outermost section below that holds the gate.
    outer = block.pass_directive
    for scope in block.insert_scope.chain():
        if scope.directive is not None and scope.directive.name == "virtualhost":
            outer = scope.directive.block[0] if scope.directive.block else outer
            break
        outer = scope.directive or outer
    word = outer.word if outer.block is None else f"<{outer.word}"
    return (Edit(Action.BEFORE, outer.file, outer.line, outer.end_line, word, (line,)),)
