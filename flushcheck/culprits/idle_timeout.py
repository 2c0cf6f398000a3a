"""A proxy that ends a stream that is silent for too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import apache, envoy, haproxy, nginx, squid, uwsgi
from flushcheck.configs.findings import Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Value
from flushcheck.configs.yaml_nodes import child, scalar
from flushcheck.measurement.idle_timeouts import idle_evidence, idle_result
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    CutCause,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Symptom,
    Transport,
    Vantage,
)

_COST = "a connection to an app that hangs stays open for that long"
NGINX_FIX = Fix(
    where="nginx, the location block that passes to the app",
    change="proxy_read_timeout 1h;",
    by=Owner.SERVER,
    server=Server.NGINX,
    place=Place.ADDRESS,
    per_gateway=True,
    cost=_COST,
)
HEARTBEAT_FIX = Fix(
    where="the app",
    change="a heartbeat every 15 s: an SSE comment, a WebSocket ping, a blank line",
    by=Owner.APP,
    cost="a few bytes per stream",
    note="the client must ignore heartbeat messages",
)
APACHE_FIX = Fix(
    where="Apache, the virtual host",
    change="ProxyTimeout 3600",
    by=Owner.SERVER,
    server=Server.APACHE,
    place=Place.SITE,
    cost=_COST,
)
FCGID_FIX = replace(APACHE_FIX, change="FcgidIOTimeout 3600")
HAPROXY_FIX = Fix(
    where="HAProxy, the defaults or backend section",
    change="timeout server 1h\ntimeout tunnel 1h",
    by=Owner.SERVER,
    server=Server.HAPROXY,
    place=Place.SITE,
    cost=_COST,
    note="timeout client must be as long",
)
ENVOY_FIX = Fix(
    where="Envoy, the route of the stream",
    change="idle_timeout: 3600s",
    by=Owner.SERVER,
    server=Server.ENVOY,
    place=Place.ADDRESS,
    cost=_COST,
    note="stream_idle_timeout of the HTTP connection manager is 5 minutes by default",
)
SQUID_FIX = Fix(
    where="squid.conf",
    change="read_timeout 1 hour",
    by=Owner.SERVER,
    server=Server.SQUID,
    place=Place.FILE,
    cost=_COST,
)
UWSGI_FIX = Fix(
    where="uWSGI, beside the line of its HTTP router",
    change="http-timeout = 3600",
    by=Owner.SERVER,
    server=Server.UWSGI,
    place=Place.FILE,
    cost=_COST,
)

CULPRIT = Culprit(
    id="idle-timeout",
    title="a proxy ends a stream that is silent for longer than its timeout",
    why=(
        "Every proxy waits for the next byte of a response for a limited time only: 60 s by default in "
        "nginx and Apache. It cuts a stream that pauses longer, although nothing is wrong with the stream."
    ),
    symptoms=(
        "A stream with pauses is cut, always after the same number of silent seconds; a stream without "
        "pauses is not. A WebSocket closes with code 1006."
    ),
    detection=(
        "A stream that is silent for a requested time (--idle) is cut, or its connection is forgotten, "
        "while a stream without pauses is not."
    ),
    fixes=(NGINX_FIX, HEARTBEAT_FIX, APACHE_FIX, HAPROXY_FIX, ENVOY_FIX, UWSGI_FIX, SQUID_FIX),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxytimeout",
        "https://docs.haproxy.org/2.6/configuration.html#timeout%20tunnel",
    ),
    looks_like=("gunicorn-timeout",),
    idle_only=True,
    holds=False,
    shows=(Symptom(Flow.CUT),),
    measured_on=("nginx 1.22.1", "HAProxy 2.6.12"),
)

# A stream's heartbeat is 15 s in most servers and in flushcheck's own: at that or less even those are cut.
SHORT_S = 15
# A timeout this long was set with streams in mind; below it, 60 s is only the default.
LONG_S = 120


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Cut, or forgotten, during a requested silence (--idle), while a stream without pauses was not."""
    result = idle_result(seen, transport)
    if result is None or result.cause is not CutCause.IDLE:
        return None
    direct = idle_result(seen, transport, Vantage.DIRECT)
    if direct is None:
        return Detection(CULPRIT, Confidence.LIKELY, (idle_evidence(transport, result),))
    at_port = Evidence(f"{transport}: at the app's own port: {direct.summary}", direct.probes)
    # The same at the app's own port: then it is the app's own server, and there may be no proxy at all.
    sure = Confidence.CERTAIN if direct.cause is CutCause.NONE else Confidence.POSSIBLE
    return Detection(CULPRIT, sure, (idle_evidence(transport, result), at_port))


