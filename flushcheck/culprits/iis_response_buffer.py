"""IIS `responseBufferLimit`: of a handler for FastCGI, and of Application Request Routing."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import iis
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

FASTCGI_FIX = Fix(
    where="web.config or applicationHost.config, the handler of FastCGI",
    change='<add ... modules="FastCgiModule" responseBufferLimit="0" />',
    by=Owner.SERVER,
    server=Server.IIS,
    cost="one more write for each flush of the app",
)
ARR_FIX = Fix(
    where="applicationHost.config, system.webServer",
    change='<proxy enabled="true" responseBufferLimit="0" />',
    by=Owner.SERVER,
    server=Server.IIS,
    place=Place.FILE,
    cost="ARR caches no response",
    note="appcmd set config -section:system.webServer/proxy /responseBufferLimit:0 /commit:apphost",
)

CULPRIT = Culprit(
    id="iis-response-buffer",
    title="IIS collects the response before it sends it (responseBufferLimit)",
    why=(
        "A handler of FastCGI keeps up to responseBufferLimit bytes, 4194304 by default, before it sends "
        "what the app has written. Application Request Routing keeps a response until its threshold is "
        "reached. From Microsoft's and PHP's documentation; not measured."
    ),
    symptoms="The stream arrives at its end.",
    detection="From outside it looks like any other hop that stores the response first.",
    fixes=(FASTCGI_FIX, ARR_FIX),
    references=(
        "https://learn.microsoft.com/en-us/previous-versions/iis/dev/ms694003(v=vs.90)",
        "https://technet.microsoft.com/en-us/library/dd443533(v=ws.10).aspx",
        "https://www.php.net/flush",
    ),
    looks_like=("http-hop", "buffering-hop"),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD),),
)

SERVERS = (Server.IIS,)


def lint(block: Block) -> Iterator[Finding]:
    """4 MB by default, so silence counts. A warning: it is from documentation."""
    if block.via == "fastcgi":
        limit = iis.attribute(block.pass_directive, "responseBufferLimit")
        if limit == "0":
            return
        setting = f"responseBufferLimit {limit}" if limit else "responseBufferLimit 4194304 (IIS's default)"
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"{setting}: by documentation FastCgiModule collects so many bytes before it sends any",
            at=block.pass_directive,
            fix=FASTCGI_FIX,
            override=NO_OVERRIDE,
        )
    if block.via == "arr":
        proxy = iis.arr_buffer(block)
        if proxy is not None and iis.attribute(proxy, "responseBufferLimit") == "0":
            return
        setting = f" ({proxy.text}, line {proxy.line})" if proxy else ", unless applicationHost.config sets 0"
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            "by documentation Application Request Routing keeps a response until a threshold is reached, by "
            f"responseBufferLimit of proxy{setting}",
            at=proxy or block.pass_directive,
            fix=ARR_FIX,
            override=NO_OVERRIDE,
        )
