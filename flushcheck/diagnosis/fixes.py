"""Which fixes of a culprit a run leaves, and in which order a report offers them.

The catalogue lists every fix that is known to help against a culprit somewhere. A run shows more: how the
app is called, which encoding arrived, which server acts on the path, what was tried. A fix that cannot help
there is left out, and one that was tried and worked stands first. The typed fields of `Fix` say under which
facts it helps; here each of these facts has one rule.

Left to others: whether the culprit is right (its detector), and what a detector alone can rule out
(`Detection.refuted`). It must stay true that only what was seen rules a fix out. A probe that was not made
rules out nothing, and a name in a header nothing but the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from flushcheck.diagnosis.clients import ClientVerdict
from flushcheck.diagnosis.server_versions import named_version, version_sentences
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import (
    Confidence,
    Culprit,
    CulpritReport,
    FaultLocation,
    FaultPlace,
    Fix,
    Flow,
    OfferedFix,
    Server,
    Transport,
    Vantage,
)

# Names in Server and Via by which a program calls itself, in lower case.
_NAMES: Mapping[str, Server] = {
    "nginx": Server.NGINX,
    "apache/": Server.APACHE,  # not ApacheTrafficServer
    "lighttpd": Server.LIGHTTPD,
    "varnish": Server.VARNISH,
    "squid": Server.SQUID,
    "caddy": Server.CADDY,
    "haproxy": Server.HAPROXY,
    "envoy": Server.ENVOY,
}

# Forwarding headers that a program adds to each request unless it is told not to, measured in the laboratory
# (tests/recordings): Apache 2.4 (ProxyAddHeaders), lighttpd 1.4.69. Traefik adds the first one too.
_ADDS: Mapping[Server, str] = {Server.APACHE: "x-forwarded-server", Server.LIGHTTPD: "x-host"}

OLD_HTTP = "HTTP/1.0"

# How nginx calls an app, by the begin of `RequestAtApp.gateway`.
_GATEWAYS: Mapping[str, str] = {"CGI/": "fastcgi", "uwsgi": "uwsgi", "SCGI/": "scgi"}


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What a whole run shows of the servers on its path, and of the place of the fault."""

    proven: frozenset[Server] = frozenset()  # their behaviour shows them
    named: frozenset[Server] = frozenset()  # a header names them, or has their mark
    absent: frozenset[Server] = frozenset()  # with their default configuration they would have left a mark
    flows: Mapping[Transport, Flow] = field(default_factory=dict)  # the first client's
    fault: FaultPlace = FaultPlace.UNKNOWN


@dataclass(frozen=True, slots=True)
class Meeting:
    """One Transport of one Client on which a culprit was found."""

    seen: Observations  # the Client's view
    transport: Transport
    alone: bool  # no other culprit holds this Transport

    @property
    def protocol(self) -> str:
        """How the app was called, for example "HTTP/1.0"; "" if that is not known or a gateway called it."""
        request = self.seen.request_at_app(self.transport)
        return request.protocol if request is not None and not request.gateway else ""

    @property
    def encoding(self) -> str | None:
        """The encoding that arrived, "" for none; None if no response did."""
        observation = self.seen.get(self.seen.baseline(self.transport))
        if observation is None or not observation.headers:
            return None
        return observation.header("content-encoding").lower()

    @property
    def gateway(self) -> str:
        """How the directives of an nginx that calls the app begin, for example "proxy"; "" if not known."""
        request = self.seen.request_at_app(self.transport)
        if request is None:
            return ""
        if not request.gateway:
            return "proxy" if request.protocol else ""
        return next((name for begin, name in _GATEWAYS.items() if request.gateway.startswith(begin)), "")


def with_fixes(
    reports: Sequence[CulpritReport],
    results: Sequence[ClientVerdict],
    located: FaultLocation | None,
    layers: Sequence[str] = (),
) -> tuple[CulpritReport, ...]:
    """The same culprits, each with the fixes that this run leaves, and with what its versions do.

    Args:
        reports: of all Clients.
        results: what each Client got.
        located: where the fault is; None: there was no second vantage.
        layers: of the app, each with its program and version, as an origin names them.
    """
    facts = path_facts(reports, results, located)
    return tuple(_with_fixes(report, facts, _meetings(report, results), layers) for report in reports)


