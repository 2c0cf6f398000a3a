"""What the service costs and how late it is, beside others that serve the same streams.

    make bench                 # every row, three rounds: about 15 minutes
    make bench ROW=chunked     # one row
    make bench QUICK=1         # small amounts and one round: only to see whether something broke

Each server is one worker, pinned to one core; the readers are pinned to another. In a round every server of
a row is started anew and measured, one after the other, so that a machine that is busy is busy for all. What
is compared are ratios of the same round; shown are their median, the least and the most. Loopback only.

Processor time is worth something on a busy machine as well, lateness is not: so the load is printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
from collections.abc import Sequence

from bench.rows import ROWS, Goal, Row
from bench.servers import CLIENT_CORE, OURS, SERVER_CORE, running, why_not

QUICK_SCALE = 0.2


def main(argv: Sequence[str]) -> int:
    """Run the rows asked for; 1 if one is not as it must be."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.partition("\n")[0])
    names = [row.name for row in ROWS]
    parser.add_argument("row", nargs="*", help=f"all if none: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small amounts, one round")
    asked = parser.parse_args(argv)
    if unknown := set(asked.row) - set(names):
        parser.error(f"{', '.join(sorted(unknown))}: expected one of {', '.join(names)}")
    os.sched_setaffinity(0, {CLIENT_CORE})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if SERVER_CORE == CLIENT_CORE:
        print("one core for all: server and readers take it from each other")
    rows = [row for row in ROWS if not asked.row or row.name in asked.row]
    rounds, scale = (1, QUICK_SCALE) if asked.quick else (asked.rounds, 1.0)
    return max([_show(row, _measure(row, rounds, scale)) for row in rows])


def _measure(row: Row, rounds: int, scale: float) -> dict[str, list[float]]:
    """Each server's numbers, one a round."""
    names = [OURS, *(name for name in row.peers if not why_not(name))]
    numbers: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with running(name) as server:
                numbers[name].append(row.measure(server, scale))
    return numbers


def _show(row: Row, numbers: dict[str, list[float]]) -> int:
    """Print a row; 1 if it is not as it must be."""
    load = os.getloadavg()[0]
    print(f"\n{row.name}: {row.what} (load {load:.1f} on {os.cpu_count()} cores)")
    for name, values in numbers.items():
        print(f"    {name:12} {_spread(values)} {row.unit}")
    missed = 0
    if row.own:
        missed |= _judge("itself", numbers[OURS], row.own, row.more_is_better)
    for name, goal in row.peers.items():
        if why_not(name):
            print(f"    against {name:12} not measured: {why_not(name)}")
            continue
        ratios = [ours / theirs for ours, theirs in zip(numbers[OURS], numbers[name], strict=True)]
        if goal:
            missed |= _judge(f"against {name}", ratios, goal, row.more_is_better)
        else:
            print(f"    {f'against {name}':22} {_spread(ratios)}")
    sys.stdout.flush()
    return missed


def _judge(what: str, values: list[float], goal: Goal, more_is_better: bool) -> int:
    middle = statistics.median(values)
    sign = ">=" if more_is_better else "<="
    must, aim = (middle >= one if more_is_better else middle <= one for one in (goal.must, goal.aim))
    print(
        f"    {what:22} {_spread(values)}   must {sign} {goal.must:g}: {_word(must)}   "
        f"aim {sign} {goal.aim:g}: {_word(aim)}"
    )
    return int(not must)


def _word(reached: bool) -> str:
    return "yes" if reached else "NO"


def _spread(values: list[float]) -> str:
    middle = statistics.median(values)
    digits = 2 if middle < 10 else 0
    least, most = min(values), max(values)
    return f"{middle:9.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