SERVERS = (Server.NGINX, Server.APACHE, Server.HAPROXY, Server.ENVOY, Server.UWSGI, Server.SQUID)


def lint(block: Block) -> Iterator[Finding]:
    """The default is a note: what pauses less is not concerned."""
    if block.server is Server.NGINX and nginx.prefix(block):
        value = block.value(f"{nginx.prefix(block)}_read_timeout", "60s")
        edits = block.edit(value.at, f"{value.name} 1h;")
        yield from _finding(block, value, nginx.seconds(value.first), edits=edits)

    if block.server is Server.APACHE and block.via in ("http", "fastcgi", "scgi", "uwsgi", "ajp"):
        value = block.params.get("timeout") or block.value("ProxyTimeout", "")
        if not value.first:
            value = block.value("Timeout", "60")
        yield from _finding(block, value, apache.seconds(value.first), APACHE_FIX)
    if block.server is Server.APACHE and block.via == "fcgid":
        value = block.value("FcgidIOTimeout", "40")
        yield from _finding(block, value, apache.seconds(value.first), FCGID_FIX)

    if block.server is Server.HAPROXY:
        value = block.value("timeout server", "0")
        yield from _finding(block, value, haproxy.seconds(value.first), HAPROXY_FIX)

    if block.server is Server.ENVOY:
        yield from _envoy(block)

    if block.server is Server.SQUID:
        value = block.value("read_timeout", "15 minutes")
        args = value.args if value.at is not None else ("15", "minutes")
        edits = block.edit(value.at, SQUID_FIX.change)
        yield from _finding(block, value, squid.seconds(args), SQUID_FIX, edits=edits)

    if block.server is Server.UWSGI and uwsgi.has_router(block):
        value = block.value("http-timeout", "60")
        edits = uwsgi.edits(block, UWSGI_FIX.change)
        yield from _finding(block, value, uwsgi.number(value), UWSGI_FIX, edits=edits)


def _envoy(block: Block) -> Iterator[Finding]:
    """The default is 5 minutes; a route's own time has precedence."""
    place = envoy.place_of(block)
    lines = (child(place.action, "idle_timeout"), child(place.manager.at, "stream_idle_timeout"))
    line = next((each for each in lines if each is not None), None)
    if line is not None:
        certain = replace(block, unread_includes=())  # none of what was not read sets it
        value = Value(line.name, (scalar(line),), line)
        yield from _finding(certain, value, envoy.seconds(line), ENVOY_FIX)


def _finding(
    block: Block, value: Value, time_s: float | None, fix: Fix | None = None, edits: tuple[Edit, ...] = ()
) -> Iterator[Finding]:
    """The Finding for a timeout of this length, none if it is long.

    Args:
        time_s: the silence that is allowed; None or 0 if there is no limit, or none that can be read.
        fix: the culprit's first one if not given.
    """
    if not time_s or time_s >= LONG_S:
        return
    short = time_s <= SHORT_S
    heartbeat = ", even with a heartbeat every 15 s" if short else ""
    yield block.finding(
        CULPRIT,
        Level.WARNING if short else Level.NOTE,
        f"{block.say(value)}: a stream that is silent for {time_s:g} s is cut{heartbeat}",
        value=value,
        fix=fix,
        edits=edits,
        override="the app can keep a stream alive with a heartbeat",
    )
