"""The lines that pass a WebSocket upgrade on: which are missing, and what to write.

What counts as missing, server by server: nginx needs three lines, Apache a parameter of ProxyPass or a ws://
address, lighttpd one setting, Varnish a pipe. A block that passes nothing on is a note, for its app may need
no WebSocket; one that passes half of it on is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import envoy, lighttpd, nginx, varnish, versions
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, edit
from flushcheck.model import Culprit, Fix, Owner, Place

NGINX_FIX = Fix(
    where="nginx, the location block with proxy_pass",
    change=(
        "proxy_http_version 1.1;\n"
        "proxy_set_header Upgrade $http_upgrade;\n"
        'proxy_set_header Connection "upgrade";'
    ),
    by=Owner.SERVER,
    server=Server.NGINX,
    place=Place.ADDRESS,
    app_protocol="HTTP/1.0",
    until=versions.NGINX_UPSTREAM_HTTP11,
    note=(
        "proxy_set_header here replaces every proxy_set_header inherited from an outer block: repeat "
        "those; where ordinary requests share the block, set Connection from a map on $http_upgrade"
    ),
)
NGINX_HEADERS_FIX = replace(
    NGINX_FIX,
    change="\n".join(NGINX_FIX.change.splitlines()[1:]),
    app_protocol="HTTP/1.1",
    until=None,
    since=versions.NGINX_UPSTREAM_HTTP11,
)
APACHE_FIX = Fix(
    where="Apache, the virtual host (2.4.47 or later)",
    app_protocol="HTTP/1.1",
    change='ProxyPass "/" "http://127.0.0.1:8000/" upgrade=websocket',
    by=Owner.SERVER,
    server=Server.APACHE,
    place=Place.SITE,
    note="older versions need mod_proxy_wstunnel and a RewriteRule on the Upgrade header",
)
# Apache calls the app over HTTP/1.1 unless this variable is set. Measured on 2.4.71.
APACHE_HTTP10_FIX = replace(
    APACHE_FIX,
    change=f"# remove SetEnv force-proxy-request-1.0\n{APACHE_FIX.change}",
    app_protocol="HTTP/1.0",
    removes=("SetEnv force-proxy-request-1.0",),
)
# Measured on Squid 5.7, as an accelerator and as a forward proxy that intercepts TLS (ssl-bump).
SQUID_FIX = Fix(
    where="Squid, squid.conf (5 or later)",
    change="http_upgrade_request_protocols websocket allow all",
    by=Owner.NETWORK,
    server=Server.SQUID,
    place=Place.FILE,
)
LIGHTTPD_FIX = Fix(
    where="lighttpd, the block with proxy.server",
    change='proxy.header = ( "upgrade" => "enable" )',
    by=Owner.SERVER,
    server=Server.LIGHTTPD,
    place=Place.ADDRESS,
    note="needs lighttpd 1.4.46 or later",
)
VARNISH_FIX = Fix(
    where="VCL, in front of the other subs of these names",
    change=(
        'sub vcl_recv {\n    if (req.http.Upgrade ~ "(?i)websocket") {\n        return (pipe);\n    }\n}\n'
        "sub vcl_pipe {\n    if (req.http.Upgrade) {\n        set bereq.http.Upgrade = req.http.Upgrade;\n"
        "        set bereq.http.Connection = req.http.Connection;\n    }\n}"
    ),
    by=Owner.SERVER,
    server=Server.VARNISH,
    place=Place.FILE,
    cost="Varnish passes a piped connection on unchanged and does not log its requests one by one",
)

ENVOY_FIX = Fix(
    where="Envoy, the HTTP connection manager",
    change="upgrade_configs:\n- upgrade_type: websocket",
    by=Owner.SERVER,
    server=Server.ENVOY,
)


def nginx_passes(block: Block) -> bool:
    """Whether a WebSocket gets through this nginx block."""
    return not _nginx_lacks(block)


def _nginx_lacks(block: Block) -> dict[str, str]:
    """What is missing, by the name of the thing."""
    lacks = {}
    version = nginx.http_version(block)
    if version.first == "1.0":
        lacks["version"] = f"the app is called over HTTP/1.0 ({block.where(version)})"
    upgrade = nginx.request_header(block, "upgrade")
    if upgrade is None or not any(upgrade.args[1:]):
        lacks["upgrade"] = "Upgrade is not passed on"
    connection = nginx.request_header(block, "connection")
    sent = " ".join(connection.args[1:5] if connection else ()).lower()
    if "upgrade" not in sent and "$" not in sent:
        lacks["connection"] = f"Connection is {sent!r}" if connection else "Connection is not set to upgrade"
    return lacks


_MAX_REPEATED = 50  # inherited headers that a patch repeats


def nginx_findings(block: Block, culprit: Culprit) -> Iterator[Finding]:
    """Not passed on: a note. Not inherited: a warning. Half passed on: an error."""
    if block.server is not Server.NGINX or block.via != "http":
        return
    lacks = _nginx_lacks(block)
    if not lacks:
        return
    lost = _not_inherited(block)
    level = Level.NOTE
    message = f"WebSocket cannot pass this block: {', '.join(lacks.values())}"
    if "upgrade" not in lacks:
        level = Level.ERROR
    elif lost is not None:
        level = Level.WARNING
        own = block.scope.nearest("proxy_set_header")[0]
        message += f"; the line at {lost.place} is not inherited, because {own.place} starts a new list"
    half = nginx.request_header(block, "upgrade") if level is Level.ERROR else None
    uncertain = block.may_be_set_by_unread("proxy_set_header", is_list=True)
    yield block.finding(
        culprit,
        level,
        message,
        at=half,
        edits=_nginx_edits(block, lacks),
        lacks="what is missing" if uncertain else "",
    )


def _not_inherited(block: Block) -> Directive | None:
    """An Upgrade line further out that this block's own list switches off."""
    for line in block.scope.every("proxy_set_header"):
        if line.args and line.args[0].lower() == "upgrade" and any(line.args[1:]):
            return line
    return None


