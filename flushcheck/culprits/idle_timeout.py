"""A proxy that gives up on a stream that is silent for too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import apache, haproxy, nginx
from flushcheck.configs.findings import Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Value
from flushcheck.measurement.idle_timeouts import idle_evidence, idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, CutCause, Detection, Evidence, Fix, Transport, Vantage

CULPRIT = Culprit(
    id="idle-timeout",
    title="a proxy ends a stream that is silent for longer than its time-out",
    why=(
        "Every proxy waits only so long for the next byte of a response: 60 s by default in nginx and "
        "Apache. A stream that pauses longer is cut, though nothing is wrong with it."
    ),
    symptoms=(
        "A stream with pauses is cut, always after the same number of silent seconds; one that never "
        "pauses is not. A WebSocket closes with 1006."
    ),
    fixes=(
        Fix(
            where="nginx, the location block that passes to the app",
            change="proxy_read_timeout 1h;",
            caution=(
                "an app that hangs keeps its connection for as long (fastcgi_read_timeout, "
                "uwsgi_read_timeout or scgi_read_timeout where those pass)"
            ),
        ),
        Fix(
            where="the app",
            change="a heartbeat every 15 s: an SSE comment, a WebSocket ping, a blank line",
            caution="a few bytes for each stream; the page must take no offence",
        ),
        Fix(
            where="Apache, the virtual host",
            change="ProxyTimeout 3600",
            caution="an app that hangs keeps its connection for as long",
        ),
        Fix(
            where="HAProxy, the defaults or backend section",
            change="timeout server 1h\ntimeout tunnel 1h",
            caution="an app that hangs keeps its connection for as long; timeout client counts as well",
        ),
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxytimeout",
        "https://docs.haproxy.org/2.6/configuration.html#timeout%20tunnel",
    ),
)

# A stream's heartbeat is 15 s in most servers and in flushcheck's own: at that or less even those are cut.
SHORT_S = 15
# Long enough that whoever set it thought of streams; below, 60 s is what nobody chose.
LONG_S = 120


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Cut, or forgotten, in a silence that was asked for (--idle), while a stream that talked was not."""
    found = idle_result(seen, transport)
    if found is None or found.cause is not CutCause.IDLE:
        return None
    direct = idle_result(seen, transport, Vantage.DIRECT)
    if direct is None:
        return Detection(CULPRIT, Confidence.LIKELY, (idle_evidence(transport, found),))
    there = Evidence(f"{transport}: at the app's own port: {direct.summary}", direct.probes)
    # The same at the app's own port: then it is the app's own server, and no proxy has to be there.
    sure = Confidence.CERTAIN if direct.cause is CutCause.NONE else Confidence.POSSIBLE
    return Detection(CULPRIT, sure, (idle_evidence(transport, found), there))


SERVERS = (Server.NGINX, Server.APACHE, Server.HAPROXY)


def lint(block: Block) -> Iterator[Finding]:
    """The default is a note: what pauses less is not concerned."""
    if block.server is Server.NGINX and nginx.prefix(block):
        value = block.value(f"{nginx.prefix(block)}_read_timeout", "60s")
        fix = CULPRIT.fixes[0]
        line = f"{value.name} 1h;"
        yield from judge(block, value, nginx.seconds(value.first), fix, block.edit(value.at, line))

    if block.server is Server.APACHE and block.via in ("http", "fastcgi", "scgi", "uwsgi", "ajp"):
        value = block.params.get("timeout") or block.value("ProxyTimeout", "")
        if not value.first:
            value = block.value("Timeout", "60")
        yield from judge(block, value, apache.seconds(value.first), CULPRIT.fixes[2], ())
    if block.server is Server.APACHE and block.via == "fcgid":
        value = block.value("FcgidIOTimeout", "40")
        fix = replace(CULPRIT.fixes[2], change="FcgidIOTimeout 3600")
        yield from judge(block, value, apache.seconds(value.first), fix, ())

    if block.server is Server.HAPROXY:
        value = block.value("timeout server", "0")
        yield from judge(block, value, haproxy.seconds(value.first), CULPRIT.fixes[3], ())


def judge(
    block: Block, value: Value, time_s: float | None, fix: Fix, edits: tuple[Edit, ...]
) -> Iterator[Finding]:
    """The Finding for a time-out of this length, none if it is long.

    Args:
        time_s: the silence that is allowed; None or 0 if there is no limit, or none that can be read.
    """
    if not time_s or time_s >= LONG_S:
        return
    short = time_s <= SHORT_S
    more = ", heartbeats every 15 s or not" if short else ""
    yield block.finding(
        CULPRIT,
        Level.WARNING if short else Level.NOTE,
        f"{block.say(value)}: a stream that is silent for {time_s:g} s is cut{more}",
        value=value,
        fix=fix,
        edits=edits,
        override="the app can keep a stream alive with a heartbeat",
    )
