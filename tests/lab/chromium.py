"""A real Chromium in front of a running case: what it gets by each protocol, beside what flushcheck says of it.

The service's page is opened through the case. Its own client makes the baselines, as it does for a person, and the
product's own timing gives each a Flow (`chromium.js`). flushcheck's browser asks as Chromium does by default, over
HTTP/2 where the server offers it; its HTTP/1.1 client is compared with a Chromium that may not speak HTTP/2. Over HTTP/3
Chromium is compared with flushcheck's HTTP/3 client, or with the observer where flushcheck did not ask so.

`chromium.txt` keeps the table; `test_chromium.py` compares it with the cases' files.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Error, sync_playwright

from flushcheck.measurement.observations import Observations
from flushcheck.model import Client, Flow, Probe, Run, Scenario, Transport
from flushcheck.model.run_schema import run_from_json
from tests.lab.case import Case, Protocol
from tests.lab.case import Client as Reader
from tests.lab.tls import HOST, authority
from tests.lab.verdicts import expected_flows
from tests.page.conftest import CHROMIUM, SWITCHES

TABLE = Path(__file__).with_name("chromium.txt")
SCRIPT = Path(__file__).with_suffix(".js")

# The streams of the table: as most pages read events, EVENTSOURCE; the others are probes.
EVENTSOURCE = "eventsource"
PROBES: Mapping[str, Probe] = {
    "polling": Probe(Transport.POLLING),
    "chunked": Probe(Transport.CHUNKED),
    "chunked-kilo": Probe(Transport.CHUNKED, Scenario.KILO),
    "events": Probe(Transport.EVENTS),
    "events-kilo": Probe(Transport.EVENTS, Scenario.KILO),
    "websocket": Probe(Transport.WEBSOCKET),
}
STREAMS = (*PROBES, EVENTSOURCE)

# What a row of the table is compared with.
FLUSHCHECK, OBSERVER = "flushcheck", "observer"

# Cases without TLS that are looked at as well: a program each, guilty and innocent.
PLAIN = (
    "apache/proxy", "apache/proxy-fcgi", "caddy/encode", "caddy/reverse-proxy", "gunicorn/gthread", "haproxy/default",
    "haproxy/no-delay", "nginx/default", "nginx/gzip", "nginx/good",
)  # fmt: skip

# A stream that is shorter than one block is held, or one block.
KEPT = frozenset({Flow.HELD, Flow.BLOCKS})

VERSIONS = {Protocol.HTTP1: "1.1", Protocol.H2: "2", Protocol.H3: "3"}
READERS = {Protocol.HTTP1: Reader.HTTP1, Protocol.H2: Reader.BROWSER, Protocol.H3: Reader.HTTP3}
CLIENTS = {Protocol.HTTP1: Client.HTTP1, Protocol.H2: Client.BROWSER, Protocol.H3: Client.HTTP3}

TRIES = 3  # as a person tests again where the page could not tell
PAGE_WITHIN_MS = 30_000


class BrowserFailed(RuntimeError):
    """The page did not come, or its client did not run."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what Chromium got of a case by one protocol, and what flushcheck says of it."""

    case: str
    protocol: Protocol
    got: Mapping[str, Flow]
    told: Mapping[str, Flow]  # empty where flushcheck did not ask as this client

    @property
    def different(self) -> tuple[str, ...]:
        """The streams on which the two differ."""
        return tuple(name for name in self._unlike if Flow.UNKNOWN not in (self.got[name], self.told[name]))

    @property
    def agreed(self) -> bool:
        """Whether both could tell of every stream, and say the same."""
        return bool(self.told) and not self._unlike and Flow.UNKNOWN not in self.got.values()

    @property
    def _unlike(self) -> tuple[str, ...]:
        return tuple(
            name for name in STREAMS if name in self.told and not same(self.got[name], self.told[name])
        )

    def __str__(self) -> str:
        cells = (self._cell(name) for name in STREAMS)
        beside = FLUSHCHECK if self.told else OBSERVER
        heads = f"{self.case:34} {self.protocol:8} {beside:10} "
        return (heads + " ".join(f"{cell:12}" for cell in cells)).rstrip()

    def _cell(self, name: str) -> str:
        return f"{self.got[name]}/{self.told[name]}" if name in self._unlike else str(self.got[name])


