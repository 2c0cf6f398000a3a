"""Notes that wait to be fetched: by this process, by a sister, and not for long."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import pytest

from flushcheck.taps.store import MAX_IDS, RUNNING_S, Store
from tests.taps.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def noted(store: Store, tap_id: str) -> None:
    assert store.begin(tap_id) is not None
    store.end(tap_id)


def test_complete_notes_are_read_once(tmp_path):
    store = Store("secret", tmp_path)
    noted(store, "a")
    text = store.take("a")
    assert text is not None
    assert json.loads(text)["places"] == []
    assert store.take("a") is None
    assert list(tmp_path.iterdir()) == []


def test_a_sister_process_with_the_same_token_finds_them(tmp_path):
    noted(Store("secret", tmp_path), "a")
    assert Store("other", tmp_path).take("a") is None
    assert Store("secret", tmp_path).take("a") is not None
    assert Store("secret", tmp_path).take("a") is None


def test_notes_of_a_response_under_way_are_not_forgotten(tmp_path):
    store = Store("secret", tmp_path)
    store.begin("a")
    assert store.take("a") is not None
    assert store.take("a") is not None


def test_an_id_is_used_once(tmp_path):
    store = Store("secret", tmp_path)
    store.begin("a")
    assert store.begin("a") is None
    store.end("a")
    assert store.begin("a") is None


def test_an_end_without_a_beginning_is_nothing(tmp_path):
    store = Store("secret", tmp_path)
    store.end("a")
    assert store.take("a") is None


def test_notes_are_kept_for_a_minute(tmp_path, clock):
    store = Store("secret", tmp_path)
    noted(store, "a")
    noted(store, "b")
    for file in tmp_path.iterdir():
        os.utime(file, (0, 0))
    clock.now += 59.9
    assert store.take("a") is not None
    clock.now += 0.2
    assert store.take("b") is None


def test_so_many_requests_run_at_once(tmp_path, clock):
    store = Store("secret", tmp_path)
    assert [store.begin(f"{number}") is not None for number in range(MAX_IDS + 1)] == [
        *[True] * MAX_IDS,
        False,
    ]
    clock.now += RUNNING_S + 1
    assert store.begin("late") is not None


def test_so_many_notes_are_kept(tmp_path):
    store = Store("secret", tmp_path)
    for number in range(MAX_IDS + 4):
        noted(store, f"{number}")
    assert len(list(tmp_path.iterdir())) == MAX_IDS
    assert [store.take(f"{number}") is None for number in (0, 3)] == [True, True]
    assert store.take(f"{MAX_IDS + 3}") is not None


def test_without_a_folder_notes_stay_in_this_process(tmp_path):
    store = Store("secret", tmp_path / "none")
    noted(store, "a")
    assert store.take("a") is not None


def test_a_folder_that_others_can_read_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"flushcheck-taps-{os.getuid()}"
    noted(Store("secret"), "a")
    assert len(list(folder.iterdir())) == 1
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o755)
    noted(Store("secret"), "b")
    assert len(list(folder.iterdir())) == 1


def test_a_link_to_elsewhere_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    Path(tmp_path / f"flushcheck-taps-{os.getuid()}").symlink_to(elsewhere)
    noted(Store("secret"), "a")
    assert list(elsewhere.iterdir()) == []
