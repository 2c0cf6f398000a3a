"""PHP `zlib.output_compression`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import php
from flushcheck.configs.findings import Finding, Level
from flushcheck.configs.tree import Block
from flushcheck.culprits import php_settings
from flushcheck.culprits.evidence import hold_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport, Variant

CULPRIT = Culprit(
    id="php-zlib",
    title="PHP compresses its own output and does not flush it",
    why=(
        "zlib.output_compression puts a compressor with a buffer of its own around the output of the script."
    ),
    symptoms=(
        "Held, compressed, with Vary: Accept-Encoding; blocks of about 8192 compressed bytes in longer "
        "streams."
    ),
    fixes=(
        Fix(
            where="php.ini, or the pool (php_admin_value)",
            change="zlib.output_compression = Off",
            caution="the web server may compress instead, if it flushes",
        ),
    ),
    references=("https://www.php.net/manual/en/zlib.configuration.php",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """A PHP app whose answers are compressed and held, whoever is in front of it."""
    origin = seen.request_at_app(transport)
    if not seen.is_held(transport) or origin is None or not origin.server.startswith("PHP"):
        return None
    if seen.frees(transport, Variant.XAB) is not Answer.NO or not seen.compressed(transport):
        return None
    facts = (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.XAB),
        Evidence(f"{transport}: the app is {origin.server}; the answer is {seen.compressed(transport)}"),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


def lint(block: Block) -> Iterator[Finding]:
    """Off unless a line says otherwise; a script that flushes is passed on: measured."""
    for name, value, shown in php_settings.of(block):
        compresses = name == "zlib.output_compression" and php.size_bytes(value) != 0
        if compresses or (name == "output_handler" and value.strip().lower() == "ob_gzhandler"):
            off = CULPRIT.fixes[0] if compresses else replace(CULPRIT.fixes[0], change="output_handler =")
            fix, edits = php_settings.mended(block, shown, off)
            yield block.finding(
                CULPRIT,
                Level.WARNING,
                f"{block.say(shown)}: for every client that offers gzip the response comes in groups of 8192 "
                "bytes of text, unless the script calls flush() after each piece",
                value=shown,
                fix=fix,
                edits=edits,
                override="the app can free it by itself with flush(); after each piece",
            )
