"""Apache mod_proxy_fcgi without flushpackets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits import x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport

CULPRIT = Culprit(
    id="apache-proxy-fcgi",
    title="Apache mod_proxy_fcgi keeps the response until 4096 bytes are there or the app is done",
    why=(
        "mod_proxy_fcgi hands what it reads to the output filters without asking them to flush, unless its "
        "worker has flushpackets=on. flushpackets=auto flushes only when nothing more comes for flushwait "
        "(10 ms): at 5 ms a piece it did not help."
    ),
    symptoms=(
        "Blocks of 4096 bytes (3968 at 128 bytes a record); short streams arrive whole at their end. "
        "X-Accel-Buffering arrives at the reader and changes nothing."
    ),
    fixes=(
        Fix(
            where="Apache, the ProxyPass line",
            change='ProxyPass "/" "fcgi://127.0.0.1:9000/" flushpackets=on',
            caution=(
                "one more write for each record of the app; the first line that names an address makes its "
                "worker, and parameters on later ones are ignored"
            ),
        ),
        Fix(
            where='Apache, beside a SetHandler "proxy:fcgi://..."',
            change='<Proxy "fcgi://localhost">\n    ProxySet flushpackets=on\n</Proxy>',
            caution="the address as in the handler, behind the | where it names a socket",
        ),
    ),
    references=("https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass",),
)


# 3968 at 128-byte records; whole records that make 4096 bytes or more, with a kilobyte each up to 5,700.
LEAST_BYTES, MOST_BYTES = 3900, 5700


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """About 4096 bytes at a time from a FastCGI app, and no nginx that would have taken the hint."""
    origin = seen.request_at_app(transport)
    size = seen.size_bytes(transport)
    if (
        not x_accel.passed_through(seen, transport)
        or origin is None
        or not origin.gateway
        or seen.has_content_length(transport)
    ):
        return None
    if size is None or not LEAST_BYTES <= size <= MOST_BYTES:
        return None
    gateway = Evidence(f"{transport}: the app was asked through a gateway ({origin.gateway})")
    return Detection(CULPRIT, Confidence.LIKELY, (*x_accel.passed_through_evidence(seen, transport), gateway))


def lint(block: Block) -> Iterator[Finding]:
    """Off by default, so a worker without a line is guilty too."""
    if block.server is not Server.APACHE or block.via != "fastcgi":
        return
    value = block.params.get("flushpackets")
    chosen = value.first.lower() if value else ""
    if chosen == "on":
        return
    if value is not None and chosen == "auto":
        message = f"{block.say(value)}: pieces less than 10 ms apart wait for 4096 bytes"
    else:
        message = (
            "flushpackets is off (Apache's default): the response is passed on in pieces of 4096 bytes, a "
            "shorter stream whole at its end"
        )
        if value is not None and value.at is None:
            message += f"; the parameter is {value.source}"
    yield block.finding(
        CULPRIT,
        Level.WARNING if chosen == "auto" else Level.ERROR,
        message,
        value=value,
        at=block.gate,
        fix=CULPRIT.fixes[1 if block.gate.name == "sethandler" else 0],
        edits=_edits(block),
        override="the app cannot free it by itself: X-Accel-Buffering means nothing to Apache",
    )


def _edits(block: Block) -> tuple[Edit, ...]:
    """A parameter on the line that makes the worker, or a <Proxy> section beside the handler."""
    value = block.params.get("flushpackets")
    if value is not None and value.at is not block.gate:
        return ()  # another line made the worker: that one is to be changed, and has a Finding itself
    gate = block.gate
    if gate.name in ("proxypass", "proxypassmatch", "balancermember"):
        kept = [arg for arg in gate.args if not arg.lower().startswith(("flushpackets=", "flushwait="))]
        line = " ".join([gate.word, *map(_quoted, kept), "flushpackets=on"])
        return (edit(Action.REPLACE, gate, line),)
    address = re.search(r"fcgi://[^/\s\"]+", " ".join(gate.args))
    section = None
    for scope in block.home.chain():
        if scope.directive is None or scope.directive.name == "virtualhost":
            break
        section = scope.directive
    if gate.name != "sethandler" or address is None or section is None:
        return ()
    lines = (f'<Proxy "{address[0]}">', "    ProxySet flushpackets=on", "</Proxy>")
    return (Edit(Action.BEFORE, section.file, section.line, section.end_line, f"<{section.word}", lines),)


def _quoted(arg: str) -> str:
    """An argument as Apache would read it again."""
    return arg if re.fullmatch(r"[^\s\"'\\]+", arg) else '"' + arg.replace('"', '\\"') + '"'