def _nginx_edits(block: Block, lacks: dict[str, str]) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    lines = []
    if "version" in lacks:
        version = nginx.http_version(block)
        if block.owns(version.at):
            edits += block.edit(version.at, "proxy_http_version 1.1;")
        else:
            lines.append("proxy_http_version 1.1;")
    headers = {
        "upgrade": "proxy_set_header Upgrade $http_upgrade;",
        "connection": f"proxy_set_header Connection {_connection(block)};",
    }
    if not headers.keys() & lacks:
        pass
    elif block.insert_scope.own("proxy_set_header"):
        for header in sorted(headers.keys() & lacks, reverse=True):
            old = nginx.request_header(block, header)
            if old is not None:
                edits += block.edit(old, headers[header])
            else:
                lines.append(headers[header])
    elif len(block.scope.nearest("proxy_set_header")) > _MAX_REPEATED:
        return ()
    else:
        # A list here ends what is inherited, so what is inherited is repeated.
        lines += [
            f"{line.name} {' '.join(_quoted(arg) for arg in line.args)};"
            for line in block.scope.nearest("proxy_set_header")
            if line.args and line.args[0].lower() not in headers
        ]
        lines += headers.values()
    if lines:
        edits += block.edit(None, *lines)
    return tuple(edits)


def _connection(block: Block) -> str:
    """The variable of a map on $http_upgrade, if there is one: plain requests share the block."""
    for line in block.scope.every("map"):
        if len(line.args) == 2 and line.args[0] == "$http_upgrade":
            return line.args[1]
    return '"upgrade"'


def _quoted(arg: str) -> str:
    """An argument as nginx would read it again."""
    if re.fullmatch(r"[^\s;{}\"'\\#]+", arg):
        return arg
    escaped = arg.replace('"', '\\"')  # backslashes are still as written
    return f'"{escaped}"'


