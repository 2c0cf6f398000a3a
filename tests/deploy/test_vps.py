"""A VPS with root: each shipped site is started for real, whole, on a sub-path, and with each line that matters undone.

What matters is written in the files themselves (see shipped.py); that they say it is counted here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache

import pytest

from flushcheck.model import CutCause, Transport, Verdict
from tests.deploy import hosts
from tests.deploy.bench import LONG, Seen, Try, ask, look, side_by_side
from tests.deploy.conftest import need
from tests.deploy.crowd import crowd
from tests.deploy.shipped import SUB_PATH, Mark, broken, marks, on_sub_path, text_of
from tests.live import servers
from tests.live.servers import Service

pytestmark = pytest.mark.live

ALL = {str(transport): "flowing" for transport in Transport}
STREAMED = (Transport.CHUNKED, Transport.EVENTS)
OPEN = (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET)


@dataclass(frozen=True)
class Site:
    """One shipped site."""

    program: str
    command: str
    file: str
    at_once: int  # streams that get through, of 1000

    @property
    def text(self) -> str:
        return text_of(self.file)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Its promises without TLS; those over TLS are looked at in test_tls.py."""
        return tuple(mark for mark in marks(self.text) if not mark.over_tls)


SITES = {
    site.program: site
    for site in (
        Site("nginx", "nginx", "nginx/flushcheck.conf", 384),
        Site("apache", "apache2", "vps/apache.conf", 150),
        Site("haproxy", "haproxy", "vps/haproxy.cfg", 900),
        Site("caddy", "caddy", "vps/Caddyfile", 900),
    )
}

# How often each file says "matters" or "holds": removing one must fail a test.
PROMISES = {"nginx": 5, "apache": 1, "haproxy": 2, "caddy": 1}

PROGRAMS = pytest.mark.parametrize("program", SITES)
MARKS = [(site.program, mark) for site in SITES.values() for mark in site.marks]
UNDONE = pytest.mark.parametrize(
    ("program", "mark"), MARKS, ids=[f"{program}: {mark.text[:40].strip()}" for program, mark in MARKS]
)

# The line in each file that allows silence, and its replacement here with a short time.
SILENCES = [
    # program    line                     short                    transports that it decides about
    ("nginx",   "proxy_read_timeout 1h;", "proxy_read_timeout 2s;", OPEN),
    ("apache",  "ProxyTimeout 3600",      "ProxyTimeout 2",         STREAMED),
    ("haproxy", "timeout server 1h",      "timeout server 2s",      STREAMED),
    ("haproxy", "timeout tunnel 1h",      "timeout tunnel 2s",      (Transport.WEBSOCKET,)),
]  # fmt: skip


@pytest.fixture(scope="module")
def seen(origin: Service) -> Callable[[str], dict[str | Mark, Seen]]:
    """What became of a program's file: "root", "sub-path", and each mark undone. All of it at once, when first asked."""

    @cache
    def of(program: str) -> dict[str | Mark, Seen]:
        site = SITES[program]
        need(site.command)
        tries: dict[str | Mark, Try] = {
            "root": Try(program, site.text),
            "sub-path": Try(program, on_sub_path(site.text), sub_path=True),
        }
        for mark in site.marks:
            # A time-out line is visible to the check at once, and live only after waiting: see below.
            only = (Transport.CHUNKED,) if mark.culprit == "idle-timeout" else tuple(Transport)
            tries[mark] = Try(program, broken(site.text, mark), only=only)
        return dict(zip(tries, side_by_side(tries.values(), origin), strict=True))

    return of


@PROGRAMS
@pytest.mark.parametrize("place", ["root", "sub-path"])
def test_the_shipped_site_flows_on_every_transport(program, place, seen):
    found = seen(program)[place]
    assert (found.report.verdict, found.flows, found.culprit_ids) == (Verdict.FLOWING, ALL, ())
    assert (found.checked, found.exit_code) == ((), 0)


@UNDONE
def test_a_line_that_matters_undone_is_named_live_and_by_the_check(program, mark, seen):
    found = seen(program)[mark]
    assert (found.checked, found.exit_code) == ((mark.culprit,), 1)
    if mark.culprit != "idle-timeout":
        assert found.report.verdict in (Verdict.HELD, Verdict.BROKEN)
        assert found.culprit_ids == (mark.culprit,)


@PROGRAMS
def test_every_file_keeps_its_promises(program):
    assert len(SITES[program].marks) == PROMISES[program]


@pytest.fixture(scope="module")
def silenced(origin: Service) -> list[Seen]:
    """Each program with one of the lines against silence turned down to 2 s."""
    need(*(SITES[program].command for program, *_ in SILENCES))
    tries = []
    for program, line, short, _ in SILENCES:
        text = SITES[program].text
        assert text.count(line) == 1
        tries.append(Try(program, text.replace(line, short), only=OPEN, idle_s=(1, 3)))
    return side_by_side(tries, origin)


