"""One case to look at: what a raw socket sees of it, and the whole report of flushcheck."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

from flushcheck.reports.terminal import terminal
from tests.lab import programs
from tests.lab.bench import diagnose
from tests.lab.case import Case, with_seen
from tests.lab.recording import save
from tests.lab.sights import account, observe, shapes
from tests.lab.table import line
from tests.lab.verdicts import Mark, assess_run
from tests.live import servers


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
