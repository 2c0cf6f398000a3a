"""What a version is to a change, what is said of it, and what a Server header names."""

from __future__ import annotations

import pytest

from flushcheck.configs.versions import CHANGES
from flushcheck.model import Side, VersionChange
from flushcheck.model.versions import shown, version_named

CHANGE = VersionChange("prog", (1, 29, 7), before="holds", after="flows", source="its change log")

SIDES = [
    # version        side           sentence
    ((),             Side.UNKNOWN,  "prog before 1.29.7 holds; from 1.29.7 on it flows"),
    ((1, 29, 6),     Side.BEFORE,   "prog 1.29.6 holds (until 1.29.7)"),
    ((1, 29, 7),     Side.SINCE,    "prog 1.29.7 flows (since 1.29.7)"),
    ((1, 30),        Side.SINCE,    "prog 1.30 flows (since 1.29.7)"),
    ((1, 29),        Side.BEFORE,   "prog 1.29 holds (until 1.29.7)"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "side", "sentence"), SIDES)
def test_where_a_version_stands_and_what_is_said_of_it(version, side, sentence):
    assert CHANGE.side(version) is side
    assert CHANGE.sentence(version) == sentence


def test_without_a_version_both_answers_are_said():
    assert CHANGE.sentence() == CHANGE.sentence(())


NAMED = [
    # Server headers                      the version of nginx
    ([],                                  ()),
    ([""],                                ()),
    (["nginx"],                           ()),
    (["nginx/1.30.6"],                    (1, 30, 6)),
    (["Nginx/1.30.6"],                    (1, 30, 6)),
    (["nginx/1"],                         (1,)),
    (["nginx/1.2.3.4"],                   (1, 2, 3, 4)),
    (["nginx/1.2.3.4.5"],                 ()),
    (["nginx/12345"],                     (12345,)),
    (["nginx/123456"],                    ()),
    (["nginx/1.22.1 (Ubuntu)"],           (1, 22, 1)),
    (["gunicorn, nginx/1.22.1"],          (1, 22, 1)),
    (["gunicorn/27.0.1"],                 ()),
    (["my-nginx/1.30.6"],                 ()),
    (["mynginx/1.30.6"],                  ()),
    (["nginx/1.30.6x"],                   ()),
    (["nginx/1.30.6", "nginx/1.30.6"],    (1, 30, 6)),
    (["nginx/1.30.6", "gunicorn"],        (1, 30, 6)),
    (["nginx/1.30.6", "nginx/1.22.1"],    ()),
    (["nginx/1.30.6, nginx/1.22.1"],      ()),
]  # fmt: skip


@pytest.mark.parametrize(("servers", "version"), NAMED)
def test_the_version_that_responses_name(servers, version):
    assert version_named("nginx", servers) == version


@pytest.mark.parametrize(
    "change", CHANGES, ids=[f"{change.program} {shown(change.since)}" for change in CHANGES]
)
def test_every_fact_has_two_sides_and_a_source_with_the_versions_measured(change):
    assert change.before
    assert change.after != change.before
    assert "measured on" in change.source