@pytest.mark.parametrize("at", range(len(SILENCES)), ids=[line for _, line, *_ in SILENCES])
def test_the_line_against_silence_is_the_one_that_decides(at, silenced):
    report, transports = silenced[at].report, SILENCES[at][3]
    assert [(one.culprit.id, one.transports) for one in report.culprits] == [("idle-timeout", transports)]
    for verdict in report.transports:
        assert verdict.idle is not None
        assert verdict.idle.cause is (CutCause.IDLE if verdict.transport in transports else CutCause.NONE)


@pytest.mark.skipif(not LONG, reason="takes 70 s of silence: LONG=1")
def test_a_minute_of_silence_passes_and_without_its_line_does_not(origin):
    whole = [Try(site.program, site.text, only=OPEN, idle_s=(65,)) for site in SITES.values()]
    idle = [(program, mark) for program, mark in MARKS if mark.culprit == "idle-timeout"]
    undone = [
        Try(program, broken(SITES[program].text, mark), only=OPEN, idle_s=(65,)) for program, mark in idle
    ]
    with ThreadPoolExecutor(len(whole) + len(undone)) as pool:
        found = list(pool.map(lambda one: look(one, origin), [*whole, *undone]))
    for one in found[: len(whole)]:
        assert (one.report.verdict, one.culprit_ids) == (Verdict.FLOWING, ())
        assert {v.idle.cause for v in one.report.transports if v.idle} == {CutCause.NONE}
    for one in found[len(whole) :]:
        assert one.culprit_ids == ("idle-timeout",)


# What the app gets to know, and what a visitor can make it believe.


@pytest.fixture(scope="module")
def echo() -> Iterator[Service]:
    with servers.start_origin(app="tests.deploy.echo:app") as service:
        yield service


@pytest.fixture(scope="module")
def fronts(echo: Service) -> Iterator[dict[tuple[str, str], Service]]:
    """Each program with its site in front of the echo, at the root and on the sub-path."""
    need(*(site.command for site in SITES.values()))
    with ExitStack() as stack:
        yield {
            (site.program, mount): stack.enter_context(
                hosts.start(
                    site.program,
                    on_sub_path(site.text) if mount else site.text,
                    origin=echo,
                    sub_path=bool(mount),
                )
            )
            for site in SITES.values()
            for mount in ("", SUB_PATH)
        }


FORGED = {
    "SCRIPT_NAME": "/forged",
    "PATH_INFO": "/forged",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.7",
}


@PROGRAMS
@pytest.mark.parametrize("mount", ["", SUB_PATH], ids=["root", "sub-path"])
@pytest.mark.parametrize("headers", [{}, FORGED], ids=["honest", "forged"])
def test_the_app_is_told_where_it_is_and_believes_no_visitor(program, mount, headers, fronts):
    front = fronts[program, mount]
    status, _, body = ask(front, f"{mount}/a%20b/c?e=%20f", headers)
    told = json.loads(body)
    assert status == 200
    assert (told["SCRIPT_NAME"], told["PATH_INFO"], told["QUERY_STRING"]) == (mount, "/a b/c", "e=%20f")
    assert told["HTTP_HOST"] == f"127.0.0.1:{front.port}"
    assert told["HTTP_X_FORWARDED_PROTO"] == "http"
    # The proxy's client stands last; earlier addresses may be forged by the client.
    assert told["HTTP_X_FORWARDED_FOR"].split(",")[-1].strip() == "127.0.0.1"


@PROGRAMS
def test_the_sub_path_alone_is_served_and_its_slash_is_found(program, fronts):
    front = fronts[program, SUB_PATH]
    status, headers, _ = ask(front, SUB_PATH)
    assert status == 308
    assert headers["Location"].removeprefix(front.url) == f"{SUB_PATH}/"
    for path in ("/", "/healthz", f"{SUB_PATH}er/"):
        assert "SCRIPT_NAME" not in ask(front, path)[2]


# How many at once.


def test_apache_serves_as_many_streams_at_once_as_the_table_says(origin):
    need("apache2")
    with hosts.start("apache", SITES["apache"].text, origin=origin) as front:
        assert crowd(front.port, 170, expected=150) == {200: 150}


@pytest.mark.skipif(not LONG, reason="1000 streams at once: LONG=1")
@pytest.mark.parametrize(
    "program", ["nginx", "haproxy", "caddy"]
)  # 1000 connections are more than Apache's backlog takes
def test_as_many_streams_at_once_as_the_table_says(program, origin):
    site = SITES[program]
    with hosts.start(program, site.text, origin=origin) as front:
        # Each process of nginx has its own, and the streams fall on them as it happens.
        most = site.at_once * (len(front.workers()) if isinstance(front, servers.Nginx) else 1)
        assert site.at_once * 0.98 <= crowd(front.port, 1000, expected=most)[200] <= most


@pytest.mark.skipif(not LONG, reason="1000 streams at once: LONG=1")
def test_the_service_takes_as_many_streams_as_the_table_says(origin):
    assert crowd(origin.port, 1000, expected=900)[200] == 900
