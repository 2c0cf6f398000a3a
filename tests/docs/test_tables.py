"""Tables and examples of docs/ that no other test compares, and the marks that say which test compares the rest."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re

import pytest

from flushcheck.cli import parser
from flushcheck.configs import versions
from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    Certificate,
    CertificateMatch,
    CertificateReport,
    CutCause,
    FaultLocation,
    FaultPlace,
    Flow,
    IdleResult,
    Report,
    Rung,
    RungStream,
    StreamReport,
    Transport,
)
from flushcheck.model.run_schema import run_from_json
from flushcheck.model.versions import shown
from flushcheck.reports.explain import explanation_document
from flushcheck.reports.json_report import document
from flushcheck.service.routes.check import CheckError
from tests.docs.pages import MARK, ROOT, TEXTS, example, names, rows

# Not of the report itself: `--config` adds it.
ADDED = {"config"}

MARKS = [(page, *match) for page, text in TEXTS.items() for match in MARK.findall(text)]


def report() -> Report:
    """A report with every optional part, from a recorded run that shows a culprit."""
    recording = ROOT / "tests" / "recordings" / "nginx-bare.json"
    judged = judge(run_from_json(json.loads(recording.read_text())))
    idle = IdleResult(CutCause.IDLE, "", cut_after_s=60.0)
    transports = tuple(dataclasses.replace(transport, idle=idle) for transport in judged.transports)
    located = FaultLocation(FaultPlace.PATH, "")
    certificate = CertificateReport(Certificate(), Certificate(), CertificateMatch.SAME)
    stream = StreamReport("GET", 200, "server-sent events", 1, 1, 0.0, False, 1.0, "")
    return dataclasses.replace(
        judged,
        transports=transports,
        fault_location=located,
        certificate=certificate,
        stream=stream,
        rungs=(Rung("app", "", (RungStream(Transport.EVENTS, Flow.FLOWING, ""),)),),
    )


def test_every_field_of_the_report_is_documented():
    whole = document(report())
    cells = rows("field")
    of_transports = {
        name.partition(".")[0] for row in cells if row[0].startswith("`.") for name in names(row[0])
    }
    at_the_top = {name.partition(".")[0] for row in cells if row[0][1] != "." for name in names(row[0])}
    assert whole["culprits"]
    for place, fields, listed in (
        ("the report", set(whole) | ADDED, at_the_top),
        ("a transport", set(whole["transports"]["chunked"]), of_transports),
    ):
        assert not fields - listed, f"add {sorted(fields - listed)} of {place} to the table in docs/json.md"
        assert not listed - fields, (
            f"docs/json.md lists {sorted(listed - fields)}, which {place} does not have"
        )


@pytest.mark.parametrize(
    "part", ["culprits", "bundles", "fault_location", "certificate", "hops", "stream", "rungs", "idle"]
)
def test_every_member_of_a_part_is_documented_in_its_row(part):
    whole = document(report())
    value = whole["transports"]["chunked"]["idle"] if part == "idle" else whole[part]
    members = set(value[0] if isinstance(value, list) else value)
    if part == "culprits":
        members |= set(value[0]["fixes"][0])
    heads = (f"`{part}`", f"`{part}[]`", f"`.{part}`")
    (row,) = (cells for cells in rows("field") if cells[0] in heads and len(names(cells[1])) > 1)
    missing = sorted(members - set(names(row[1])))
    assert not missing, f"docs/json.md, row `{part}`: add {missing}"


def test_every_member_of_an_explanation_is_documented():
    listed = {name for cells in rows("member of a culprit") for name in names(cells[0])}
    assert set(explanation_document(CULPRITS["nginx-gzip"])) == listed, "docs/json.md, Explain"


def test_every_change_of_a_version_is_documented():
    listed = rows("first version")
    changes = [[f"{c.program} {shown(c.since)}", c.before, c.after, c.source] for c in versions.CHANGES]
    assert listed == changes, "docs/versions.md"


def test_every_change_that_a_culprit_names_is_in_the_one_place():
    named = {change for culprit in CULPRITS.values() for change in culprit.versions}
    named |= {
        change
        for culprit in CULPRITS.values()
        for fix in culprit.fixes
        for change in (fix.until, fix.since)
        if change is not None
    }
    assert named <= set(versions.CHANGES)


def test_every_code_of_the_check_is_documented():
    assert [name for cells in rows("code of /check") for name in names(cells[0])] == list(CheckError)


def test_the_clients_example_uses_names_that_the_client_has():
    code = example("client", "js")
    client = (ROOT / "flushcheck" / "service" / "page" / "client.js").read_text()
    used = set(re.findall(r"^  (\w+):|\b(\w+)(?=[,:} ]+\}\) =>)", code, re.MULTILINE)) | {("openStream", "")}
    for name in sorted({name for pair in used for name in pair if name}):
        assert re.search(rf"\b{name}\b", client), name


@pytest.mark.parametrize(("page", "name", "test"), MARKS, ids=[f"{page}:{name}" for page, name, _ in MARKS])
def test_a_mark_names_the_test_that_reads_it(page, name, test):
    assert (ROOT / test).is_file(), f"{page}: the mark {name} names {test}, which does not exist"


def test_every_mark_has_a_name_of_its_own():
    used = [name for _, name, _ in MARKS]
    assert sorted(used) == sorted(set(used))


@pytest.mark.parametrize("page", TEXTS)
def test_every_shown_output_of_the_command_is_compared(page):
    for block in re.finditer(r"^```console\n\$ flushcheck", TEXTS[page], re.MULTILINE):
        above = f"\n{TEXTS[page][: block.start()]}"
        section = above[above.rindex("\n#") :]
        assert MARK.search(section), f"{page}: an example of output without a mark: no test compares it"


def _of_actions(command: argparse.ArgumentParser) -> list[str]:
    """The options of the actions of a command, for example of `origin test`."""
    actions = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    return [
        option
        for action in actions
        for nested in action.choices.values()
        for option in nested._option_string_actions
    ]


OPTIONS = sorted(
    (name, option)
    for action in parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for name, command in action.choices.items()
    for option in (*command._option_string_actions, *_of_actions(command))
    if option not in ("-h", "--help")
)


def test_every_command_has_its_row_in_the_readme():
    listed = {names(cells[0])[0].split()[1] for cells in rows("command") if "flushcheck" in cells[0]}
    assert listed == {"URL", *(name for name, _ in OPTIONS)}


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=[" ".join(row) for row in OPTIONS])
def test_every_option_is_documented(command, option):
    short = {"--header": "-H", "--request": "-X", "--data": "-d", "--config": "-c"}
    text = TEXTS["docs/commands.md"] + TEXTS["docs/config-check.md"]
    given = (option, short.get(option, option)) if command != "diagnose" else (option,)
    found = any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in given)
    assert found, f"docs/commands.md says nothing of `flushcheck {command} {option}`"
