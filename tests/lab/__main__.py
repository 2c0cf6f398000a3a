"""Run the laboratory: `make lab`, or `make lab CASE=name` for one case to look at.

Each case is started with all that stands behind it, looked at by the raw-socket observer, then by flushcheck; the two
are held against each other and against what the case says of itself. The table goes to stdout, a line as each case is
done; the exit status is 0 if nothing was wrong and nothing broke.
"""

from __future__ import annotations

import argparse
import queue
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from tests.lab import chromium, fixed, programs
from tests.lab.bench import JOBS, Bench, choose, diagnose
from tests.lab.case import Case, Kind
from tests.lab.programs import scratch
from tests.lab.show import show
from tests.lab.stacks import bench as stacks
from tests.lab.table import line, totals
from tests.lab.verdicts import Mark
from tests.live import servers


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="make lab", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", help="program/case, program, or the case alone; all if none is named"
    )
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument(
        "--measure", action="store_true", help="write what the observer sees into the case's file"
    )
    parser.add_argument("--record", action="store_true", help="save each run in tests/recordings")
    parser.add_argument("--out", type=Path, help="write the observer's full account of each case there")
    parser.add_argument(
        "--only-observe", action="store_true", help="no flushcheck: is what arrives what the case says?"
    )
    parser.add_argument("--stay", action="store_true", help="leave one case running until Ctrl-C")
    parser.add_argument(
        "--ci", action="store_true", help="only the cases marked `ci`: each culprit, and its look-alikes"
    )
    parser.add_argument("--tls", action="store_true", help="only the cases that are reached over TLS")
    parser.add_argument("--watch", action="store_true", help="watch a plain stream in place of a diagnosis")
    parser.add_argument(
        "--direct",
        action="store_true",
        help="with --watch: at the app's own port too, where the case has one",
    )
    parser.add_argument(
        "--runs", type=Path, help="with --watch: save each run in this folder, to judge it again"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a first verdict, as `flushcheck diagnose --quick` gives it"
    )
    parser.add_argument("--busy", action="store_true", help="keep all cores busy with something else")
    parser.add_argument(
        "--chromium",
        action="store_true",
        help="a real Chromium beside flushcheck, over each protocol of a case",
    )
    parser.add_argument(
        "--stacks",
        action="store_true",
        help="apps of one's own on real servers, by `flushcheck tap` and the assertions; a name is the begin of a stack's",
    )
    parser.add_argument(
        "--fixed",
        action="store_true",
        help="paste the fixes of each guilty case into its file, and diagnose it again",
    )
    asked = parser.parse_args()
    if asked.stacks:
        return judge_stacks(asked.cases, asked.jobs, record=asked.record)
    if asked.chromium and not chromium.installed():
        parser.error("--chromium: chromium is not installed: apt-get install chromium")
    try:
        cases = choose(asked.cases, ci=asked.ci, tls=asked.tls)
        if asked.chromium and not asked.cases:
            cases = [case for case in cases if case.tls or case.name in chromium.PLAIN]
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.fixed:
        return judge_fixed(cases, asked.jobs)
    with scratch(), ExitStack() as stack:
        if asked.busy:
            stack.enter_context(servers.busy_cores())
        if len(cases) == 1 and asked.cases and not (asked.chromium or asked.watch):
            return show(
                cases[0], stay=asked.stay, record=asked.record, measure=asked.measure, quick=asked.quick
            )
        bench = Bench(stack, asked.jobs, record=asked.record, measure=asked.measure, out=asked.out)
        bench.diagnosing, bench.quick = not asked.only_observe, asked.quick
        bench.watching, bench.direct = asked.watch, asked.direct
        bench.browsing = asked.chromium
        bench.runs = asked.runs
        results = bench.run(cases, say=lambda result: print(line(result), flush=True))
    print(totals(results))
    if asked.chromium:
        print(chromium.account(bench.rows))
    return int(any(result.mark in (Mark.WRONG, Mark.BROKEN) for result in results))


def judge_stacks(names: Sequence[str], jobs: int, *, record: bool) -> int:
    """Run the stacks with these names and print their table."""
    try:
        chosen = stacks.choose(names)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    with scratch():
        scores = stacks.measure(chosen, jobs, say=lambda row: print(row, flush=True), record=record)
    print(stacks.totals(scores))
    return int(stacks.failed(scores))


def judge_fixed(cases: Sequence[Case], jobs: int) -> int:
    """Run the guilty cases with each of their fixes, and print what became of them."""

    origins: queue.Queue[servers.Service] = queue.Queue()

    def run(case: Case) -> list[fixed.Row]:
        origin = origins.get()
        try:
            return list(fixed.rows(case, lambda url, case: diagnose(url, case)[0], origin=origin))
        except (programs.Missing, servers.ServiceError, ValueError) as error:
            return [fixed.Row(case.name, "", (), False, str(error).strip().replace("\n", " | ")[-200:])]
        finally:
            origins.put(origin)

    guilty = [case for case in cases if case.kind is Kind.GUILTY]
    wrong = 0
    with scratch(), ExitStack() as stack, ThreadPoolExecutor(jobs) as pool:
        for _ in range(min(jobs, len(guilty))):
            origins.put(stack.enter_context(servers.start_origin()))
        for done in as_completed([pool.submit(run, case) for case in guilty]):
            for row in done.result():
                wrong += not row.right
                print(row, flush=True)
    print(f"\n{len(guilty)} guilty cases, {wrong} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
