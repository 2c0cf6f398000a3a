"""`--also`: one measurement, and a file in each further format."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from flushcheck.cli import main
from flushcheck.cli.report_output import Format
from tests.docs.pages import example
from tests.live.servers import ROOT
from tests.prober.peers import scripted_server

RUN = str(ROOT / "tests" / "recordings" / "nginx-bare.json")

# The beginning of what each format writes.
BEGINNINGS = {
    Format.TEXT: "HELD  http://127.0.0.1:8080\n",
    Format.JSON: "{",
    Format.JUNIT: "<?xml ",
    Format.GITHUB: "::error title=",
    Format.MARKDOWN: "| address |",
    Format.PROMETHEUS: "# HELP ",
    Format.SARIF: "{",
}


@pytest.mark.parametrize("form", Format)
def test_each_format_goes_to_a_file_beside_the_report(form, tmp_path, capsys):
    path = tmp_path / "file"
    assert main(["judge", RUN, "--also", f"{form}={path}"]) == 1
    assert capsys.readouterr().out.startswith("HELD  ")
    also = path.read_text()
    assert also.startswith(BEGINNINGS[form])
    assert main(["judge", RUN, "-f", form]) == 1
    if form is not Format.TEXT:  # whose width is that of the terminal
        assert capsys.readouterr().out == also


def test_the_example_of_the_documentation_is_accepted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(example("also", "sh"))
    assert words[:2] == ["flushcheck", "diagnose"]
    assert main(["judge", RUN, *words[3:]]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "flushcheck.sarif",
        "flushcheck.xml",
        "summary.md",
    ]


def test_several_addresses_have_one_file(tmp_path, capsys):
    path = tmp_path / "file.json"
    urls = ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"]
    assert main(["diagnose", *urls, "-f", "github", "--also", f"json={path}"]) == 3
    assert capsys.readouterr().out.count("::warning ") == 2
    assert [result["name"] for result in json.loads(path.read_text())["results"]] == urls


WRONG = [
    # given           the error
    ("junit",         "'junit': expected one of text, json, junit, github, markdown, prometheus, sarif, = and a file"),
    ("junit=",        "'junit=': expected one of text"),
    ("xml=a.xml",     "'xml=a.xml': expected one of text"),
    ("junit=/no/a.xml", "--also junit=/no/a.xml: No such file or directory; expected a writable file"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "error"), WRONG)
def test_a_wrong_value_is_told_before_anything_is_measured(given, error, capsys):
    asked: list[object] = []
    with scripted_server(asked.append) as url:
        assert main(["diagnose", url, "--also", given]) == 2
    assert error in capsys.readouterr().err
    assert asked == []


def test_a_file_that_can_no_longer_be_written_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    assert main(["judge", RUN, "--also", f"junit={tmp_path / 'a.xml'}"]) == 2
    assert "a.xml: No space left on device; expected a writable file" in capsys.readouterr().err
