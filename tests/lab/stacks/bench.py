"""`python -m tests.lab --stacks [NAME]`: all stacks, as a table, with the totals at its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.lab.setting import Missing
from tests.lab.stacks.runs import Sight, run
from tests.lab.stacks.scores import Score, score
from tests.lab.stacks.table import STACKS, Stack
from tests.lab.verdicts import Mark
from tests.live import servers

RECORDINGS = servers.ROOT / "tests" / "stacks"


def choose(names: Sequence[str]) -> list[Stack]:
    """The stacks whose names begin with one of these; all for none.

    Raises:
        LookupError: a name fits none.
    """
    chosen: dict[str, Stack] = {}
    for name in names or [""]:
        fitting = {key: stack for key, stack in STACKS.items() if key.startswith(name)}
        if not fitting:
            raise LookupError(
                f"{name}: expected the begin of a stack's name, for example gunicorn-gthread/flask"
            )
        chosen |= fitting
    return list(chosen.values())


def measure(
    stacks: Sequence[Stack], jobs: int, *, say: Callable[[str], None], record: bool = False
) -> list[Score]:
    """Run them all, some side by side; `say` gets a line for each that is done."""
    scores = []
    with ThreadPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(_run, stack, record) for stack in stacks]):
            scores.append(done.result())
            say(line(scores[-1]))
    return sorted(scores, key=lambda score: score.stack.name)


def _run(stack: Stack, record: bool) -> Score:
    try:
        sight = run(stack)
    except Missing as error:
        return Score(stack, "", Mark.MISSING, Mark.MISSING, Mark.MISSING, str(error))
    except servers.ServiceError as error:
        why = str(error).strip().replace("\n", " | ")[-400:]
        return Score(stack, "", Mark.BROKEN, Mark.BROKEN, Mark.BROKEN, why)
    if record:
        keep(stack, sight)
    return score(stack, sight)


def keep(stack: Stack, sight: Sight) -> None:
    """Save what the taps noted, for the tests without servers."""
    from tests.lab.recording import slim

    RECORDINGS.mkdir(exist_ok=True)
    observation: Any = slim(sight.observation)
    recording = {
        "notes": sight.document,
        "observation": observation,
        "unreadable": sight.order["unreadable"],
        "taps": sight.order["taps"],
    }
    path = recording_of(stack)
    path.write_text(json.dumps(recording, separators=(",", ":")) + "\n")


def recording_of(stack: Stack) -> Path:
    """Where the recording of a stack is."""
    return RECORDINGS / f"{stack.name.replace('/', '@')}.json"


def line(score: Score) -> str:
    """One line of the table."""
    stack = score.stack
    marks = " ".join(f"{mark:9}" for mark in score.marks)
    notes = "; ".join(filter(None, (score.observer, score.why)))
    return f"{stack.name:64} {stack.seen:9} {stack.named or stack.guilty or '-':18} {marks} {notes}".rstrip()


def totals(scores: Sequence[Score]) -> str:
    """How many were named, wrong and undecided, of the guilty and of the clean."""
    return "\n".join(("", *_totals(scores)))


def _totals(scores: Sequence[Score]) -> Iterator[str]:
    guilty = [score for score in scores if score.stack.guilty]
    views = [score for score in scores if not score.stack.guilty and score.stack.is_held]
    clean = [score for score in scores if not score.stack.guilty and not score.stack.is_held]
    yield f"{len(scores)} stacks, {len(guilty)} guilty, {len(views)} held in the view, {len(clean)} clean"
    for kind, of_kind in (("guilty", guilty), ("view", views), ("clean", clean)):
        for number, instrument in enumerate(("tap", "order", "url")):
            marks = [score.marks[number] for score in of_kind]
            counts = ", ".join(f"{marks.count(mark)} {mark}" for mark in Mark if mark in marks)
            yield f"  {kind:6} {instrument:5}  {counts}"
    named = [mark for score in guilty for mark in score.marks[:2]]
    if named:
        yield f"  named in {named.count(Mark.RIGHT) / len(named):.1%} of taps and order checks of guilty stacks"
    differing = [score.stack.name for score in scores if score.observer]
    yield f"  the observer disagrees with the table on {len(differing)}: {' '.join(differing)}".rstrip(": ")


def failed(scores: Sequence[Score]) -> bool:
    """Whether something is wrong, or did not run."""
    bad = (Mark.WRONG, Mark.BROKEN)
    return any(score.observer or any(mark in bad for mark in score.marks) for score in scores)
