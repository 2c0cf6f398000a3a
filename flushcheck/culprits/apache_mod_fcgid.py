"""Apache mod_fcgid and its output buffer."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, edit
from flushcheck.culprits import x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Flow, Scenario, Transport

CULPRIT = Culprit(
    id="apache-mod-fcgid",
    title="Apache mod_fcgid keeps the response until 64 KiB are there or the app is done",
    why=(
        "mod_fcgid collects what the FastCGI process writes in a buffer of FcgidOutputBufferSize, 65536 "
        "bytes by default, and passes it on when that is full or the app is done."
    ),
    symptoms=(
        "Blocks of 65536 bytes and one record; ordinary streams arrive whole at their end. "
        "X-Accel-Buffering arrives at the reader and changes nothing."
    ),
    fixes=(
        Fix(
            where="Apache, the virtual host",
            change="FcgidOutputBufferSize 0",
            caution=(
                "one write for each record of the app. It is not allowed in .htaccess, and SetEnv with the "
                "same name does nothing: on shared hosting ask the host"
            ),
        ),
    ),
    references=("https://httpd.apache.org/mod_fcgid/mod/mod_fcgid.html#fcgidoutputbuffersize",),
)


# FcgidOutputBufferSize as it comes; a block ends with the record that fills it, so none is smaller.
BUFFER_BYTES = 65_536


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Blocks of 64 KiB and more from a FastCGI app, and no nginx that would have taken the hint."""
    origin = seen.request_at_app(transport)
    size = seen.size_bytes(transport)
    if (
        not x_accel.passed_through(seen, transport)
        or origin is None
        or not origin.gateway
        or seen.has_content_length(transport)
    ):
        return None
    # A stream of a kilobyte a piece is shorter than the buffer: it is held whole.
    if size is None and seen.flow(transport, Scenario.KILO) is not Flow.HELD:
        return None
    if size is not None and size < BUFFER_BYTES:
        return None
    gateway = Evidence(f"{transport}: the app was asked through a gateway ({origin.gateway})")
    sure = Confidence.LIKELY if size is not None else Confidence.POSSIBLE
    return Detection(CULPRIT, sure, (*x_accel.passed_through_evidence(seen, transport), gateway))


def lint(block: Block) -> Iterator[Finding]:
    """64 KiB by default, so a handler without a line is guilty too."""
    if block.server is not Server.APACHE or block.via != "fcgid":
        return
    value = block.value("FcgidOutputBufferSize", "65536")
    if value.first == "0":
        return
    htaccess = block.gate.file.rpartition("/")[2].startswith(".ht")
    message = (
        f"{block.say(value)}: the response is passed on in pieces of {value.first} bytes, a "
        "shorter stream whole at its end"
    )
    for line in block.scope.every("setenv"):
        if line.args and line.args[0].lower() == "fcgidoutputbuffersize":
            message += f"; SetEnv FcgidOutputBufferSize ({line.place}) does nothing"
            break
    if htaccess:
        message += "; unless the virtual host, which .htaccess cannot change, says otherwise"
    yield block.finding(
        CULPRIT,
        Level.WARNING if htaccess else Level.ERROR,
        message,
        value=value,
        at=value.at or block.gate,
        edits=() if htaccess else _edits(block, value.at),
        override="the app cannot free it by itself: X-Accel-Buffering means nothing to Apache",
    )


def _edits(block: Block, old: Directive | None) -> tuple[Edit, ...]:
    line = "FcgidOutputBufferSize 0"
    if old is not None:
        return (edit(Action.REPLACE, old, line),)
    # Server and virtual host only: in front of the outermost section below that holds the gate.
    outer = block.gate
    for scope in block.home.chain():
        if scope.directive is not None and scope.directive.name == "virtualhost":
            outer = scope.directive.block[0] if scope.directive.block else outer
            break
        outer = scope.directive or outer
    word = outer.word if outer.block is None else f"<{outer.word}"
    return (Edit(Action.BEFORE, outer.file, outer.line, outer.end_line, word, (line,)),)