def _with_fixes(
    report: CulpritReport, facts: PathFacts, meetings: Sequence[Meeting], layers: Sequence[str]
) -> CulpritReport:
    seen = meetings[0].seen.whole
    return replace(
        report,
        versions=version_sentences(report.culprit, seen, layers, protocols(meetings)),
        chosen=_chosen(report, facts, meetings, layers),
    )


def path_facts(
    reports: Iterable[CulpritReport], results: Sequence[ClientVerdict], located: FaultLocation | None
) -> PathFacts:
    """What the whole run shows."""
    proven = {
        server
        for report in reports
        if report.confidence is Confidence.CERTAIN and (server := only_server(report.culprit)) is not None
    }
    views = [result.seen for result in results]
    if any(_obeyed_by_nginx(seen, transport) for seen in views for transport in STREAMED):
        proven.add(Server.NGINX)
    named, absent = _marks(views)
    return PathFacts(
        proven=frozenset(proven),
        named=frozenset(named),
        absent=frozenset(absent - named - proven),
        flows={report.transport: report.flow for result in results[:1] for report in result.transports},
        fault=located.place if located is not None else FaultPlace.UNKNOWN,
    )


def only_server(culprit: Culprit) -> Server | None:
    """The one server whose configuration its fixes change; None if there are several, or none."""
    servers = {fix.server for fix in culprit.fixes if fix.server is not None}
    return servers.pop() if len(servers) == 1 else None


def _obeyed_by_nginx(seen: Observations, transport: Transport) -> bool:
    """Whether X-Accel-Buffering was removed on the way. What a cache played back shows nothing."""
    return seen.header_stripped(transport) is Answer.YES and seen.flow(transport) is not Flow.REPLAYED


def _marks(views: Sequence[Observations]) -> tuple[set[Server], set[Server]]:
    """The servers that headers name or mark, and those whose mark is missing."""
    on_path = [seen for view in views for seen in view if seen.probe.vantage is Vantage.PATH]
    requests = [seen.request_at_app for seen in on_path if seen.request_at_app is not None]
    names = " ".join(
        [f"{seen.header('server')} {seen.header('via')}" for seen in on_path]
        + [request.via for request in requests]
    ).lower()
    named = {server for name, server in _NAMES.items() if name in names}
    added = {name for request in requests for name in request.forwarded}
    named |= {server for server, header in _ADDS.items() if header in added}
    if any(seen.header("x-varnish") for seen in on_path):
        named.add(Server.VARNISH)
    absent: set[Server] = set()
    if any(seen.headers for seen in on_path):
        absent.add(Server.VARNISH)  # it adds X-Varnish and Via to each response
    if any(not request.gateway for request in requests):
        absent |= {*_ADDS, Server.SQUID}  # Squid adds itself to Via
    if any(seen.header_stripped(transport) is Answer.NO for seen in views for transport in STREAMED):
        absent.add(Server.NGINX)  # X-Accel-Buffering arrived
    return named, absent - named


def _meetings(report: CulpritReport, results: Sequence[ClientVerdict]) -> tuple[Meeting, ...]:
    meetings = []
    for result in results:
        for found in result.transports:
            culprits = {detection.culprit.id for detection in found.culprits}
            if report.culprit.id in culprits:
                holding = {each.culprit.id for each in found.culprits if each.culprit.holds}
                meetings.append(Meeting(result.seen, found.transport, holding <= {report.culprit.id}))
    return tuple(meetings)


def _chosen(
    report: CulpritReport, facts: PathFacts, meetings: Sequence[Meeting], layers: Sequence[str]
) -> tuple[OfferedFix, ...]:
    """The fixes that are left, in order; without any, all that no detector rules out."""
    left = [fix for fix in report.culprit.fixes if fix not in report.refuted]
    helping = [fix for fix in left if helps(fix, report.culprit, facts, meetings, layers)]
    gateways = {meeting.gateway for meeting in meetings}
    prefix = gateways.pop() if len(gateways) == 1 else ""
    offered = [_tested(fix.for_gateway(prefix) if prefix else fix, meetings) for fix in helping or left]
    several = len({fix.server for fix in left if fix.server is not None}) > 1
    return tuple(sorted(offered, key=partial(_rank, facts=facts if several else PathFacts())))


