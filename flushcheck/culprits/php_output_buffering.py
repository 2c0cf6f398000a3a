"""PHP `output_buffering`, or a missing ob_flush()."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import php
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import own_stream, php_settings
from flushcheck.culprits.evidence import hold_evidence, variant_evidence
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
    Variant,
)

INI_FIX = Fix(
    where="php.ini, or the pool (php_admin_value)",
    change="output_buffering = Off",
    by=Owner.SERVER,
    server=Server.PHP,
    place=Place.FILE,
    cost="scripts can no longer set headers after the first output",
    # Measured on PHP-FPM 8.2 with a script that never flushes: its records fill up as before.
    note="the script has to call flush() after each piece too",
)

SCRIPT_FIX = Fix(
    where="the script, after each piece",
    change="ob_flush(); flush();",
    by=Owner.APP,
    variant=Variant.OB_FLUSH,
    note="ob_flush() logs a notice where no buffer is active",
)

CLOSE_FIX = Fix(
    where="the script, before its first output; then flush() after each piece",
    change="while (ob_get_level() > 0) { ob_end_clean(); }",
    by=Owner.APP,
    note="also where several buffers lie one inside the other; takes off zlib.output_compression too",
)

CULPRIT = Culprit(
    id="php-output-buffering",
    title="PHP holds the output in its own buffer",
    why=(
        "With output_buffering on (4096 in the php.ini that most systems ship) echo writes into a buffer of "
        "PHP. flush() alone does not empty that buffer: call ob_flush() first."
    ),
    symptoms=(
        "Blocks of 8184 bytes without any flush, of 4096 or more with flush() alone, whatever the "
        "configuration of the web server."
    ),
    detection=(
        "The app is PHP, the response is not compressed, and X-Accel-Buffering: no does not make it flow. "
        "The origin in PHP (flushcheck origin write php) empties PHP's buffers itself, and shows what they "
        "hold when it does not."
    ),
    fixes=(
        INI_FIX,
        SCRIPT_FIX,
        CLOSE_FIX,
    ),
    references=("https://www.php.net/manual/en/outcontrol.configuration.php",),
    shows=(
        Symptom(Flow.BLOCKS, block_bytes=4096),
        Symptom(Flow.BLOCKS, block_bytes=8192),
        Symptom(Flow.HELD),
    ),
    measured_on=("PHP 8.2.35",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """A PHP app that is held although nothing in front of it explains the hold."""
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    request = php_settings.held_app(seen, transport)
    if request is None or seen.has_content_length(transport) or seen.compressed(transport):
        return None  # compressed, it is the compressor, which buffers for all clients: see php_zlib
    facts = (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(f"{transport}: the app is {request.server}"),
    )
    size = seen.size_bytes(transport)
    sure = Confidence.LIKELY if size is not None and php_settings.is_block(size) else Confidence.POSSIBLE
    return Detection(CULPRIT, sure, facts)


FLUSHED_BYTES = 4096  # the default of output_buffering: with flush() alone it goes in whole records


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """The blocks that PHP makes, from an app that names PHP; those of flush() alone are also Apache's."""
    if zlib := php_settings.detect_own_zlib(seen, transport, CULPRIT):
        return zlib
    if not own_stream.is_php(seen, transport) or not own_stream.without_compressor(seen, transport):
        return None
    size = seen.size_bytes(transport)
    if own_stream.fills_whole_records(seen, transport, FLUSHED_BYTES):
        words = f"whole records are sent whenever {FLUSHED_BYTES} bytes are full, as with flush() alone"
        apache = own_stream.serves(seen, transport, own_stream.APACHE)
        sure = Confidence.POSSIBLE if apache else Confidence.LIKELY
    elif size is not None and php_settings.is_block(size):
        words, sure = "the blocks are those of PHP without any flush", Confidence.LIKELY
    else:
        return None
    facts = (
        hold_evidence(seen, transport),
        Evidence(f"{transport}: {words}"),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, sure, facts)


SERVERS = (Server.PHP, Server.APACHE, Server.NGINX)


def lint(block: Block) -> Iterator[Finding]:
    """Off unless a line says otherwise; a script can empty the buffer by itself, so under a condition."""
    for name, value, shown in php_settings.of(block):
        size = php.size_bytes(value)
        if name == "output_buffering" and size != 0:
            fix, edits = php_settings.fix_at(block, shown, INI_FIX)
            many = "everything" if size == 1 else f"{size or value} bytes"
            yield block.finding(
                CULPRIT,
                Level.WARNING,
                f"{block.say(shown)}: PHP collects {many}, unless the script calls ob_flush() and flush() "
                "after each piece",
                value=shown,
                fix=fix,
                edits=edits,
                override="the app can avoid it with ob_flush(); flush(); after each piece",
            )
