"""PHP `zlib.output_compression`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import php
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import php_settings
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
    change="zlib.output_compression = Off",
    by=Owner.SERVER,
    server=Server.PHP,
    place=Place.FILE,
    cost="PHP no longer compresses its output",
    note="the web server can compress instead, if it flushes",
)

CULPRIT = Culprit(
    id="php-zlib",
    title="PHP compresses its own output and does not flush it",
    why="zlib.output_compression sends the script's output through a compressor with its own buffer.",
    symptoms=(
        "Held and compressed, with Vary: Accept-Encoding; longer streams arrive in blocks of about 8192 "
        "compressed bytes."
    ),
    detection="The app is PHP, the response is compressed, and X-Accel-Buffering: no does not make it flow.",
    fixes=(INI_FIX,),
    references=("https://www.php.net/manual/en/zlib.configuration.php",),
    shows=(Symptom(Flow.HELD, compressed=True),),
    measured_on=("PHP 8.2.35",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """A PHP app whose responses are compressed and held, whatever is in front of it."""
    if seen.is_own(transport):
        return php_settings.detect_own_zlib(seen, transport, CULPRIT)
    request = php_settings.held_app(seen, transport)
    encoding = seen.compressed(transport)
    if request is None or not encoding:
        return None
    facts = (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(f"{transport}: the app is {request.server}; the response is compressed as {encoding}"),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


SERVERS = (Server.PHP, Server.APACHE, Server.NGINX)


def lint(block: Block) -> Iterator[Finding]:
    """Off unless a line says otherwise; a script that flushes is passed on: measured."""
    for name, value, shown in php_settings.of(block):
        compresses = name == "zlib.output_compression" and php.size_bytes(value) != 0
        if compresses or (name == "output_handler" and value.strip().lower() == "ob_gzhandler"):
            off = INI_FIX if compresses else replace(INI_FIX, change="output_handler =")
            fix, edits = php_settings.fix_at(block, shown, off)
            yield block.finding(
                CULPRIT,
                Level.WARNING,
                f"{block.say(shown)}: for every client that offers gzip, the response arrives in groups of "
                "8192 bytes of text, unless the script calls flush() after each piece",
                value=shown,
                fix=fix,
                edits=edits,
                override="the app can avoid it with flush(); after each piece",
            )