def helps(
    fix: Fix,
    culprit: Culprit,
    facts: PathFacts,
    meetings: Sequence[Meeting],
    layers: Sequence[str] = (),
) -> bool:
    """Whether nothing that the run shows rules this fix out."""
    return (
        _fits_protocol(fix, meetings, layers)
        and _fits_encoding(fix, meetings)
        and _fits_transports(fix, facts)
        and _fits_place(fix, facts)
        and _fits_servers(fix, culprit, facts)
        and not _tried_without_effect(fix, meetings)
    )


def protocols(meetings: Iterable[Meeting]) -> frozenset[str]:
    """How the app was called where the culprit was met; empty if that is not known."""
    return frozenset(filter(None, (meeting.protocol for meeting in meetings)))


def _fits_protocol(fix: Fix, meetings: Sequence[Meeting], layers: Sequence[str]) -> bool:
    """How the app was called decides; where that is not known, the version that a program names."""
    called = protocols(meetings) if fix.app_protocol else frozenset()
    if called:
        # What helps with HTTP/1.1 helps with later versions as well.
        return any((protocol == OLD_HTTP) is (fix.app_protocol == OLD_HTTP) for protocol in called)
    return fix.is_offered(partial(named_version, seen=meetings[0].seen.whole, layers=layers))


def _fits_encoding(fix: Fix, meetings: Sequence[Meeting]) -> bool:
    arrived = {meeting.encoding for meeting in meetings} - {None}
    if fix.uncompressed and arrived - {""}:
        return False
    return not fix.encodings or not arrived or bool(fix.encodings & arrived)


def _fits_transports(fix: Fix, facts: PathFacts) -> bool:
    """What is held may flow once its own culprit is gone; what fails or is cut cannot be moved to."""
    known = [facts.flows[transport] for transport in fix.moves_to if transport in facts.flows]
    return not known or any(flow not in (Flow.FAILED, Flow.CUT) for flow in known)


def _fits_place(fix: Fix, facts: PathFacts) -> bool:
    if fix.fault is FaultPlace.UNKNOWN or facts.fault not in (FaultPlace.APP, FaultPlace.PATH):
        return True
    return fix.fault is facts.fault


def _fits_servers(fix: Fix, culprit: Culprit, facts: PathFacts) -> bool:
    """Of several servers, one without its mark is ruled out where the behaviour of another one is seen."""
    servers = {each.server for each in culprit.fixes}
    return fix.server not in facts.absent or not facts.proven & servers


def _tried_without_effect(fix: Fix, meetings: Sequence[Meeting]) -> bool:
    """Whether it was tried and freed nothing, with nothing else there that holds."""
    if fix.variant is None:
        return False
    results = {meeting.seen.frees(meeting.transport, fix.variant) for meeting in meetings if meeting.alone}
    return Answer.NO in results and Answer.YES not in results


def _tested(fix: Fix, meetings: Sequence[Meeting]) -> OfferedFix:
    """The fix, with what came of it where it was tried and worked, for the first Client that saw it work."""
    if fix.variant is None:
        return OfferedFix(fix)
    worked = [
        meeting
        for meeting in meetings
        if not meeting.seen.is_own(meeting.transport)
        and meeting.seen.frees(meeting.transport, fix.variant) is Answer.YES
    ]
    if not worked:
        return OfferedFix(fix)
    seen, transport = worked[0].seen, worked[0].transport
    before, after = seen.held_timing(transport), seen.timing(seen.variant(transport, fix.variant))
    assert before is not None, "an experiment frees what was held"
    assert after is not None
    transports = tuple(meeting.transport for meeting in worked if meeting.seen is seen)
    return OfferedFix(fix, transports, before.lag_s.max, after.lag_s.max)


def _rank(offered: OfferedFix, facts: PathFacts) -> int:
    """What was seen to work, then the servers that are on the path, then what is not known, then the rest."""
    server = offered.fix.server
    if offered.transports:
        return 0
    if server in facts.proven:
        return 1
    if server in facts.named:
        return 2
    return 4 if server in facts.absent else 3
