"""What a finding of each linter says, what it leaves out, and what its edits write: compared whole.

Each file in `findings/` is named after its culprit and holds cases: `==== server`, with the file's name where it
counts, a configuration, `----`, and its findings, with an empty line between two of them. `++++ name` begins a
file that the configuration includes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flushcheck.configs.findings import Finding, Server
from flushcheck.culprits import LINTERS
from tests.culprits.configurations import found

FILES = sorted(Path(__file__).with_name("findings").glob("*.txt"))


def rendering(finding: Finding) -> str:
    """Everything in a finding that its linter decides; the fix only where it is not the culprit's first one."""
    setting = f" {finding.value} ({finding.source})" if finding.value else ""
    lines = [f"{finding.level} {finding.file}:{finding.line}{setting}", finding.message]
    if finding.override:
        lines.append(f"app: {finding.override}")
    fix = finding.fix
    if fix is not finding.culprit.fixes[0]:
        lines += [f"fix: {fix.where}, by {fix.by}", *(f"  {line}" for line in fix.change.splitlines())]
        lines += [f"{label}: {text}" for label, text in (("cost", fix.cost), ("note", fix.note)) if text]
    for edit in finding.edits:
        lines.append(f"{edit.action} {edit.file}:{edit.line}-{edit.end_line} {edit.statement}")
        lines += [f"  {line}" for line in edit.lines]
    return "\n".join(lines)


def cases(path: Path) -> list[tuple[Server, str, str, str]]:
    """The server, the file's name, the configuration and the findings of each case."""
    divided = []
    for case in path.read_text().removeprefix("==== ").split("\n==== "):
        given, _, expected = case.partition("\n----")
        head, _, text = given.partition("\n")
        server, _, name = head.partition(" ")
        divided.append((Server(server), name or "f", text, expected.strip("\n")))
    return divided


CASES = [
    pytest.param(path.stem, *case, id=f"{path.stem} {number}")
    for path in FILES
    for number, case in enumerate(cases(path), 1)
]


@pytest.mark.parametrize(("culprit", "server", "name", "text", "expected"), CASES)
def test_a_finding_says_this_and_no_more(culprit, server, name, text, expected):
    assert "\n\n".join(map(rendering, found(culprit, server, text, name))) == expected


def test_every_linter_has_its_findings_written_out():
    linters = {linter.CULPRIT.id for linter in LINTERS}
    written = {path.stem for path in FILES}
    missing = sorted(linters - written)
    assert not missing, f"write tests/culprits/findings/{{{', '.join(missing)}}}.txt: what each finding says"
    assert not written - linters, f"remove {sorted(written - linters)}: no linter has this id"


@pytest.mark.parametrize(("lines", "findings"), [(20, 20), (21, 20)])
def test_of_many_encode_lines_the_first_ones_are_looked_at(lines, findings):
    text = ":80 {\n" + "encode gzip\n" * lines + "reverse_proxy x:1\n}\n"
    assert len(found("caddy-encode", Server.CADDY, text)) == findings


@pytest.mark.parametrize(("inherited", "written"), [(50, 53), (51, 0)])
def test_an_edit_repeats_no_long_list_of_inherited_headers(inherited, written):
    headers = "".join(f"proxy_set_header X-{number} x;" for number in range(inherited))
    text = f"server {{ {headers} location / {{ proxy_pass http://x; }} }}"
    (finding,) = found("websocket-upgrade", Server.NGINX, text)
    assert sum(len(edit.lines) for edit in finding.edits) == written