def apache_findings(block: Block, culprit: Culprit) -> Iterator[Finding]:
    """A pass over HTTP that neither upgrades nor has a ws:// pass beside it."""
    if block.server is not Server.APACHE or block.via != "http":
        return
    upgrade = block.params.get("upgrade")
    if upgrade is not None and upgrade.first.lower() in ("websocket", "any"):
        old = [line for line in block.scope.every("setenv") if line.args[:1] == ("force-proxy-request-1.0",)]
        if old:
            fix = Fix(
                where="Apache, the line with SetEnv",
                change=f"# remove {old[0].text}",
                by=Owner.SERVER,
                note="Apache then calls the app over HTTP/1.1",
            )
            message = f"WebSocket cannot pass here: {old[0].text} makes Apache call the app over HTTP/1.0"
            yield block.finding(culprit, Level.ERROR, message, at=old[0], fix=fix)
        return
    if any(_leads_to_ws(line) for name in ("proxypass", "rewriterule") for line in block.scope.every(name)):
        return
    gate = block.pass_directive
    edits: tuple[Edit, ...] = ()
    if upgrade is not None and upgrade.at is None:
        # upgrade=websocket is there, and has no effect: measured on 2.4.71.
        fix = replace(
            APACHE_FIX,
            change=f"# move this line in front of the one that made the worker:\n{gate.whole}",
            note="both lines then share a worker that upgrades; plain requests are not affected",
        )
        message = f"WebSocket cannot pass here: upgrade=websocket is {upgrade.source}"
        yield block.finding(culprit, Level.ERROR, message, fix=fix)
        return
    if gate.name == "proxypass":
        line = " ".join([gate.word, *map(str, gate.args), "upgrade=websocket"])
        edits = (edit(Action.REPLACE, gate, line),)
    yield block.finding(
        culprit,
        Level.NOTE,
        "WebSocket cannot pass here: no upgrade=websocket, and no ws:// address beside it",
        fix=APACHE_FIX,
        edits=edits,
    )


def _leads_to_ws(line: Directive) -> bool:
    return any(arg.lower().startswith(("ws://", "wss://")) for arg in line.args)


def lighttpd_findings(block: Block, culprit: Culprit) -> Iterator[Finding]:
    """mod_proxy drops Upgrade unless a setting passes it on."""
    if block.server is not Server.LIGHTTPD or block.via != "http" or lighttpd.upgrades(block):
        return
    old = block.scope.nearest("proxy.header")
    yield block.finding(
        culprit,
        Level.NOTE,
        'WebSocket cannot pass this block: proxy.header has no "upgrade" => "enable"',
        fix=LIGHTTPD_FIX,
        edits=() if old else block.edit(None, LIGHTTPD_FIX.change),
    )


def varnish_findings(block: Block, culprit: Culprit) -> Iterator[Finding]:
    """VCL that pipes nothing treats an upgrade as a plain request."""
    if block.server is not Server.VARNISH or varnish.returns(block, "pipe"):
        return
    message = "WebSocket cannot pass: no rule in this file pipes a request"
    yield block.finding(culprit, Level.NOTE, message, fix=VARNISH_FIX)


def envoy_findings(block: Block, culprit: Culprit) -> Iterator[Finding]:
    """Envoy refuses an upgrade with status 403 unless upgrade_configs names it. Measured on 1.40.0."""
    if block.server is not Server.ENVOY:
        return
    place = envoy.place_of(block)
    if place.manager.whole and place.upgrade is None:
        message = "WebSocket cannot pass here: no upgrade_configs names websocket"
        yield block.finding(culprit, Level.NOTE, message, fix=ENVOY_FIX)


def squid_findings(block: Block, culprit: Culprit) -> Iterator[Finding]:
    """A note: Squid drops Upgrade unless a line names the protocol, since 5.0."""
    if block.server is not Server.SQUID:
        return
    for line in block.insert_scope.own("http_upgrade_request_protocols"):
        # The names of protocols are compared as written; OTHER stands for those that no line names.
        if line.args[:1] in (("websocket",), ("OTHER",)) and line.args[1:2] == ("allow",):
            return
    fix = "http_upgrade_request_protocols websocket allow all"
    yield block.finding(
        culprit,
        Level.NOTE,
        "WebSocket cannot pass: Squid drops the header Upgrade of requests, unless "
        "http_upgrade_request_protocols allows it",
        fix=Fix(where="squid.conf", change=fix, by=Owner.SERVER, note="since Squid 5.0"),
        edits=block.edit(None, fix),
    )
