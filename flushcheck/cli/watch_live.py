"""What `watch` and `tap` show while a stream arrives: its reads or its text, and a waiting line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from flushcheck.cli.console import Console, ProgressLine
from flushcheck.cli.diagnose import probe_text
from flushcheck.model import PUBLIC, Probe, Vantage
from flushcheck.prober.own_stream import ReadEvent
from flushcheck.prober.watching import Repeating
from flushcheck.reports.text_writer import printable
from flushcheck.reports.watch import Counts, live_counts, read_head, read_line, stream_text

LABEL = 8  # characters of the name of an address


def live_view(arguments: argparse.Namespace, console: Console, names: Sequence[str]) -> TextView | LiveView:
    """The text of the stream where the arguments ask for it, else a line for each read.

    Args:
        arguments: those of `watch`.
        console: where it is written.
        names: of the addresses beside the public one.
    """
    return TextView(console) if arguments.text else LiveView(console, names)


class Progress:
    """The line that says how much has arrived, below the live view."""

    def __init__(self, line: ProgressLine, names: Sequence[str], live: TextView | LiveView | None) -> None:
        self._line = line
        self._names = names
        self._live = live
        self._counts = {name: Counts() for name in ((PUBLIC, *names) if names else ("",))}
        line.update(live_counts(self._counts))

    def read(self, read: ReadEvent) -> None:
        """Show one read, and count it."""
        if self._live is not None:
            with self._line.aside():
                self._live.show(read)
        if isinstance(self._live, TextView):
            self._line.close()  # a text has no place for it: it ends in the middle of a line
            return
        name = address_name(read.probe, self._names) if self._names else ""
        records = sum(record.counts for record in read.records)
        self._counts[name] = self._counts[name].plus(records, read.size_bytes)
        self._line.update(live_counts(self._counts))

    def repeat(self, console: Console, repeating: Repeating) -> None:
        """Say what is repeated next."""
        with self._line.aside():
            console.note(announce(repeating))
        self._line.update("repeating the request")


def address_name(probe: Probe, names: Sequence[str]) -> str:
    """The name of the address that a probe asks."""
    return PUBLIC if probe.vantage is Vantage.PATH else names[probe.run]


class TextView:
    """The text of the first request as it arrives; that of a second address is the same again."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def head(self) -> None:
        pass

    def show(self, read: ReadEvent) -> None:
        if read.probe.vantage is Vantage.PATH:
            self._console.write(stream_text(read.records))


class LiveView:
    """A line for each read of the first requests."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._names = names
        self._last_s: dict[str, float] = {}

    def head(self) -> None:
        self._console.write(read_head(self._label(PUBLIC)) + "\n")

    def _label(self, name: str) -> str:
        """The name of an address, as wide as all others; "" for the only one."""
        return f"{name[:LABEL]:<{LABEL}} " if self._names else ""

    def show(self, read: ReadEvent) -> None:
        name = address_name(read.probe, self._names)
        gap_s, self._last_s[name] = read.at_s - self._last_s.get(name, 0.0), read.at_s
        label = printable(self._label(name))
        line = read_line(
            read.at_s, gap_s, read.size_bytes, read.records, label=label, width=self._console.width
        )
        self._console.write(line + "\n")


def announce(repeating: Repeating) -> str:
    """What is repeated next, and for how long at most."""
    ways = "; ".join(dict.fromkeys(probe_text(replace(probe, run=0)) for probe in repeating.probes))
    return f"repeating the request: {ways} (at most {repeating.max_s:.0f} s; --once makes one request)"
