"""`--ticket` on the command line."""

from __future__ import annotations

from flushcheck.cli import main
from flushcheck.model import Variant
from flushcheck.prober import dump
from tests.diagnosis.paths import Path


def test_a_saved_run_becomes_a_ticket_with_the_verdicts_exit_code(tmp_path, capsys):
    path = tmp_path / "run.json"
    path.write_text(dump(Path(4096, frozenset({Variant.XAB}), removes_header=True).run()))
    assert main(["judge", str(path), "--ticket"]) == 1
    letter = capsys.readouterr().out
    assert letter.startswith("Subject: ")
    assert "Changes that I ask you to make" in letter


def test_only_one_format_is_allowed(capsys):
    assert main(["diagnose", "http://x", "--ticket", "--json"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err
