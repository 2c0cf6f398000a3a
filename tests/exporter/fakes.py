"""Runs for the tests of the exporter: processes that do what their task says, in place of a diagnosis."""

from __future__ import annotations

import json
import sys
from typing import Any

from flushcheck.exporter.runs import Target

# A task is what the process prints, and how long it takes: {"prints": …, "takes_s": …, "log": a file}.
SCRIPT = """
import json, os, sys, threading, time
given = json.loads(sys.stdin.readline())
task = given["task"]
def log(word):
    with open(task["log"], "a") as file:
        file.write(f"{word} {task['name']} {os.getpid()} {given['timeout_s']}\\n")
if task.get("log"):
    log("begin")
def wait_for_the_end():
    while os.read(0, 100):
        pass
    os._exit(1)
threading.Thread(target=wait_for_the_end, daemon=True).start()
time.sleep(task.get("takes_s", 0))
if task.get("log"):
    log("end")
sys.stdout.write(task["prints"])
"""

COMMAND = (sys.executable, "-c", SCRIPT)


def result(name: str, *, is_as_expected: bool = True, summary: str = "flowing") -> str:
    """What a run of a target prints."""
    family = [
        "flushcheck_hold_seconds",
        "a hold",
        "gauge",
        [[[["target", name], ["transport", "chunked"]], 0.25]],
    ]
    return json.dumps({"summary": summary, "is_as_expected": is_as_expected, "families": [family]})


def target(
    name: str, *, host: str = "", interval_s: float = 0.0, timeout_s: float = 30.0, **task: Any
) -> Target:
    """A target whose run does what the task says; by default it measures at once."""
    whole = {"name": name, "prints": result(name), **task}
    return Target(name, host or name, interval_s, timeout_s, json.dumps(whole))
