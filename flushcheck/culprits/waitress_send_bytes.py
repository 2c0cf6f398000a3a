"""waitress `send_bytes`, which it collects before it writes to the socket."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import app_server
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.server_setup import AppServer
from flushcheck.configs.tree import Block
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

# Pieces of a stream are seldom smaller: a token in an event has 20 bytes and more.
SMALL_BYTES = 32

CULPRIT = Culprit(
    id="waitress-send-bytes",
    title="waitress collects send_bytes bytes before it sends any",
    why=(
        "waitress writes to the socket when so many bytes of a response are ready, or when it is complete. "
        "The default is 1: each piece is sent at once. Larger values come from old advice on speed."
    ),
    symptoms=(
        "Blocks of the same number of bytes, for every client and also at the app's own port; a shorter "
        "stream arrives at its end. Measured on 3.0.2: pieces of 8 bytes flow with 8, come in blocks with "
        "100, and all at the end with 18000."
    ),
    detection="The command line has the option. A run shows the size, as byte-buffer.",
    fixes=(
        Fix(
            where="waitress",
            change="--send-bytes=1",
            by=Owner.APP,
            note="the default, so the option may be removed: it is deprecated",
        ),
    ),
    references=("https://docs.pylonsproject.org/projects/waitress/en/stable/arguments.html",),
    looks_like=("byte-buffer",),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.BLOCKS, block_bytes=18000),),
)

SERVERS = (Server.APP_SERVER,)


def lint(block: Block) -> Iterator[Finding]:
    """1 by default, so only a line is guilty."""
    value = app_server.option(block, "--send-bytes", default="1")
    size = int(value.first) if value.first.isdecimal() and len(value.first) < 10 else 0
    if app_server.setup(block).server is AppServer.WAITRESS and size > SMALL_BYTES:
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"{block.say(value)}: waitress sends data only when {size} bytes are ready; a shorter response "
            "arrives when it ends",
            value=value,
            override=NO_OVERRIDE,
        )
