"""One stack, looked at by four: the observer, `flushcheck tap`, the order check and `assert_url_streams`."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

from flushcheck.culprits import CULPRITS
from flushcheck.model import Observation, Verdict
from flushcheck.prober.tapping import fetch_notes, tapped_request
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from flushcheck.tapping.judge import judge_tap, without_notes
from flushcheck.tapping.notes import NotesError, notes_from_json
from flushcheck.tapping.report import TapReport
from flushcheck.testing import assert_url_streams
from tests.lab.asks import Ask
from tests.lab.observer import look
from tests.lab.seen import Seen
from tests.lab.stacks.overlays import import_path, python
from tests.lab.stacks.serving import TOKEN, started
from tests.lab.stacks.table import Stack
from tests.live import servers

TIMEOUT_S = 20.0
ORDER_S = 60.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What each of the four said of a stack."""

    seen: str  # the observer's shape of it
    freed: str  # ... and without its fault; "" for a stack without one
    tap: TapReport
    order: Mapping[str, Any]  # what `order.py` prints
    url: str  # why `assert_url_streams` failed; "" if it did not
    document: Mapping[str, Any]  # the notes of the taps, as they came
    observation: Observation

    @property
    def url_names(self) -> tuple[str, ...]:
        """Culprits that the failure names."""
        return tuple(re.findall(rf"\b({'|'.join(CULPRITS)})\b", self.url))


def run(stack: Stack) -> Sight:
    """Start a stack and look at it.

    Raises:
        Missing: a server or a version is not here.
        servers.ServiceError: it did not come up.
    """
    with started(stack) as service:
        with kept_busy(stack, service.port):
            seen = observed(stack, service.port)
        tapped(stack, service.url)  # a process that has served a tapped request names the same layers again
        with kept_busy(stack, service.port):
            report, document, observation = tapped(stack, service.url)
        url = url_failure(stack, service.url)
    freed = ""
    if stack.guilty:
        with started(stack, freed=True) as service:
            freed = observed(stack, service.port).shape
    return Sight(seen.shape, freed, report, order_found(stack), url, document, observation)


def observed(stack: Stack, port: int) -> Seen:
    """What the observer sees."""
    return look("127.0.0.1", port, Ask(stack.route))


@contextmanager
def kept_busy(stack: Stack, port: int) -> Iterator[None]:
    """Keep the only worker busy while the next request comes, where that is the stack's fault."""
    if stack.guilty != "queue":
        yield
        return

    def ask() -> None:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/busy") as response:
            response.read()

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)  # until the worker has it
    yield
    thread.join()


def tapped(stack: Stack, url: str) -> tuple[TapReport, Mapping[str, Any], Observation]:
    """What `flushcheck tap` says, the notes as they came, and what its reader saw."""
    plain = watch_request(f"{url}/stream/{stack.route}")
    tap_id = secrets.token_hex(16)
    request = tapped_request(plain, tap_id, TOKEN)
    observation = watch(request, timeout_s=TIMEOUT_S).observations[0]
    try:
        document = json.loads(fetch_notes(request, tap_id))
        notes = notes_from_json(document)
    except NotesError as error:
        return without_notes(plain.shown_url, str(error)), {}, observation
    report = judge_tap(
        "http://127.0.0.1:8000/",
        notes,
        observation,
        advice=lambda name, path, version: f"{name} {path} {version}",
    )
    return report, document, observation


def order_found(stack: Stack) -> Mapping[str, Any]:
    """What `assert_streams` says, in a process with the stack's own versions."""
    env = servers.child_env(
        {"PYTHONPATH": import_path(stack.overlay), "LAB_STACK": stack.name, "LAB_GAP_S": "0"}
    )
    argv = [python(stack.overlay), "-m", "tests.lab.stacks.order"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=ORDER_S, check=False)
    if done.returncode:
        raise servers.ServiceError(f"the order check failed: {done.stderr[-600:]}")
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def url_failure(stack: Stack, url: str) -> str:
    """Why `assert_url_streams` fails; "" if it does not."""
    try:
        report = assert_url_streams(f"{url}/stream/{stack.route}", timeout_s=TIMEOUT_S)
    except AssertionError as error:
        return str(error)
    assert report.verdict is Verdict.FLOWING
    return ""