def same(one: Flow, other: Flow) -> bool:
    """Whether two Flows say the same of a stream."""
    return one is other or {one, other} <= KEPT


def read_table(text: str) -> tuple[str, list[Row]]:
    """Chromium's version and the rows of a table that `write_table` made."""
    head, *lines = text.splitlines()
    rows = []
    for line in lines:
        if not line.startswith("#"):
            case, protocol, beside, *cells = line.split()
            pairs = {name: cell.partition("/") for name, cell in zip(STREAMS, cells, strict=True)}
            got = {name: Flow(first) for name, (first, _, _) in pairs.items()}
            told = {name: Flow(second or first) for name, (first, _, second) in pairs.items()}
            rows.append(Row(case, Protocol(protocol), got, told if beside == FLUSHCHECK else {}))
    return version_in(head), rows


def write_table(version: str, rows: Iterable[Row]) -> str:
    """The table as it is kept and printed."""
    lines = [
        f'# What Chromium {version} gets, as `make lab LAB="--chromium --measure"` saw it.',
        "# a/b: Chromium gets a, flushcheck says b; unknown: there is no telling. A row beside the observer: flushcheck did",
        "# not ask so. Where the two rightly differ the case's head says why.",
        f"{'# case':34} {'protocol':8} {'beside':10} {' '.join(f'{name:12}' for name in STREAMS)}".rstrip(),
    ]
    return "\n".join([*lines, *sorted(map(str, rows))]) + "\n"


def keep(rows: Iterable[Row]) -> None:
    """Put rows into the kept table, in place of older ones of the same case."""
    new = list(rows)
    kept = read_table(TABLE.read_text())[1] if TABLE.exists() else []
    names = {row.case for row in new}
    TABLE.write_text(write_table(version(), [*(row for row in kept if row.case not in names), *new]))


def account(rows: Sequence[Row]) -> str:
    """The table, and in how many cases both say the same, for a person."""
    cases = {row.case for row in rows}
    open_ = {row.case for row in rows if row.told and not row.agreed}
    counts = ", ".join(
        f"{sum(row.protocol is protocol for row in rows)} over {protocol}" for protocol in Protocol
    )
    agree = f"Chromium and flushcheck agree on {len(cases - open_)} of {len(cases)} cases ({counts})"
    return f"\n{write_table(version(), rows)}\n{agree}"


def version_in(text: str) -> str:
    """The first version number in a text; "" if there is none."""
    return (re.search(r"\d+(\.\d+)+", text) or [""])[0]


def look(case: Case, url: str, run: Run) -> list[Row]:
    """What Chromium gets of a running case by each protocol that the case offers.

    Args:
        case: what runs.
        url: where.
        run: flushcheck's own, of the same case.

    Raises:
        BrowserFailed: see there.
    """
    told = Observations(run.observations)
    offered = [protocol for protocol in Protocol if protocol is Protocol.HTTP1 or case.sights.get(protocol)]
    rows = []
    for protocol in offered:
        got = settled(url, protocol)
        rows.append(Row(case.name, protocol, got, told_to(told, protocol)))
    return rows


def reason(case: Case, protocol: Protocol) -> str:
    """Why Chromium rightly gets something else than flushcheck says, from the case's head; "" if it does not."""
    return case.options.get(f"chromium {protocol}", "")


def unlike(case: Case, row: Row) -> tuple[str, ...]:
    """The streams of small pieces that Chromium got otherwise than the case's file says.

    How a hold lets larger ones go depends on where the reads fall.
    """
    reader = READERS[row.protocol]
    probes = {**PROBES, EVENTSOURCE: PROBES["events"]}
    return tuple(
        name
        for name, probe in probes.items()
        if probe.scenario is Scenario.TOKEN
        and row.got[name] not in expected_flows(case, reader, probe.transport) | {Flow.UNKNOWN}
    )


