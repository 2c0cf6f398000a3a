"""`import flushcheck`: its names, and the example in its docstring."""

from __future__ import annotations

import re

import pytest

import flushcheck
from flushcheck import FlushcheckError, UsageError, judge
from flushcheck.reports.json_report import document
from flushcheck.service.limits.admission import CapacityExceeded
from flushcheck.streaming.transports import Malformed
from tests.diagnosis.paths import Path


@pytest.mark.parametrize("name", flushcheck.__all__)
def test_every_public_name_exists(name):
    assert getattr(flushcheck, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'flushcheck' has no attribute 'diagnos'"):
        getattr(flushcheck, "diagnos")  # noqa: B009  # for mypy the attribute does not exist


@pytest.mark.parametrize("error", [UsageError, Malformed, CapacityExceeded])
def test_errors_have_one_base(error):
    assert issubclass(error, FlushcheckError)


def test_a_culprit_has_the_names_of_the_json_report():
    report = judge(Path(4096).run())
    culprit, data = report.culprits[0], document(report)["culprits"][0]
    assert (culprit.id, culprit.title) == (data["id"], data["title"])
    assert [fix.change for fix in culprit.fixes] == [fix["change"] for fix in data["fixes"]]


def test_the_example_of_the_docstring_runs(monkeypatch, capsys):
    report = judge(Path(4096).run())
    monkeypatch.setattr(flushcheck, "diagnose", lambda _url: report)
    assert flushcheck.__doc__
    example = re.search(r"(?:^ {4}.*\n|^\n)+", flushcheck.__doc__, re.MULTILINE)
    assert example
    exec(re.sub(r"^ {4}", "", example[0], flags=re.MULTILINE))  # our own docstring
    verdict, culprit, *_ = capsys.readouterr().out.splitlines()
    assert verdict == f"held {report.headline}"
    assert culprit.startswith(f"{report.culprits[0].id} ")
