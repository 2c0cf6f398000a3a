"""What a person and a script read of a TapReport. docs/taps.md shows the first."""

from __future__ import annotations

import json
from dataclasses import fields

from flushcheck.model import Verdict
from flushcheck.reports.tap import tap_document, tap_text
from flushcheck.tapping.report import TapCause, TapPlace, TapReport, TapRung
from tests.docs.pages import example, rows

EACH = tuple(0.1 * number for number in range(1, 21))
END = (2.0,)

REPORT = TapReport(
    "http://localhost:8000/chat",
    Verdict.HELD,
    "held in the app: Compress 1.25 took 20 deliveries and passed on 1, up to 1.90 s late",
    place=TapPlace.APP,
    cause=TapCause.LAYER,
    rungs=(
        TapRung("view", 20, 20, 1000, EACH),
        TapRung("Compress", 1, 1, 60, END, "flask_compress.Compress", "1.25", "zstd", 1.9, holds=True),
        TapRung("Flask", 1, 1, 60, END, "flask.app.Flask", "3.1.3"),
        TapRung("reader", 1, 1, 60, (2.001,)),
    ),
    fix='app.config["COMPRESS_STREAMS"] = False',
)


def test_the_page_shows_what_the_command_prints():
    shown = tap_text(REPORT, width=88, color=False)
    printed = example("tap-output", "console").split("\n", 1)[1]
    assert shown == printed


def test_evidence_and_notes_follow():
    report = TapReport("u", Verdict.FLOWING, "flowing", evidence=("a fact",), notes=("a note",))
    assert tap_text(report, width=80, color=False).splitlines()[-5:] == [
        "evidence:",
        "- a fact",
        "",
        "notes:",
        "- a note",
    ]


def test_text_of_the_app_cannot_move_the_cursor():
    rung = TapRung("\x1b[2J" * 20, 1, 1, 1, (0.1,), content_encoding="\x1b]0;", holds=True)
    report = TapReport("\x1b", Verdict.HELD, "\x1b[1m", rungs=(rung, rung), fix="\x07", notes=("\x1b",))
    assert all(char.isprintable() or char == "\n" for char in tap_text(report, width=60, color=False))


def test_the_document_is_json_and_each_member_is_documented():
    document = json.loads(json.dumps(tap_document(REPORT)))
    listed = {name.strip("`[]") for row in rows("member of a tap") for name in row[0].split(", ")}
    assert set(document) | {"watch"} == listed
    members = " ".join(row[1] for row in rows("member of a tap") if "rungs" in row[0])
    assert [name for name in document["rungs"][0] if f"`{name}`" not in members] == []
    assert document["layers"] == [{"name": "Compress", "layer": "flask_compress.Compress", "version": "1.25"}]
    assert {field.name for field in fields(TapReport)} <= set(document)
