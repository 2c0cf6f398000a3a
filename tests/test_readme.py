"""The README and the pages of docs/ say what the code says."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

import flushcheck
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Flow, Report, Transport, Vantage
from flushcheck.model.run_schema import run_from_json
from flushcheck.reports.oneliner import oneliner
from flushcheck.reports.terminal import terminal
from flushcheck.streaming.limits import PREFIX, Limits
from flushcheck.streaming.params import TABLE
from tests.docs.pages import TEXTS, example, names, rows, shape

RECORDING = Path(__file__).parent / "recordings" / "nginx-bare.json"
MAX_README_LINES = 200


def test_the_readme_stays_short():
    assert len(TEXTS["README.md"].splitlines()) <= MAX_README_LINES, "move details to a page in docs/"


def test_the_one_line_is_the_services_own():
    assert example("oneliner", "sh") == f"{oneliner('http://localhost:8000')}\n"


def test_the_exchange_is_what_a_recorded_run_prints():
    # The same with a real nginx: tests/live/test_readme.py.
    run = run_from_json(json.loads(RECORDING.read_text()))
    chunked = [seen for seen in run.observations if seen.probe.transport is Transport.CHUNKED]
    control = [seen for seen in run.observations if seen.probe.vantage is Vantage.LOOPBACK]
    asked = replace(
        run,
        observations=(*chunked, *control),
        tool=f"flushcheck {flushcheck.__version__}",
        began_at="2026-11-28T06:53:00Z",
        took_s=4.6,
        observer="ci-1",
        marker="ab12cd34",
    )
    _, output = example("exchange", "console").split("\n", 1)
    assert shape(output) == shape(terminal(judge(asked), width=100, color=False))


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def diagnose(url: str, *, quick: bool) -> Report:
        return judge(run_from_json(json.loads(RECORDING.read_text())))

    monkeypatch.setattr(flushcheck, "diagnose", diagnose)
    exec(example("python", "python"), {})
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("held ")
    assert any(line.startswith("nginx-proxy-buffering proxy_buffering off;") for line in shown)


def test_every_setting_is_listed_with_its_default():
    settings = {f"{PREFIX}{field.name.upper()}": field.default for field in fields(Limits)}
    listed = {names(cells[0])[0]: cells[2].strip("`") for cells in rows("variable")}
    for name, default in settings.items():
        shown = f"{default:g}" if isinstance(default, float) else str(default or "–")
        assert name in listed, (
            f"add a row to the table of settings in docs/service.md: | `{name}` | … | {shown} |"
        )
        assert listed[name] == shown, f"docs/service.md gives {name} another default than Limits: {shown}"
    assert list(listed) == list(settings), (
        "docs/service.md: list the settings in the order of Limits, no others"
    )


def test_every_parameter_is_listed():
    listed = [name for cells in rows("parameter") for name in names(cells[0])]
    missing = sorted(set(TABLE) - set(listed))
    assert not missing, f"add {missing} to the table of parameters in docs/service.md"
    assert sorted(listed) == sorted(TABLE)


def test_every_flow_is_listed():
    listed = [names(cells[0])[0] for cells in rows("flow")]
    assert listed == list(Flow), "README.md, What it measures: one row for each Flow, in its order"
