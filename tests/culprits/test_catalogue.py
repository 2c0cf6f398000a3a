"""The catalogue by name, and each Culprit explained as text, JSON and page."""

from __future__ import annotations

import dataclasses
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.culprits.catalogue import ENTRIES, Entry, find, near
from flushcheck.model import Culprit, Fix, UsageError
from flushcheck.reports import explain

IDS = [entry.culprit.id for entry in ENTRIES]

HOSTILE = Culprit(
    '"><script>',
    "<b>bold</b>",
    "why & how\x1b[2J",
    "</p>",
    (Fix("<where>", "change <line>\nsecond", "a 'price'"),),
    ("https://example.org/?a=1&b=2", "javascript:alert(1)"),
)


MODULES = [
    path
    for path in sorted((Path(__file__).parents[2] / "flushcheck" / "culprits").glob("*.py"))
    if re.search(r"^CULPRIT\b", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_culprit_is_listed_under_the_name_of_its_file(path):
    culprit = import_module(f"flushcheck.culprits.{path.stem}").CULPRIT
    listed = culprit in CULPRITS.values()
    assert listed, (
        f"add {path.stem} to DETECTORS (a run can show it) or to STATIC_ONLY (only a file can) in "
        "flushcheck/culprits/__init__.py"
    )
    assert culprit.id == path.stem.replace("_", "-"), (
        f"flushcheck/culprits/{path.name}: the file and the id need the same name; id={culprit.id!r}"
    )


def test_every_culprit_has_its_entry_once():
    assert sorted(IDS) == sorted(CULPRITS)


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_every_culprit_is_explained_in_full(entry):
    culprit = entry.culprit
    assert find(culprit.id) is entry
    told = " ".join(explain.explanation_text(entry, width=100, color=False).split())
    page = explain.explanation_html(entry, root="../")
    for needed in (culprit.title, culprit.why, culprit.symptoms, entry.told_live):
        assert needed
        assert " ".join(needed.split()) in told
    for fix in culprit.fixes:
        assert " ".join(fix.where.split()) in told
        assert " ".join(fix.change.split()) in told
        assert f"price: {fix.caution}" in told
        assert explain._text(fix.change) in page
    assert page.count("<section") == len(culprit.fixes)
    assert explain.explanation_document(entry)["fixes"][0]["change"] == culprit.fixes[0].change
    json.dumps(explain.explanation_document(entry))


NEAR = [
    # given                 among the names offered
    ("nginx_gzip",          "nginx-gzip"),
    ("Nginx-Gzip",          "nginx-gzip"),
    ("nginx buffering",     "nginx-proxy-buffering"),
    ("proxy_buffering",     "nginx-proxy-buffering"),
    ("ngnix-proxy-bufering", "nginx-proxy-buffering"),
    ("varnish",             "varnish-do-stream"),
    ("websocket",           "websocket-upgrade"),
    ("haproxy",             "haproxy-http-delay"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "meant"), NEAR)
def test_an_unknown_id_is_answered_with_the_nearest(given, meant):
    assert meant in near(given)
    with pytest.raises(UsageError, match=meant) as told:
        find(given)
    assert given in str(told.value)
    assert "expected" in str(told.value)


@pytest.mark.parametrize("given", ["", "zzz", "x" * 10_000, "\0", "-", "_ _"])
def test_a_name_like_nothing_is_answered_with_an_example(given):
    with pytest.raises(UsageError, match="for example") as told:
        find(given)
    assert len(str(told.value)) < 400


@pytest.mark.parametrize("width", [10, 40, 60, 80, 200])
def test_the_list_and_the_explanations_respect_the_width(width):
    texts = [explain.catalogue_text(ENTRIES, width=width, color=False)]
    texts += [explain.explanation_text(entry, width=width, color=False) for entry in ENTRIES]
    to_copy = {
        line.strip() for e in ENTRIES for fix in e.culprit.fixes for line in fix.change.splitlines()
    } | {one for e in ENTRIES for one in e.culprit.references}
    for text in texts:
        for line in text.splitlines():
            assert len(line) <= max(40, min(width, 100)) or line.strip() in to_copy


def test_the_list_names_everybody():
    text = explain.catalogue_text(ENTRIES, width=80, color=False)
    page = explain.catalogue_html(ENTRIES, root="")
    listed = explain.catalogue_document(ENTRIES)["culprits"]
    assert [one["id"] for one in listed] == IDS
    for name in IDS:
        assert name in text
        assert f'href="culprits/{name}"' in page


def test_nothing_in_a_culprit_becomes_markup_or_steers_a_terminal():
    entry = Entry(HOSTILE, "<i>", in_files=True)
    page = explain.explanation_html(entry, root="../")
    for raw in ("<script>", "<b>", "<i>", "<where>", "<line>", 'href="javascript:'):
        assert raw not in page
    assert "https://example.org/?a=1&amp;b=2" in page
    assert "\x1b" not in explain.explanation_text(entry, width=80, color=False)


def test_without_docstrings_there_is_still_an_explanation():
    entry = dataclasses.replace(ENTRIES[0], told_live="")
    assert "how flushcheck tells" in explain.explanation_text(entry, width=80, color=False)