def told_to(seen: Observations, protocol: Protocol) -> Mapping[str, Flow]:
    """What flushcheck says of each stream to a client of this protocol; nothing if it did not ask so."""
    client = CLIENTS[protocol]
    if client not in seen.clients:
        # One kind of client was asked for all where they make no difference, over HTTP/1.1.
        if protocol is not Protocol.HTTP1 or len(seen.clients) != 1:
            return {}
        client = seen.clients[0]
    return flows(seen.of_client(client))


def flows(seen: Observations) -> dict[str, Flow]:
    """The Flow of each stream of the table that was asked for."""
    timings = {name: seen.timing(probe) for name, probe in PROBES.items()}
    found = {name: timing.flow for name, timing in timings.items() if timing is not None}
    return found | ({EVENTSOURCE: found["events"]} if "events" in found else {})


def settled(url: str, protocol: Protocol) -> dict[str, Flow]:
    """What Chromium gets; asked again while it could not tell."""
    got: dict[str, Flow] = {}
    with page(url, protocol) as open_page:
        for _ in range(TRIES):
            again = seen_by_chromium(open_page(), protocol)
            got |= {name: flow for name, flow in again.items() if got.get(name, Flow.UNKNOWN) is Flow.UNKNOWN}
            if Flow.UNKNOWN not in got.values():
                break
    return got


def seen_by_chromium(said: Mapping[str, Any], protocol: Protocol) -> dict[str, Flow]:
    """The Flow of each stream, from what `chromium.js` returned.

    Raises:
        BrowserFailed: another protocol was spoken than the one that was looked for.
    """
    run = run_from_json({"target": said["target"], "observations": said["observations"]})
    spoken = {
        observation.http_version
        for observation in run.observations
        if observation.http_version and observation.probe.transport is not Transport.WEBSOCKET
    }
    if spoken != {VERSIONS[protocol]}:
        raise BrowserFailed(f"Chromium spoke HTTP {sorted(spoken)}, not {VERSIONS[protocol]}")
    found = flows(Observations(run.observations))
    events = PROBES["events"]
    others = [observation for observation in run.observations if observation.probe != events]
    read = run_from_json({"target": said["target"], "observations": [said["eventsource"]]}).observations
    return found | {EVENTSOURCE: flows(Observations([*others, *read]))["events"]}


@contextmanager
def page(url: str, protocol: Protocol) -> Iterator[Callable[[], Mapping[str, Any]]]:
    """A fresh Chromium that speaks this protocol; each call opens the service's page anew and makes its probes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches(url, protocol))
        tab = browser.new_page()

        def probe() -> Mapping[str, Any]:
            try:
                tab.goto(url, timeout=PAGE_WITHIN_MS)
                return dict(tab.evaluate(SCRIPT.read_text()))
            except Error as error:
                raise BrowserFailed(f"Chromium over {protocol}: {error.message.splitlines()[0]}") from error

        yield probe
        browser.close()


def switches(url: str, protocol: Protocol) -> list[str]:
    """Chromium's command line for one protocol. Source: Chromium's list of command line switches."""
    trusted = [f"--ignore-certificate-errors-spki-list={key_hash(authority().cert)}"]
    names = [f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]  # the servers listen on IPv4 only
    if protocol is Protocol.H3:
        # An authority of one's own is taken over QUIC only where QUIC is forced.
        quic = ["--enable-quic", f"--origin-to-force-quic-on={urlsplit(url).netloc}"]
        return [*(switch for switch in SWITCHES if switch != "--disable-quic"), *trusted, *names, *quic]
    more = ["--disable-http2"] if protocol is Protocol.HTTP1 else []
    return [*SWITCHES, *trusted, *names, *more]


@cache
def key_hash(certificate: Path) -> str:
    """The hash of a certificate's public key, as Chromium's switch wants it."""
    pem = subprocess.run(
        ["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def installed() -> bool:
    """Whether there is a Chromium."""
    return CHROMIUM is not None


@cache
def version() -> str:
    """Chromium's own."""
    said = subprocess.run(
        [str(CHROMIUM), "--version"], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    return version_in(said)
