"""The README says what the code says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from flushcheck.model import Flow
from flushcheck.reports.oneliner import oneliner
from flushcheck.streaming.limits import PREFIX, Limits
from flushcheck.streaming.params import TABLE

README = Path(__file__).resolve().parents[1] / "README.md"
TEXT = README.read_text()


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table whose head begins so, cell by cell."""
    lines = TEXT[TEXT.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_one_line_is_the_services_own():
    assert oneliner("http://localhost:8000") in TEXT


def test_every_setting_is_listed_with_its_default():
    listed = {cells[0].strip("`"): cells[2].strip("`") for cells in rows("variable")}
    settings = {f"{PREFIX}{field.name.upper()}": field.default for field in fields(Limits)}
    assert list(listed) == list(settings)
    for name, default in settings.items():
        assert listed[name] == (f"{default:g}" if isinstance(default, float) else str(default or "–"))


def test_every_parameter_is_listed():
    listed = [name for cells in rows("parameter") for name in re.findall(r"`(\w+)`", cells[0])]
    assert sorted(listed) == sorted(TABLE)


def test_every_flow_is_listed():
    assert [cells[0].strip("`") for cells in rows("flow")] == list(Flow)


def test_every_link_to_a_file_leads_somewhere():
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", TEXT):
        assert (README.parent / target).exists(), target
