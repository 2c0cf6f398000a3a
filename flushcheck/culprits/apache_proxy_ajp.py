"""Apache mod_proxy_ajp without flushpackets."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits import apache_proxy_fcgi
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

CULPRIT = Culprit(
    id="apache-proxy-ajp",
    title="Apache mod_proxy_ajp holds the response unless the app server tells it to flush",
    why=(
        "mod_proxy_ajp passes what it reads on without a flush, unless its worker has flushpackets=on or the "
        "app server sends the empty packet that means flush. Tomcat sends it when the app calls flush() on "
        "its response. What is not flushed waits until Apache's core has 4096 bytes, over TLS until mod_ssl "
        "has 8192; over HTTP/2 it flows. Measured on 2.4.71 with AJP servers that flush and that do "
        "not."
    ),
    symptoms=(
        "As apache-proxy-fcgi: blocks, and a short stream arrives whole at its end. An app that calls "
        "flush() after each piece streams."
    ),
    detection=(
        "From outside it looks like any other hop that fills a buffer; only the configuration names it."
    ),
    fixes=(
        Fix(
            where="Apache, the ProxyPass line",
            change='ProxyPass "/" "ajp://127.0.0.1:8009/" flushpackets=on',
            by=Owner.SERVER,
            server=Server.APACHE,
            place=Place.SITE,
            cost="one more write for each packet of the app server",
            note="the first line that names an address sets the parameters; those on later lines are ignored",
        ),
        Fix(
            where="the app, after each piece",
            change="response.flushBuffer();   // or flush() on its writer",
            by=Owner.APP,
            cost="one more packet for each piece",
        ),
    ),
    references=(
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass",
        "https://tomcat.apache.org/connectors-doc/ajp/ajpv13a.html",
    ),
    looks_like=("apache-proxy-fcgi",),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.BLOCKS, block_bytes=4096), Symptom(Flow.HELD)),
    measured_on=("Apache 2.4.71",),
)


SERVERS = (Server.APACHE,)


def lint(block: Block) -> Iterator[Finding]:
    """Off by default. The app server may flush by itself, so it is a warning."""
    if block.via != "ajp":
        return
    value = block.params.get("flushpackets")
    chosen = value.first.lower() if value else ""
    if chosen == "on":
        return
    met_by, buffer = apache_proxy_fcgi.held_readers(block)
    auto = value is not None and chosen == "auto"
    state = block.say(value) if value is not None and auto else "flushpackets is off (Apache's default)"
    some = "pieces less than 10 ms apart wait" if auto else "each piece waits"
    ignored = f"; the parameter is {value.source}" if value is not None and value.at is None else ""
    yield block.finding(
        CULPRIT,
        Level.WARNING,
        f"{state}: {some} until {buffer} is full, unless the app server sends AJP flush packets, as Tomcat "
        f"does when the app calls flush(){ignored}",
        value=value,
        at=block.pass_directive,
        edits=apache_proxy_fcgi.parameter_edits(block),
        override=f"{NO_OVERRIDE}; it can by a flush after each piece",
        readers=met_by,
    )
