"""Runs of the laboratory's stacks, judged again: each layer is named, and no other one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flushcheck.model import Observation
from flushcheck.model.codec import from_json
from flushcheck.tapping.judge import judge_tap
from flushcheck.tapping.notes import notes_from_json
from flushcheck.taps.recorder import Layer
from flushcheck.testing.order import TapChunks, stream_order
from flushcheck.testing.sentences import failure
from tests.lab.stacks.bench import RECORDINGS, recording_of
from tests.lab.stacks.scores import score_order, score_tap
from tests.lab.stacks.table import STACKS, Stack
from tests.lab.stacks.views import COUNT
from tests.lab.verdicts import Mark


def recorded(stack: Stack) -> Any:
    return json.loads(recording_of(stack).read_text())


@pytest.mark.parametrize("name", STACKS)
def test_the_tap_names_the_layer(name):
    stack, recording = STACKS[name], recorded(STACKS[name])
    notes = notes_from_json(recording["notes"])
    seen = from_json(Observation, recording["observation"])
    report = judge_tap("http://127.0.0.1/", notes, seen, advice=lambda layer, path, version: path)
    assert score_tap(stack, report) == (Mark.RIGHT, ""), report.headline


@pytest.mark.parametrize("name", STACKS)
def test_the_order_names_the_layer(name):
    stack, recording = STACKS[name], recorded(STACKS[name])
    order = stream_order(
        [
            TapChunks(Layer(layer, path), tuple(moments), tuple(sizes), encoding)
            for layer, path, encoding, moments, sizes in recording["taps"]
        ]
    )
    unreadable = recording["unreadable"]
    message = failure(order, url="/", status=200, unreadable=unreadable, min_pieces=COUNT // 2, max_waiting=0)
    layers = (
        [unreadable.split(" wrote ")[0]] if unreadable else [layer.layer.name for layer in order.guilty()]
    )
    assert score_order(stack, message, layers) == (Mark.RIGHT, "")


def test_each_recording_is_of_a_stack():
    assert {path.name for path in RECORDINGS.glob("*.json")} == {
        recording_of(stack).name for stack in STACKS.values()
    }
