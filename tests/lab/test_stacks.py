"""The table of stacks, and how what is said of one is judged. The stacks themselves run with `make lab LAB=--stacks`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from flushcheck.model import Verdict
from flushcheck.tapping.report import TapCause, TapPlace, TapReport, TapRung
from tests.lab.stacks import bench, django_apps, flask_apps, starlette_apps
from tests.lab.stacks.overlays import ENVIRONMENTS, OVERLAYS
from tests.lab.stacks.scores import Score, observer_difference, score_order, score_tap, score_url
from tests.lab.stacks.serving import COMMANDS
from tests.lab.stacks.table import NAMES, STACKS, Stack
from tests.lab.verdicts import Mark

RIGHT, UNDECIDED, WRONG = Mark.RIGHT, Mark.UNDECIDED, Mark.WRONG
HELD, FLOWING, UNKNOWN = Verdict.HELD, Verdict.FLOWING, Verdict.UNKNOWN

GUILTY = Stack("a", "waitress", "flask", ("cors", "log_body"), "log_body", "held", "layer", "held")
CLEAN = Stack("b", "waitress", "flask", ("cors",), order="streams")
SLOW = Stack("c", "waitress", "flask", view="slow", seen="held", cause="view", order="whole")
QUEUE = Stack("d", "gunicorn-sync", "flask", (), "queue", "late", "queue", "streams")
LATER = replace(GUILTY, seen="one-late")


def said(verdict: Verdict, cause: str = "", *layers: str) -> TapReport:
    rungs = tuple(TapRung(name, 1, 1, 9, (1.0,), holds=True) for name in layers)
    return TapReport("http://a/", verdict, "words", TapPlace.NONE, TapCause(cause), rungs)


TAPS = [
    ("the layer is named", GUILTY, said(HELD, "layer", "log_body"), RIGHT),
    ("another one is", GUILTY, said(HELD, "layer", "cors"), WRONG),
    ("another one is, too", GUILTY, said(HELD, "layer", "log_body", "cors"), WRONG),
    ("the path holds it, too", GUILTY, said(HELD, "layer", "log_body", "reader"), RIGHT),
    ("another cause", GUILTY, said(HELD, "event-loop", "log_body"), WRONG),
    ("the path alone", GUILTY, said(HELD, "path", "reader"), WRONG),
    ("the view", GUILTY, said(HELD, "view"), WRONG),
    ("called flowing", GUILTY, said(FLOWING), WRONG),
    ("could not tell", GUILTY, said(UNKNOWN), UNDECIDED),
    ("clean, and flowing", CLEAN, said(FLOWING), RIGHT),
    ("clean, and could not tell", CLEAN, said(UNKNOWN), UNDECIDED),
    ("a false alarm", CLEAN, said(HELD, "layer", "cors"), WRONG),
    ("a false alarm of the path", CLEAN, said(HELD, "path", "reader"), WRONG),
    ("a slow view", SLOW, said(HELD, "view"), RIGHT),
    ("a slow view, called a hold", SLOW, said(HELD, "layer", "cors"), WRONG),
    ("a queue", QUEUE, said(HELD, "queue"), RIGHT),
]  # fmt: skip


@pytest.mark.parametrize(("name", "stack", "report", "mark"), TAPS, ids=[row[0] for row in TAPS])
def test_what_a_tap_says_is_judged(name, stack, report, mark):
    assert score_tap(stack, report) == (mark, "" if mark is RIGHT else "tap: words")


ORDERS = [
    ("the layer is named", GUILTY, "no", ["log_body"], RIGHT),
    ("another one is", GUILTY, "no", ["cors"], WRONG),
    ("another one is, too", GUILTY, "no", ["log_body", "cors"], WRONG),
    ("no layer is", GUILTY, "no", [], UNDECIDED),
    ("it passes", GUILTY, "", [], WRONG),
    ("clean, and it passes", CLEAN, "", [], RIGHT),
    ("clean, and it fails", CLEAN, "no", [], WRONG),
    ("a view that makes a whole", SLOW, "no", [], RIGHT),
    ("a view that makes a whole passes", SLOW, "", [], WRONG),
    ("what is outside of the app", QUEUE, "", [], RIGHT),
]


@pytest.mark.parametrize(
    ("name", "stack", "message", "layers", "mark"), ORDERS, ids=[row[0] for row in ORDERS]
)
def test_what_an_order_check_says_is_judged(name, stack, message, layers, mark):
    assert score_order(stack, message, layers)[0] is mark


URLS = [
    ("held, and it fails", GUILTY, "no", (), RIGHT),
    ("held, and it passes", GUILTY, "", (), WRONG),
    ("one piece late, and it passes", LATER, "", (), UNDECIDED),
    ("clean, and it passes", CLEAN, "", (), RIGHT),
    ("clean, and it fails", CLEAN, "no", (), WRONG),
    ("a cause of another kind is named", GUILTY, "no", ("nginx-proxy-buffering",), WRONG),
    ("a cause that anything can have", GUILTY, "no", ("joined-response",), RIGHT),
    ("its own culprit", replace(GUILTY, guilty="compress"), "no", ("flask-compress",), RIGHT),
    ("the decorator's culprit", replace(SLOW, view="decorated"), "no", ("django-gzip-middleware",), RIGHT),
    ("a slow view", SLOW, "no", (), RIGHT),
    ("a queue", QUEUE, "", (), RIGHT),
]


@pytest.mark.parametrize(("name", "stack", "failure", "names", "mark"), URLS, ids=[row[0] for row in URLS])
def test_what_a_check_over_the_network_says_is_judged(name, stack, failure, names, mark):
    assert score_url(stack, failure, names)[0] is mark


OBSERVED = [
    ("as the table says", GUILTY, "held", "flowing", ""),
    ("one of two words", replace(GUILTY, seen="blocks held"), "held", "flowing", ""),
    ("another word", GUILTY, "late", "flowing", "seen late, not held"),
    ("held by something else, too", GUILTY, "held", "held", "held without log_body too"),
    ("a clean one", CLEAN, "flowing", "", ""),
]


@pytest.mark.parametrize(
    ("name", "stack", "seen", "freed", "why"), OBSERVED, ids=[row[0] for row in OBSERVED]
)
def test_the_observer_is_compared_with_the_table(name, stack, seen, freed, why):
    assert observer_difference(stack, seen, freed) == why


def test_there_are_sixty_stacks_over_ten_servers_and_six_frameworks():
    assert len(STACKS) >= 60
    assert sum(bool(stack.guilty) for stack in STACKS.values()) >= 30
    for kind, least in (("server", 10), ("framework", 6)):
        guilty = {getattr(stack, kind) for stack in STACKS.values() if stack.guilty}
        clean = {getattr(stack, kind) for stack in STACKS.values() if not stack.is_held}
        assert len(guilty & clean) >= least, kind
    assert {stack.server for stack in STACKS.values()} == set(COMMANDS)


def test_names_are_unique():
    names = Counter(row.name for row in STACKS.values())
    assert set(names.values()) == {1}
    assert all(name == stack.name for name, stack in STACKS.items())


def test_each_layer_of_the_table_exists():
    layers = {
        *flask_apps.LAYERS, "signing-class", "quart-log", "quart-headers",
        *starlette_apps.LAYERS, "http-log", "http-pass", "prometheus", *django_apps.MIDDLEWARES,
    }  # fmt: skip
    used = {layer for stack in STACKS.values() for layer in stack.layers}
    assert used <= layers
    assert {stack.overlay for stack in STACKS.values()} == {"", *OVERLAYS, *ENVIRONMENTS}
    assert set(NAMES) - used == set()


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_guilty_stack_says_who_and_a_clean_one_has_no_cause(stack):
    others = {"view", "queue", "server", "loop", ""}
    assert stack.guilty in {*stack.layers, *others}
    assert bool(stack.named) == (stack.guilty not in {"queue", "server", "loop", ""})
    assert bool(stack.cause) == bool(stack.guilty or stack.is_held)
    freed = stack.freed()
    assert not stack.named or (freed.layers, freed.view) != (stack.layers, stack.view)


def test_a_layer_that_flows_in_one_version_is_guilty_in_another():
    def seen(layer: str, framework: str) -> set[bool]:
        return {
            stack.guilty == layer
            for stack in STACKS.values()
            if layer in stack.layers and stack.framework == framework and not stack.view
        }

    assert seen("gzip", "starlette") == seen("gzip", "django") == {True, False}


def test_the_begin_of_a_name_chooses():
    assert len(bench.choose([])) == len(STACKS)
    assert {stack.server for stack in bench.choose(["uwsgi/", "daphne/django"])} == {"uwsgi", "daphne"}
    with pytest.raises(LookupError, match="expected the begin of a stack's name"):
        bench.choose(["nothing"])


def test_the_totals_count_names_in_guilty_stacks():
    def scored(stack: Stack, tap: Mark, order: Mark, **more: Any) -> Score:
        return Score(stack, "", tap, order, RIGHT, **more)

    scores = [
        scored(GUILTY, RIGHT, UNDECIDED),
        scored(GUILTY, RIGHT, RIGHT),
        scored(CLEAN, RIGHT, RIGHT),
        scored(SLOW, RIGHT, RIGHT),
    ]
    text = bench.totals(scores)
    assert "4 stacks, 2 guilty, 1 held in the view, 1 clean" in text
    assert "guilty order  1 right, 1 undecided" in text
    assert "named in 75.0% of taps and order checks" in text
    assert not bench.failed(scores)
    assert bench.failed([scored(CLEAN, WRONG, RIGHT)])
    assert bench.failed([replace(scores[0], observer="seen late, not held")])
    assert "a " in bench.line(scores[0])
