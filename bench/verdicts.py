"""How long a diagnosis takes: beside other streams, and over HTTP/2 beside HTTP/1.1."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.servers import Server
from flushcheck import diagnose, judge
from flushcheck.model import Client
from flushcheck.prober import gather
from tests.lab import programs
from tests.lab.case import find
from tests.lab.programs import scratch
from tests.live.servers import Service

# nginx with TLS, HTTP/2 and buffering off, in front of the server that is measured.
CLEAN = "nginx/tls-h2-good"
HELD = "nginx/buffering"


def verdict_with(background: int) -> Callable[[Server, float], float]:
    """Seconds until `flushcheck diagnose` has its verdict, while this many other streams run."""

    def measure(server: Server, scale: float) -> float:
        count = round(background * scale) if background > 1 else background
        others = subprocess.Popen([sys.executable, "-m", "bench.background", str(server.port), str(count)])
        try:
            time.sleep(0.5 + 5 * count / 500)
            began_s = time.monotonic()
            report = diagnose(f"http://127.0.0.1:{server.port}")
            took_s = time.monotonic() - began_s
            assert report.verdict == "flowing", report.headline
            return took_s
        finally:
            others.kill()
            others.wait()

    return measure


def quick_clean(server: Server, scale: float) -> float:
    """Seconds until `flushcheck diagnose --quick` has its verdict on a clean path."""
    began_s = time.monotonic()
    report = judge(gather(f"http://127.0.0.1:{server.port}", quick=True))
    took_s = time.monotonic() - began_s
    assert report.verdict == "flowing", report.headline
    return took_s


def quick_held(server: Server, scale: float) -> float:
    """The same behind nginx that buffers."""
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        origin = Service(server.name, server.port, ended, Path("/dev/null"))
        with scratch(), programs.start(find(HELD), origin=origin) as front:
            began_s = time.monotonic()
            report = judge(gather(front.url, quick=True))
            took_s = time.monotonic() - began_s
    assert report.verdict != "flowing", report.headline
    return took_s


def slower_over_h2(server: Server, scale: float) -> float:
    """Seconds that the verdict on a clean HTTP/2 path takes beyond that of an HTTP/1.1 client alone.

    flushcheck 0.1.0 was such a client; today a browser is asked as well.
    """
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        origin = Service(server.name, server.port, ended, Path("/dev/null"))
        with scratch(), programs.start(find(CLEAN), origin=origin) as front:
            rounds = max(1, round(3 * scale))
            took_s = [
                _verdict_s(front.url, (Client.BROWSER, Client.HTTP1)) - _verdict_s(front.url, (Client.HTTP1,))
                for _ in range(rounds)
            ]
            return sum(took_s) / rounds


def _verdict_s(url: str, clients: Iterable[Client]) -> float:
    began_s = time.monotonic()
    report = judge(gather(url, clients=clients))
    took_s = time.monotonic() - began_s
    assert report.verdict == "flowing", report.headline
    return took_s
