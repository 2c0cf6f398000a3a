"""Run the laboratory: `make lab`, or `make lab CASE=name` for one case to look at.

Each case is started with all that stands behind it, looked at by the raw-socket observer, then by flushcheck; the two
are held against each other and against what the case says of itself. The table goes to stdout, a line as each case is
done; the exit status is 0 if nothing was wrong and nothing broke.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from functools import partial
from inspect import signature
from pathlib import Path

from flushcheck import judge
from flushcheck.model import Report, Run, Verdict
from flushcheck.model.codec import to_json
from flushcheck.model.run_schema import SCHEMA
from flushcheck.prober import gather
from flushcheck.reports.terminal import terminal
from tests.lab import accounts, chromium, fixed, programs, versions, watched
from tests.lab.case import Case, Client, Kind, Protocol, Sights, every, find, with_seen
from tests.lab.seen import Seen
from tests.lab.sights import account, observe, shapes
from tests.lab.stacks import bench as stacks
from tests.lab.tls import authority
from tests.lab.verdicts import Mark, Result, assess_run, differences
from tests.live import servers

RECORDINGS = servers.ROOT / "tests" / "recordings"

# Two rounds of short streams take 1.6 s; one at full length takes 2 s more.
MAX_QUICK_S = 2.4

# Side by side, each with an origin of its own: a case is asleep nearly all the time. On two cores 3, 4 and 5 took 7:54,
# 6:10 and 4:35 minutes with the same verdicts; what is left over is for a machine that has something else to do.
JOBS = 4


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

    def run(case: Case) -> list[fixed.Row]:
        try:
            return list(fixed.rows(case, lambda url, case: diagnose(url, case)[0]))
        except (programs.Missing, servers.ServiceError, ValueError) as error:
            return [fixed.Row(case.name, "", (), False, str(error).strip().replace("\n", " | ")[-200:])]

    guilty = [case for case in cases if case.kind is Kind.GUILTY]
    wrong = 0
    with scratch(), ThreadPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(run, case) for case in guilty]):
            for row in done.result():
                wrong += not row.right
                print(row, flush=True)
    print(f"\n{len(guilty)} guilty cases, {wrong} wrong")
    return int(bool(wrong))


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the servers' files that every user can enter, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="flushcheck-lab-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        before = servers.use_scratch(folder)
        trusted = os.environ.get("SSL_CERT_FILE")
        # Where Python looks for authorities, and so what flushcheck trusts in this run.
        os.environ["SSL_CERT_FILE"] = str(authority().ca)
        try:
            yield folder
        finally:
            servers.use_scratch(before)
            os.environ.pop("SSL_CERT_FILE")
            if trusted is not None:
                os.environ["SSL_CERT_FILE"] = trusted
            authority.cache_clear()
            accounts.public_checkout.cache_clear()
            accounts.public_libraries.cache_clear()


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


def save(case: Case, run: Run, *, quick: bool = False) -> None:
    """Keep a run for the pure tests. The address is always the same, so that a new recording differs in what it saw.

    A quick run is kept where its short streams were enough, and the full length of none of them was needed; not where
    what they show differs from run to run.
    """
    folder = RECORDINGS / "quick" if quick else RECORDINGS
    folder.mkdir(exist_ok=True)
    path = folder / f"{case.name.replace('/', '-')}.json"
    varies = case.options.keys() & {"flows", "later"}
    if quick and (varies or not run.short_s or run.took_s > MAX_QUICK_S):
        path.unlink(missing_ok=True)
        return
    always = replace(
        run, target="http://127.0.0.1:8080", outer="http://127.0.0.1:8080/outer" if run.outer else ""
    )
    path.write_text(json.dumps(slim_run(always), separators=(",", ":")) + "\n")


def slim_run(run: Run) -> dict[str, object]:
    """As `run_schema.run_to_json`, slim."""
    slimmed = slim(run)
    assert isinstance(slimmed, dict)
    return {"schema": SCHEMA, **slimmed}


def slim(value: object) -> object:
    """As `codec.to_json`, without what `from_json` fills in by itself, and to a tenth of a millisecond."""
    if is_dataclass(value) and not isinstance(value, type):
        said = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: slim(item) for one, item in said if item != _default(one)}
    if isinstance(value, tuple):
        return [slim(item) for item in value]
    return round(value, 4) if isinstance(value, float) else to_json(value)


def _default(field: Field[object]) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def line(result: Result) -> str:
    """One line of the table: case, version, expected, verdict, culprit, time, right or wrong."""
    case = result.case
    wanted = case.culprits[0] if case.culprits else "-"
    named = " ".join(result.named) or "-"
    why = f"  ({result.why})" if result.why else ""
    took = f"{result.took_s:5.1f} s" if result.took_s else "       "
    judged = f"{case.name:34} {result.version:8} {wanted:30} {result.verdict:8} {named:34} {took} {result.mark}{why}"
    return judged + (f"  ({', '.join(result.unjudged)}: not judged yet)" if result.unjudged else "")


def totals(results: Sequence[Result]) -> str:
    """Right, wrong, honestly undecided; and over what."""
    counts = {mark: sum(1 for result in results if result.mark is mark) for mark in Mark}
    guilty = [
        result
        for result in results
        if result.case.kind is Kind.GUILTY and Client.HTTP1 in result.case.clients
    ]
    named = sum(1 for result in guilty if result.mark is Mark.RIGHT)
    ran = [result for result in guilty if result.mark not in (Mark.MISSING, Mark.BROKEN)]
    tried = len({result.case.program for result in results})
    share = f"{named} of {len(ran)} guilty ones named" + (f" ({named / len(ran):.0%})" if ran else "")
    told = ", ".join(f"{count} {mark}" for mark, count in counts.items() if count)
    unjudged = [client for result in results for client in result.unjudged]
    open_ = "".join(
        f"; {unjudged.count(client)} of {client} not judged yet" for client in sorted(set(unjudged))
    )
    return f"\n{len(results)} cases over {tried} programs: {told}; {share}{open_}"


def show(case: Case, *, stay: bool, record: bool, measure: bool, quick: bool = False) -> int:
    """Start one case and tell all about it."""
    print(f"{case.name}: {case.kind}. {case.why}\n{case.path.relative_to(servers.ROOT)}\n")
    try:
        with programs.start(case) as front:
            print(f"running on {front.url}; a raw socket sees there:\n")
            sights = observe(case, front.port, whole=True)
            print(account(case, sights), "\n", flush=True)
            seen = {protocol: shapes(found) for protocol, found in sights.items()}
            if measure:
                case.path.write_text(with_seen(case.path.read_text(), seen))
            report, run, took_s = diagnose(front.url, case, quick=quick)
            if record:
                save(case, run, quick=quick)
            print(terminal(report, width=100, color=sys.stdout.isatty()))
            result = assess_run(case, seen, report, took_s)
            print(line(result))
            if stay and sys.stdin.isatty():
                print(f"still running on {front.url}: Ctrl-C ends it", flush=True)
                with suppress(KeyboardInterrupt):
                    threading.Event().wait()
            return int(result.mark is Mark.WRONG)
    except (programs.Missing, servers.ServiceError) as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
