"""What each Client of a run got, and what differs between them.

A path may hold a stream for one kind of client and pass it on for another: an nginx that flows over HTTP/2
collects 16 kB for HTTP/1.1 clients over TLS. So everything is decided for each Client by itself, on its own
view of the run, and only the results are put together here. The first Client, which is the browser wherever
it was asked, gives a Transport its flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Client,
    ClientReport,
    Confidence,
    CulpritReport,
    Detection,
    Ending,
    Evidence,
    Transport,
    TransportReport,
    Vantage,
    Verdict,
)

RANK = tuple(Confidence)

# From the worst to the best: the verdict on a path is the worst that a Client got.
WORST_FIRST = (Verdict.HELD, Verdict.BROKEN, Verdict.UNKNOWN, Verdict.FLOWING)

# How sentences name each Client, behind its own kind of program.
_WHO = {
    Client.BROWSER: "in browsers",
    Client.HTTP1: "for HTTP/1.1 clients",
    Client.HTTP3: "in browsers over HTTP/3",
}
# A Client beside the first one, which is the browser if there are two.
_WHOSE = {Client.HTTP1: "HTTP/1.1 client", Client.HTTP3: "HTTP/3 client"}


@dataclass(frozen=True, slots=True)
class ClientVerdict:
    """What one Client got."""

    client: Client
    seen: Observations  # its own view of the run
    transports: tuple[TransportReport, ...]
    verdict: Verdict
    own_fault: Ending = Ending.COMPLETE  # how the user's own stream broke its rules: see `tokens.fault`

    @property
    def who(self) -> str:
        """The Client in a sentence, for example "in browsers over HTTP/2"."""
        versions = self.multiplexed if self.client is Client.BROWSER else ()
        over = f" over {' and '.join(f'HTTP/{version}' for version in versions)}" if versions else ""
        return _WHO[self.client] + over

    @property
    def multiplexed(self) -> tuple[str, ...]:
        """The versions of HTTP that it spoke and that HTTP/1.1 clients do not, in order."""
        versions = {seen.http_version for seen in self.seen if seen.probe.vantage is Vantage.PATH}
        return tuple(version for version in ("2", "3") if version in versions)

    def http_version(self, transport: Transport) -> str:
        """The version of HTTP that it spoke on this Transport; "" if no response arrived.

        Raises:
            KeyError: it did not ask on this Transport.
        """
        observation, _ = self.seen[self.seen.first(transport)]
        return observation.http_version


def worst(results: Sequence[ClientVerdict]) -> Verdict:
    """The verdict on the path: the worst that a Client got."""
    return min((result.verdict for result in results), key=WORST_FIRST.index)


def transport_reports(results: Sequence[ClientVerdict]) -> tuple[TransportReport, ...]:
    """One report for each Transport: the first Client's, with what every Client got beside it."""
    reports = []
    for transport in Transport:
        asked = [
            (result, report)
            for result in results
            for report in result.transports
            if report.transport is transport
        ]
        if asked:
            clients = tuple(_client_report(result, report) for result, report in asked)
            reports.append(replace(asked[0][1], clients=clients))
    return tuple(reports)


def _client_report(result: ClientVerdict, report: TransportReport) -> ClientReport:
    return ClientReport(
        client=result.client,
        http_version=result.http_version(report.transport),
        flow=report.flow,
        summary=report.summary,
        hold_bytes=report.hold_bytes,
        hold_s=report.hold_s,
        culprits=report.culprits,
        freed_by=report.freed_by,
        sent_s=report.sent_s,
        received_s=report.received_s,
    )


def culprit_reports(results: Sequence[ClientVerdict]) -> tuple[CulpritReport, ...]:
    """One report for each Culprit, with the evidence of all Transports and Clients."""
    merged: dict[str, CulpritReport] = {}
    for number, result in enumerate(results):
        for report in result.transports:
            for detection in report.culprits:
                own = detection if number == 0 else _of_client(detection, result.client)
                found = CulpritReport(
                    own.culprit,
                    own.confidence,
                    (report.transport,),
                    own.evidence,
                    (result.client,),
                    own.refuted,
                )
                known = merged.get(own.culprit.id)
                merged[own.culprit.id] = _merge(known, found) if known else found
    return tuple(sorted(merged.values(), key=lambda report: RANK.index(report.confidence)))


def _of_client(detection: Detection, client: Client) -> Detection:
    """The same, with sentences that name the Client."""
    evidence = tuple(
        Evidence(f"{_WHOSE[client]}, {fact.sentence}", tuple(f"{probe}-{client}" for probe in fact.probes))
        for fact in detection.evidence
    )
    return replace(detection, evidence=evidence)


def _merge(known: CulpritReport, found: CulpritReport) -> CulpritReport:
    """Both together. The first tells the whole story; of the others the first fact will do."""
    new = tuple(fact for fact in found.evidence[:1] if fact not in known.evidence)
    return CulpritReport(
        known.culprit,
        min(known.confidence, found.confidence, key=RANK.index),
        tuple(dict.fromkeys((*known.transports, *found.transports))),
        (*known.evidence, *new),
        tuple(dict.fromkeys((*known.clients, *found.clients))),
        known.refuted | found.refuted,
    )


def client_notes(notes: Sequence[tuple[Client, tuple[str, ...]]]) -> tuple[str, ...]:
    """The notes of every Client; those of the others name it, and are left out where they are the same."""
    (_, first), *others = notes
    named = [f"{_WHOSE[client]}, {note}" for client, own in others for note in own if note not in first]
    return (*first, *named)
