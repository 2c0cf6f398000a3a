"""Which fixes a run leaves: a row on each side of every rule, and the order in which they are offered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.culprits import CULPRITS, idle_timeout, upgrade_lines
from flushcheck.diagnosis.clients import ClientVerdict
from flushcheck.diagnosis.fixes import Meeting, PathFacts, helps, only_server, path_facts, with_fixes
from flushcheck.model import (
    Client,
    Confidence,
    Culprit,
    CulpritReport,
    Detection,
    FaultLocation,
    FaultPlace,
    Fix,
    Flow,
    Owner,
    Place,
    Probe,
    RequestAtApp,
    Scenario,
    Server,
    Transport,
    TransportReport,
    Variant,
    Verdict,
    VersionChange,
)
from tests.measurement.streams import HELD, NOTHING, REPLAYED, direct, run, saw, xab

CHUNKED, EVENTS, WEBSOCKET = Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET
CHANGE = VersionChange("nginx", (1, 29, 7), "does this", "does that", "a source")
FIX = Fix("here", "a line", Owner.SERVER)
PLAIN: dict[str, str] = {}
GZIP, BR = {"content-encoding": "gzip"}, {"content-encoding": "BR"}


def called(protocol: str, gateway: str = "") -> RequestAtApp:
    return RequestAtApp(protocol=protocol, gateway=gateway, server="gunicorn")


OLD, NEW, CGI = called("HTTP/1.0"), called("HTTP/1.1"), called("HTTP/1.0", "CGI/1.1")


def met(transport=CHUNKED, *, headers=PLAIN, request=NEW, alone=True, more=()) -> Meeting:
    """A culprit on a Transport that was held; `more` is what other Probes of it saw."""
    return Meeting(run(saw(transport, HELD, headers=headers, request=request), *more), transport, alone)


def fix(**fields) -> Fix:
    return replace(FIX, **fields)


FREED, NOT_FREED = (saw(xab(CHUNKED)),), (saw(xab(CHUNKED), HELD),)
ON_HTTP10, ON_HTTP11 = fix(app_protocol="HTTP/1.0"), fix(app_protocol="HTTP/1.1")
NEWER = {"server": "nginx/1.29.7"}
OLDER = {"server": "nginx/1.29.6"}
UNTIL, SINCE = fix(until=CHANGE), fix(since=CHANGE)
NO_HEADERS = Meeting(run(replace(saw(CHUNKED, HELD), headers=())), CHUNKED, True)

BY_MEETING = [
    # name                                          the fix                                  where it was met                        is it left
    ("nothing rules it out",                        FIX,                                     [met()],                                True),
    ("called over 1.0, for 1.0",                    ON_HTTP10,                               [met(request=OLD)],                     True),
    ("called over 1.1, for 1.0",                    ON_HTTP10,                               [met(request=NEW)],                     False),
    ("called over 1.1, for 1.1",                    ON_HTTP11,                               [met(request=NEW)],                     True),
    ("called over 1.0, for 1.1",                    ON_HTTP11,                               [met(request=OLD)],                     False),
    ("called over 2.0, for 1.1", ON_HTTP11, [met(request=called("HTTP/2.0"))], True),
    ("called over 2.0, for 1.0", ON_HTTP10, [met(request=called("HTTP/2.0"))], False),
    ("called over both",                            ON_HTTP10,                               [met(request=NEW), met(request=OLD)],   True),
    ("not known how it is called",                  ON_HTTP10,                               [met(request=None)],                    True),
    ("called through a gateway",                    ON_HTTP11,                               [met(request=CGI)],                     True),
    ("older, until",                                UNTIL,                                   [met(headers=OLDER)],                   True),
    ("newer, until",                                UNTIL,                                   [met(headers=NEWER)],                   False),
    ("older, since",                                SINCE,                                   [met(headers=OLDER)],                   False),
    ("newer, since",                                SINCE,                                   [met(headers=NEWER)],                   True),
    ("no version, until",                           UNTIL,                                   [met()],                                True),
    ("no version, since",                           SINCE,                                   [met()],                                False),
    ("the protocol decides, not the version",       replace(UNTIL, app_protocol="HTTP/1.1"), [met(headers=NEWER)],                   True),
    ("no protocol: the version decides",            replace(UNTIL, app_protocol="HTTP/1.1"), [met(headers=NEWER, request=None)],     False),
    ("for gzip, in gzip",                           fix(encodings=frozenset({"gzip"})),      [met(headers=GZIP)],                    True),
    ("for gzip, in brotli",                         fix(encodings=frozenset({"gzip"})),      [met(headers=BR)],                      False),
    ("for brotli, in brotli, in capitals",          fix(encodings=frozenset({"br"})),        [met(headers=BR)],                      True),
    ("for gzip, in none",                           fix(encodings=frozenset({"gzip"})),      [met()],                                False),
    ("for gzip, once in gzip",                      fix(encodings=frozenset({"gzip"})),      [met(headers=BR), met(headers=GZIP)],   True),
    ("for gzip, no response",                       fix(encodings=frozenset({"gzip"})),      [NO_HEADERS],                           True),
    ("for no compression, in none",                 fix(uncompressed=True),                  [met()],                                True),
    ("for no compression, in gzip",                 fix(uncompressed=True),                  [met(headers=GZIP)],                    False),
    ("for no compression, once in gzip",            fix(uncompressed=True),                  [met(), met(headers=GZIP)],             False),
    ("for no compression, no response",             fix(uncompressed=True),                  [NO_HEADERS],                           True),
    ("tried, and it worked",                        fix(variant=Variant.XAB),                [met(more=FREED)],                      True),
    ("tried, without effect",                       fix(variant=Variant.XAB),                [met(more=NOT_FREED)],                  False),
    ("tried, without effect, and another holds",    fix(variant=Variant.XAB),                [met(more=NOT_FREED, alone=False)],     True),
    ("not tried",                                   fix(variant=Variant.XAB),                [met()],                                True),
    ("tried, once it worked",                       fix(variant=Variant.XAB),                [met(more=NOT_FREED), met(more=FREED)], True),
    ("another one was tried, without effect",       fix(variant=Variant.NO_TRANSFORM),       [met(more=NOT_FREED)],                  True),
    ("what was tried is another change",            FIX,                                     [met(more=NOT_FREED)],                  True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "each", "meetings", "left"), BY_MEETING, ids=[row[0] for row in BY_MEETING])
def test_what_was_seen_where_the_culprit_was_met_rules_a_fix_out(name, each, meetings, left):
    culprit = Culprit("an-id", "", "", "", "", (each,))
    assert helps(each, culprit, PathFacts(), meetings) is left


def test_the_layers_of_an_app_name_versions_too():
    culprit = Culprit("an-id", "", "", "", "", (UNTIL,))
    assert helps(UNTIL, culprit, PathFacts(), [met()], ["a.layer nginx/1.29.6"])
    assert not helps(UNTIL, culprit, PathFacts(), [met()], ["a.layer nginx/1.29.7"])


APACHE, NGINX, SQUID = (fix(server=server) for server in (Server.APACHE, Server.NGINX, Server.SQUID))
ANY_PROXY = FIX
ALL = (APACHE, NGINX, ANY_PROXY)
ON_NGINX = PathFacts(
    proven=frozenset({Server.NGINX}), absent=frozenset({Server.APACHE}), named=frozenset({Server.SQUID})
)
MOVES = fix(moves_to=(CHUNKED, EVENTS))


def flows(**words: Flow) -> PathFacts:
    return PathFacts(flows={Transport(name): flow for name, flow in words.items()})


BY_PATH = [
    # name                                      the fix                      all of the culprit's  the path                                             is it left
    ("no mark, another one proven",             APACHE,                      ALL,                  ON_NGINX,                                            False),
    ("no mark, none proven",                    APACHE,                      ALL,                  replace(ON_NGINX, proven=frozenset()),               True),
    ("no mark, the proven one has no fix",      APACHE,                      (APACHE, ANY_PROXY),  ON_NGINX,                                            True),
    ("not known, another one proven",           SQUID,                       (*ALL, SQUID),        ON_NGINX,                                            True),
    ("proven itself",                           NGINX,                       ALL,                  ON_NGINX,                                            True),
    ("any proxy, one proven",                   ANY_PROXY,                   ALL,                  ON_NGINX,                                            True),
    ("in the app, fault in the app",            fix(fault=FaultPlace.APP),   (),                   PathFacts(fault=FaultPlace.APP),                     True),
    ("in the app, fault on the path",           fix(fault=FaultPlace.APP),   (),                   PathFacts(fault=FaultPlace.PATH),                    False),
    ("on the path, fault on the path",          fix(fault=FaultPlace.PATH),  (),                   PathFacts(fault=FaultPlace.PATH),                    True),
    ("on the path, fault in the app",           fix(fault=FaultPlace.PATH),  (),                   PathFacts(fault=FaultPlace.APP),                     False),
    ("in the app, fault in both",               fix(fault=FaultPlace.APP),   (),                   PathFacts(fault=FaultPlace.BOTH),                    True),
    ("in the app, fault not known",             fix(fault=FaultPlace.APP),   (),                   PathFacts(),                                         True),
    ("anywhere, fault on the path",             FIX,                         (),                   PathFacts(fault=FaultPlace.PATH),                    True),
    ("moves to one that flows",                 MOVES,                       (),                   flows(chunked=Flow.FAILED, events=Flow.FLOWING),     True),
    ("moves to one that is held",               MOVES,                       (),                   flows(chunked=Flow.HELD, events=Flow.FAILED),        True),
    ("moves to what fails or is cut",           MOVES,                       (),                   flows(chunked=Flow.CUT, events=Flow.FAILED),         False),
    ("moves to what was not measured",          MOVES,                       (),                   flows(polling=Flow.FAILED),                          True),
    ("moves to one that fails, one not known",  MOVES,                       (),                   flows(events=Flow.FAILED),                           False),
    ("moves nowhere, all fails",                FIX,                         (),                   flows(chunked=Flow.FAILED, events=Flow.FAILED),      True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "each", "fixes", "facts", "left"), BY_PATH, ids=[row[0] for row in BY_PATH])
def test_what_the_whole_run_shows_rules_a_fix_out(name, each, fixes, facts, left):
    assert helps(each, Culprit("an-id", "", "", "", "", fixes), facts, [met()]) is left


def result(*observations, client=Client.BROWSER, culprits=("an-id",), flow=Flow.HELD, transport=CHUNKED):
    """What a Client got: these culprits on one Transport."""
    found = tuple(
        Detection(CULPRITS.get(name, Culprit(name, "", "", "", "", ())), Confidence.CERTAIN, ())
        for name in culprits
    )
    report = TransportReport(transport, flow, "", culprits=found)
    return ClientVerdict(client, run(*observations), (report,), Verdict.HELD)


def report_on(fixes, *, name="an-id", confidence=Confidence.CERTAIN, refuted=()) -> CulpritReport:
    culprit = Culprit(name, "", "", "", "", tuple(fixes))
    return CulpritReport(culprit, confidence, (CHUNKED,), (), refuted=frozenset(refuted))


BUFFERING = replace(FIX, change="proxy_buffering off;", server=Server.NGINX)
ONE, TWO = report_on([NGINX]), report_on([NGINX, APACHE])
HELD_PATH, ARRIVED = saw(CHUNKED, HELD), {"x-accel-buffering": "no"}
STRIPPED = (HELD_PATH, saw(xab(CHUNKED)))
FORWARDED = replace(NEW, forwarded=("x-forwarded-for", "x-forwarded-server"))

SERVERS = [
    # name                                 culprits                                            observations                                                   proven           named             absent
    ("a certain culprit of one server",    [ONE],                                              [HELD_PATH],                                                   {Server.NGINX},  set(),            {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("a likely one",                       [replace(ONE, confidence=Confidence.LIKELY)],       [HELD_PATH],                                                   set(),           set(),            {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("a certain one of two servers",       [TWO],                                              [HELD_PATH],                                                   set(),           set(),            {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("the header was removed",             [],                                                 STRIPPED,                                                      {Server.NGINX},  set(),            {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("a cache played an old response",     [],                                                 [saw(CHUNKED, REPLAYED), saw(xab(CHUNKED))],                   set(),           set(),            {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("the header arrived",                 [],                                                 [HELD_PATH, saw(xab(CHUNKED), HELD, headers=ARRIVED)],         set(),           set(),            {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH, Server.NGINX}),
    ("Server names nginx",                 [],                                                 [saw(CHUNKED, HELD, headers={"server": "nginx/1.22.1"})],      set(),           {Server.NGINX},   {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("Apache Traffic Server",              [],                                                 [saw(CHUNKED, HELD, headers={"server": "ApacheTrafficServer/9"})], set(),       set(),            {Server.APACHE, Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("Via names Varnish",                  [],                                                 [saw(CHUNKED, HELD, headers={"via": "1.1 varnish (Varnish/7.1)"})], set(),      {Server.VARNISH}, {Server.APACHE, Server.LIGHTTPD, Server.SQUID}),
    ("X-Varnish",                          [],                                                 [saw(CHUNKED, HELD, headers={"x-varnish": "32770"})],          set(),           {Server.VARNISH}, {Server.APACHE, Server.LIGHTTPD, Server.SQUID}),
    ("the app received Via of Squid",      [],                                                 [saw(CHUNKED, HELD, request=replace(NEW, via="1.1 lab (squid/5.7)"))], set(),   {Server.SQUID},   {Server.APACHE, Server.LIGHTTPD, Server.VARNISH}),
    ("the app received Apache's header",   [],                                                 [saw(CHUNKED, HELD, request=FORWARDED)],                       set(),           {Server.APACHE},  {Server.LIGHTTPD, Server.SQUID, Server.VARNISH}),
    ("called through a gateway",           [],                                                 [saw(CHUNKED, HELD, request=CGI)],                             set(),           set(),            {Server.VARNISH}),
    ("the app did not say",                [],                                                 [saw(CHUNKED, HELD, request=None)],                            set(),           set(),            {Server.VARNISH}),
    ("no response",                        [],                                                 [replace(saw(CHUNKED, HELD, request=None), headers=())],       set(),           set(),            set()),
    ("the app's own port names nginx",     [],                                                 [saw(direct(CHUNKED), headers={"server": "nginx"}, request=None)], set(),       set(),            set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reports", "observations", "proven", "named", "absent"),
    SERVERS,
    ids=[row[0] for row in SERVERS],
)
def test_which_servers_a_run_shows(name, reports, observations, proven, named, absent):
    facts = path_facts(reports, [result(*observations)], None)
    assert (facts.proven, facts.named, facts.absent) == (proven, named, absent)


def test_a_proven_server_is_not_absent():
    apache = report_on([APACHE])
    assert Server.APACHE not in path_facts([apache], [result(HELD_PATH)], None).absent


def test_any_client_shows_a_server():
    results = [result(HELD_PATH), result(*STRIPPED, client=Client.HTTP1)]
    assert path_facts([], results, None).proven == {Server.NGINX}


def test_the_flows_are_the_first_clients_and_the_place_is_that_of_the_fault():
    results = [result(HELD_PATH), result(HELD_PATH, client=Client.HTTP1, flow=Flow.FLOWING)]
    facts = path_facts([], results, FaultLocation(FaultPlace.PATH, ""))
    assert facts.flows == {CHUNKED: Flow.HELD}
    assert facts.fault is FaultPlace.PATH
    assert path_facts([], [], None) == PathFacts()


ONLY = [
    # name                  fixes                          the one server
    ("one",                 (NGINX,),                      Server.NGINX),
    ("one, and the app",    (NGINX, FIX),                  Server.NGINX),
    ("one, twice",          (NGINX, BUFFERING),            Server.NGINX),
    ("two",                 (NGINX, APACHE),               None),
    ("none",                (FIX,),                        None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fixes", "server"), ONLY, ids=[row[0] for row in ONLY])
def test_the_one_server_of_a_culprit(name, fixes, server):
    assert only_server(Culprit("an-id", "", "", "", "", fixes)) is server


def offered(fixes, *results, located=None, **fields):
    (report,) = with_fixes([report_on(fixes, **fields)], results, located)
    return report.offered


HEADER = fix(variant=Variant.XAB, by=Owner.APP)


def test_what_was_tried_and_worked_is_offered_first_with_its_times():
    first, second = offered([FIX, HEADER], result(*STRIPPED))
    assert (first.fix, first.transports) == (HEADER, (CHUNKED,))
    assert first.tested == "1.90 s to 0.00 s"
    assert (second.fix, second.transports, second.tested) == (FIX, (), "")


def test_what_was_not_tried_keeps_its_place():
    assert [each.fix for each in offered([FIX, HEADER], result(HELD_PATH))] == [FIX, HEADER]


def test_every_transport_on_which_it_worked_is_named_with_the_times_of_the_first():
    own = run(*STRIPPED, saw(EVENTS, HELD), saw(xab(EVENTS)))
    found = tuple(
        TransportReport(transport, Flow.HELD, "", culprits=result(*STRIPPED).transports[0].culprits)
        for transport in (CHUNKED, EVENTS)
    )
    (each,) = offered([HEADER], ClientVerdict(Client.BROWSER, own, found, Verdict.HELD))
    assert each.transports == (CHUNKED, EVENTS)
    assert each.tested == "1.90 s to 0.00 s"


def test_what_worked_for_a_second_client_counts():
    results = [result(HELD_PATH), result(*STRIPPED, client=Client.HTTP1)]
    assert [each.fix for each in offered([FIX, HEADER], *results)] == [HEADER, FIX]


def test_a_transport_without_the_culprit_counts_for_nothing():
    results = [result(HELD_PATH), result(*STRIPPED, client=Client.HTTP1, culprits=())]
    assert [each.fix for each in offered([FIX, HEADER], *results)] == [FIX, HEADER]


def test_the_users_own_stream_has_no_times():
    own = replace(saw(Probe(CHUNKED, Scenario.OWN), HELD), arrivals=())
    (each,) = offered([HEADER], result(own))
    assert not each.transports


def test_another_culprit_that_holds_explains_why_a_fix_had_no_effect():
    tried = (HELD_PATH, *NOT_FREED)
    assert HEADER not in [each.fix for each in offered([FIX, HEADER], result(*tried))]
    for other, left in (("nginx-gzip", True), ("idle-timeout", False)):
        fixes = [each.fix for each in offered([FIX, HEADER], result(*tried, culprits=("an-id", other)))]
        assert (HEADER in fixes) is left, "only what holds explains it"


def test_without_a_fix_that_helps_all_are_offered_that_no_detector_refutes():
    ruled_out = fix(fault=FaultPlace.APP)
    located = FaultLocation(FaultPlace.PATH, "")
    assert [each.fix for each in offered([ruled_out], result(HELD_PATH), located=located)] == [ruled_out]
    left = offered([ruled_out, BUFFERING, FIX], result(HELD_PATH), located=located, refuted=[FIX])
    assert [each.fix for each in left] == [BUFFERING]
    assert not offered([FIX], result(HELD_PATH), refuted=[FIX])


def test_servers_are_ordered_by_what_is_known_of_them():
    headers = {"server": "lighttpd/1.4.69"}
    held = saw(CHUNKED, HELD, headers=headers), saw(xab(CHUNKED), headers=headers)
    lighttpd, haproxy = fix(server=Server.LIGHTTPD), fix(server=Server.HAPROXY)
    fixes = [SQUID, FIX, haproxy, lighttpd, NGINX]
    assert [each.fix for each in offered(fixes, result(*held))] == [NGINX, lighttpd, FIX, haproxy]
    unproven = [each.fix for each in offered(fixes, result(held[0]))]
    assert unproven == [lighttpd, FIX, haproxy, NGINX, SQUID], "without its mark it is last"


def test_what_worked_stands_before_the_server_that_is_proven_and_the_absent_one_behind_the_unknown():
    tried = replace(HEADER, server=Server.NGINX)
    fixes = [SQUID, FIX, NGINX, tried]
    assert [each.fix for each in offered(fixes, result(*STRIPPED))] == [tried, NGINX, FIX]
    unproven = [each.fix for each in offered([SQUID, NGINX, FIX, APACHE], result(HELD_PATH))]
    assert unproven.index(FIX) < unproven.index(SQUID)


def test_the_layers_of_an_app_rule_a_fix_out():
    newer = ["a.layer nginx/1.29.7"]
    (report,) = with_fixes([report_on([UNTIL, FIX])], [result(HELD_PATH)], None, newer)
    assert report.fixes == (FIX,)
    (report,) = with_fixes([report_on([UNTIL, FIX])], [result(HELD_PATH)], None, ["a.layer nginx/1.29.6"])
    assert report.fixes == (UNTIL, FIX)


def test_a_name_changes_no_order_where_there_is_one_server():
    named = saw(CHUNKED, HELD, headers={"server": "nginx"})
    assert [each.fix for each in offered([FIX, NGINX], result(named))] == [FIX, NGINX]


GATEWAYS = [
    # name              what the app saw            the line
    ("HTTP",            NEW,                        "proxy_buffering off;"),
    ("FastCGI",         CGI,                        "fastcgi_buffering off;"),
    ("uwsgi",           called("HTTP/1.1", "uwsgi"), "uwsgi_buffering off;"),
    ("SCGI",            called("HTTP/1.1", "SCGI/1"), "scgi_buffering off;"),
    ("another one",     called("HTTP/1.1", "AJP"),  "proxy_buffering off;"),
    ("not known",       None,                       "proxy_buffering off;"),
    ("no protocol",     called(""),                 "proxy_buffering off;"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "request_at_app", "line"), GATEWAYS, ids=[row[0] for row in GATEWAYS])
def test_the_directive_is_that_of_the_gateway(name, request_at_app, line):
    per_gateway = replace(BUFFERING, per_gateway=True)
    (each,) = offered([per_gateway], result(saw(CHUNKED, HELD, request=request_at_app)))
    assert each.fix.change == line
    assert bool(each.fix.gateway_note) is (name in ("another one", "not known", "no protocol"))
    (other,) = offered([BUFFERING], result(saw(CHUNKED, HELD, request=request_at_app)))
    assert other.fix == BUFFERING


def test_two_gateways_leave_the_directive_open():
    results = [
        result(saw(CHUNKED, HELD, request=CGI)),
        result(saw(CHUNKED, HELD), client=Client.HTTP1),
    ]
    (each,) = offered([replace(BUFFERING, per_gateway=True)], *results)
    assert each.fix.change == "proxy_buffering off;"
    assert each.fix.gateway_note == (
        "with fastcgi_pass the directive is fastcgi_buffering, with uwsgi_pass uwsgi_buffering, with "
        "scgi_pass scgi_buffering"
    )


def test_every_fix_that_can_be_pasted_names_its_server():
    for culprit in CULPRITS.values():
        for each in culprit.fixes:
            assert each.server is not None or (each.place is None and not each.removes), culprit.id
            assert not each.change.startswith("#") or each.place is None or each.removes, culprit.id
            assert not each.per_gateway or each.change.startswith("proxy_"), culprit.id


def test_a_websocket_names_no_other_server_where_nginx_is_proven():
    assert upgrade_lines.NGINX_FIX.place is Place.ADDRESS
    refused = saw(WEBSOCKET, NOTHING, request=replace(OLD, websocket_key=True))
    found = result(*STRIPPED, refused, culprits=("websocket-upgrade",), transport=WEBSOCKET)
    (report,) = with_fixes(
        [CulpritReport(CULPRITS["websocket-upgrade"], Confidence.CERTAIN, (WEBSOCKET,), ())], [found], None
    )
    assert report.fixes == (upgrade_lines.NGINX_FIX,)


def test_an_idle_timeout_may_be_anothers_although_nginx_is_proven():
    found = result(*STRIPPED, culprits=("idle-timeout",))
    (report,) = with_fixes(
        [CulpritReport(idle_timeout.CULPRIT, Confidence.LIKELY, (CHUNKED,), ())], [found], None
    )
    assert report.fixes[0].server is Server.NGINX
    assert idle_timeout.HAPROXY_FIX in report.fixes, "it leaves no mark"
    assert idle_timeout.APACHE_FIX not in report.fixes
