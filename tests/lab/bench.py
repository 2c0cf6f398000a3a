"""Runs cases side by side: each is started, looked at by the observer, and diagnosed by flushcheck.

The observer, flushcheck and the head of the case are held against each other (`verdicts.py`); the table is printed by
`__main__.py`.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path

from flushcheck import judge
from flushcheck.model import Report, Run, Verdict
from flushcheck.prober import gather
from tests.lab import chromium, programs, versions, watched
from tests.lab.case import Case, Kind, Protocol, Sights, every, find, with_seen
from tests.lab.recording import save, slim_run
from tests.lab.seen import Seen
from tests.lab.sights import account, observe, shapes
from tests.lab.verdicts import Mark, Result, assess_run, differences
from tests.live import servers

# Side by side, each with an origin of its own: a case is asleep nearly all the time. On two cores 3, 4 and 5 took 7:54,
# 6:10 and 4:35 minutes with the same verdicts; what is left over is for a machine that has something else to do.
JOBS = 4


def choose(names: Sequence[str], *, ci: bool = False, tls: bool = False) -> list[Case]:
    """The cases that these names mean; all of them for none. The longest go first."""
    everything = [case for case in every() if case.kind is not Kind.PART]
    found: dict[str, Case] = {}
    for name in names:
        of_program = [case for case in everything if case.program == name.rstrip("/")]
        for case in of_program or [find(name)]:
            found[case.name] = case
    chosen = list(found.values()) or [case for case in everything if not ci or "ci" in case.options]
    chosen = [case for case in chosen if case.tls or not tls]
    return sorted(chosen, key=lambda case: (-float(case.options.get("slow", "0")), case.name))


class Bench:
    """Runs cases side by side, each with an origin that no other case uses meanwhile."""

    diagnosing = True
    quick = False
    watching = False
    direct = False
    browsing = False  # a real Chromium too
    runs: Path | None = None  # where the runs of watched streams are kept

    def __init__(self, stack: ExitStack, jobs: int, *, record: bool, measure: bool, out: Path | None) -> None:
        self._jobs = jobs
        self._record = record
        self._measure = measure
        self._out = out
        self._accounts: dict[str, str] = {}
        self.rows: list[chromium.Row] = []  # what Chromium got
        self._lock = threading.Lock()
        self._origins: queue.Queue[servers.Service] = queue.Queue()
        for _ in range(jobs):
            self._origins.put(stack.enter_context(servers.start_origin()))

    def run(self, cases: Sequence[Case], *, say: Callable[[Result], None]) -> list[Result]:
        """Run them all; `say` hears of each as it is done."""
        results = []
        with ThreadPoolExecutor(self._jobs) as pool:
            for done in as_completed([pool.submit(self._run, case) for case in cases]):
                results.append(done.result())
                say(results[-1])
        return sorted(results, key=lambda result: result.case.name)

    def _run(self, case: Case) -> Result:
        result = self._judged(case)
        return replace(result, version=versions.version_of(case.program, case.version))

    def _judged(self, case: Case) -> Result:
        origin = self._origins.get()
        try:
            with programs.start(case, origin=origin) as front:
                sights = observe(
                    case, front.port, whole=bool((self._measure and not self.browsing) or self._out)
                )
                self._account(case, sights)
                seen = {protocol: shapes(found) for protocol, found in sights.items()}
                if self._measure and not self.browsing:
                    case.path.write_text(with_seen(case.path.read_text(), seen))
                if not self.diagnosing:
                    changed = differences(case.sights, seen)
                    mark = Mark.WRONG if changed and not self._measure else Mark.RIGHT
                    return Result(case, mark, "", (), 0.0, "; ".join(changed))
                if self.watching:
                    direct = watched.port_behind(case, origin.url) if self.direct else ""
                    reports, took_s = watched.look(
                        front.url, direct, partial(self._keep, case), case.options.get("origin", "")
                    )
                    return watched.assess_watched(case, seen, reports, took_s)
                report, run, took_s = diagnose(front.url, case, quick=self.quick)
                if self._record:
                    save(case, run, quick=self.quick)
                result = self._assessed(case, seen, report, took_s)
                if "flows" in case.options and report.verdict is Verdict.FLOWING:
                    # gunicorn looks for hung workers once a second. A stream of 1.9 s that begins just after a look
                    # can end before the next one: then this path really flowed, and is diagnosed once more.
                    report, _, took_s = diagnose(front.url, case, quick=self.quick)
                    result = self._assessed(case, seen, report, took_s)
                return self._beside_chromium(result, front.url, run) if self.browsing else result
        except programs.Missing as error:
            return Result(case, Mark.MISSING, "", (), 0.0, str(error))
        except (servers.ServiceError, chromium.BrowserFailed) as error:
            return Result(case, Mark.BROKEN, "", (), 0.0, str(error).strip().replace("\n", " | ")[-400:])
        finally:
            self._origins.put(origin)

    def _assessed(self, case: Case, seen: Sights, report: Report, took_s: float) -> Result:
        result = assess_run(case, seen, report, took_s)
        # A first verdict says itself that it does not look for what comes later than its streams last.
        if self.quick and "later" in case.options and result.mark is Mark.WRONG and not result.named:
            return replace(result, mark=Mark.UNDECIDED, why=f"comes {case.options['later']}")
        return result

    def _beside_chromium(self, result: Result, url: str, run: Run) -> Result:
        """The same Result, or a wrong one where Chromium gets something else than flushcheck says."""
        rows = chromium.look(result.case, url, run)
        with self._lock:
            self.rows += rows
            if self._measure:
                chromium.keep(rows)
        differing = [
            str(row)
            for row in rows
            if not chromium.reason(result.case, row.protocol)
            and (row.different or (not row.told and chromium.unlike(result.case, row)))
        ]
        if not differing:
            return result
        return replace(result, mark=Mark.WRONG, why="; ".join(filter(None, (result.why, *differing))))

    def _keep(self, case: Case, stream: str, run: Run) -> None:
        if self.runs is not None:
            self.runs.mkdir(parents=True, exist_ok=True)
            path = self.runs / f"{case.name.replace('/', '+')}@{stream}.json"
            path.write_text(json.dumps(slim_run(run), separators=(",", ":")) + "\n")

    def _account(self, case: Case, sights: Mapping[Protocol, list[Seen]]) -> None:
        if self._out is None:
            return
        with self._lock:
            self._accounts[case.name] = account(case, sights)
            self._out.write_text("\n\n".join(text for _, text in sorted(self._accounts.items())) + "\n")


def diagnose(url: str, case: Case, *, quick: bool = False) -> tuple[Report, Run, float]:
    """What flushcheck says of the path, and how long that took."""
    begun_s = time.monotonic()
    idle_s = float(case.options.get("idle", "0"))
    asked = {"idle_s": idle_s} if idle_s and "idle_s" in signature(gather).parameters else {}
    if outer := case.options.get("outer", ""):
        asked["outer"] = url + outer  # type: ignore[assignment]
    run = gather(url + case.options.get("origin", ""), quick=quick, **asked)  # type: ignore[arg-type]  # a time-out is looked for only when asked
    report = judge(run)
    return report, run, time.monotonic() - begun_s
