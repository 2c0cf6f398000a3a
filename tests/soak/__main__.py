"""`make soak`: 1,000 streams that come and go for ten minutes, and what that leaves behind."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from tests.live import servers
from tests.soak.soak import MAX_GROWTH, soak, soaked


def main() -> int:
    """Run it, print what was seen, and say by the exit status whether that is as promised."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10.0)
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20_000), most))
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        servers.use_scratch(Path(folder))
        with soaked(Path(folder), streams=asked.streams) as service:
            print(f"{asked.streams} streams for {asked.minutes:g} minutes on {service.url}", flush=True)
            outcome = soak(service, streams=asked.streams, seconds=60 * asked.minutes)
            tracebacks = service.output().count("Traceback")
    for look in outcome.looks[:: max(1, len(outcome.looks) // 20)]:
        print(f"{look.at_s:6.0f} s  {look.memory_bytes / 1e6:7.1f} MB  {look.descriptors:5} descriptors")
    print(f"streams: {outcome.streams} begun, {outcome.whole} read to the end, {len(outcome.wrong)} wrong")
    print(f"memory: {outcome.growth:+.1%} from the first fifth to the last")
    print(f"greenlets: {outcome.greenlets[0]} before, {outcome.greenlets[1]} after")
    print(f"descriptors: {outcome.files[0]} before, {outcome.files[1]} after")
    print(f"streams still open: {outcome.still_open:g}; tracebacks in the log: {tracebacks}")
    print("\n".join(outcome.wrong[:5]))
    good = [
        outcome.growth <= MAX_GROWTH,
        outcome.greenlets[1] <= outcome.greenlets[0] + 2,
        outcome.files[1] <= outcome.files[0] + 2,
        not (outcome.wrong or outcome.still_open or tracebacks),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
