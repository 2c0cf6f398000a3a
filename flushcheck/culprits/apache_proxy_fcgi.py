"""Apache mod_proxy_fcgi without flushpackets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Action, Edit, Finding, Level, Reader, Server, level_for
from flushcheck.configs.tree import Block, edit, readers, tls_http1_readers
from flushcheck.culprits import own_stream, x_accel
from flushcheck.culprits.evidence import gateway_evidence, hold_evidence
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Symptom,
    Transport,
)

PASS_FIX = Fix(
    where="Apache, the ProxyPass line",
    change='ProxyPass "/" "fcgi://127.0.0.1:9000/" flushpackets=on',
    by=Owner.SERVER,
    server=Server.APACHE,
    place=Place.SITE,
    cost="one more write for each record of the app",
    note=(
        "the first line that names an address sets the parameters; those on later lines are ignored; where "
        "SetHandler passes to the app, no ProxyPass belongs there"
    ),
)
HANDLER_FIX = Fix(
    where='Apache, beside a SetHandler "proxy:fcgi://..."',
    change='<Proxy "fcgi://localhost">\n    ProxySet flushpackets=on\n</Proxy>',
    by=Owner.SERVER,
    server=Server.APACHE,
    place=Place.SITE,
    cost="one more write for each record of the app",
    note="write the address as in the handler; for a socket, the part behind the |",
)

CULPRIT = Culprit(
    id="apache-proxy-fcgi",
    title="Apache mod_proxy_fcgi holds the response until it has 4096 bytes or the app has finished",
    why=(
        "mod_proxy_fcgi does not flush the output filters after a read, unless its worker has "
        "flushpackets=on. For an HTTP/1.1 client over TLS, mod_ssl then collects 8192 bytes; over HTTP/2 the "
        "same stream flows. flushpackets=auto flushes only when no data arrives for flushwait (10 ms): with "
        "a piece every 5 ms it did not help."
    ),
    symptoms=(
        "Blocks of 4096 bytes (3968 at 128 bytes a record); short streams arrive whole at their end. "
        "X-Accel-Buffering reaches the reader and changes nothing."
    ),
    detection=(
        "Blocks of about 4096 bytes from a FastCGI app; X-Accel-Buffering: no reaches the reader, so no "
        "nginx is the cause."
    ),
    fixes=(PASS_FIX, HANDLER_FIX),
    references=("https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass",),
    shows=(Symptom(Flow.BLOCKS, block_bytes=4096), Symptom(Flow.HELD)),
    measured_on=("Apache 2.4.71",),
)


# 3968 at 128-byte records; whole records that make 4096 bytes or more, with a kilobyte each up to 5,700.
MIN_BYTES, MAX_BYTES = 3900, 5700
BUFFER_BYTES = 4096

CORE_BYTES = 4096  # what Apache's core collects without TLS
MOD_SSL_BYTES = 8192  # what mod_ssl collects before it encrypts (2.4.71), unless it is told to flush


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """About 4096 bytes at a time from a FastCGI app, and no nginx that would have removed the header.

    Behind TLS mod_ssl collects what mod_proxy_fcgi passes on without a flush: there its buffer shows.
    """
    if seen.is_own(transport):
        return _detect_own(seen, transport)
    request = x_accel.gateway_behind(seen, transport)
    if request is None:
        return None
    size, encrypted = seen.size_bytes(transport), seen.record_buffer_bytes(transport)
    if encrypted != MOD_SSL_BYTES and not (size is not None and MIN_BYTES <= size <= MAX_BYTES):
        return None
    evidence = [*x_accel.passed_through_evidence(seen, transport), gateway_evidence(transport, request)]
    if encrypted == MOD_SSL_BYTES:
        evidence.append(
            Evidence(
                f"{transport}: the TLS records of longer streams hold {encrypted} bytes each, the buffer of "
                "Apache's mod_ssl"
            )
        )
    return Detection(CULPRIT, Confidence.LIKELY, tuple(evidence))


def _detect_own(seen: Observations, transport: Transport) -> Detection | None:
    """Whole records whenever 4096 bytes are full, or mod_ssl's buffer, from a server called Apache.

    mod_proxy_http flushes; and it passes on the app's Server, so that this name means FastCGI. PHP's flush()
    lets its own buffer go in the same way: an app that names PHP leaves both possible.
    """
    if not own_stream.serves(seen, transport, own_stream.APACHE) or not own_stream.without_compressor(
        seen, transport
    ):
        return None
    over_http2 = own_stream.flows_over_http2(seen, transport)
    if own_stream.fills_whole_records(seen, transport, BUFFER_BYTES):
        words = f"whole records are sent whenever {BUFFER_BYTES} bytes are full, as mod_proxy_fcgi does"
    elif seen.record_buffer_bytes(transport) == MOD_SSL_BYTES:
        words = f"the TLS records hold {MOD_SSL_BYTES} bytes each, the buffer of Apache's mod_ssl"
    elif over_http2:
        words = "over HTTP/2 it flows; over HTTP/1.1 Apache's mod_ssl collects what is not flushed"
    else:
        return None
    sure = Confidence.POSSIBLE if own_stream.is_php(seen, transport) and not over_http2 else Confidence.LIKELY
    facts = (
        hold_evidence(seen, transport),
        Evidence(f"{transport}: {words}"),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, sure, facts)


SERVERS = (Server.APACHE,)


def lint(block: Block) -> Iterator[Finding]:
    """Off by default, so a worker without a line is guilty too."""
    if block.via != "fastcgi":
        return
    value = block.params.get("flushpackets")
    chosen = value.first.lower() if value else None
    if chosen == "on" or _flushed_by_core(block):
        return
    met_by, buffer = held_readers(block)
    if value is not None and chosen == "auto":
        message = f"{block.say(value)}: pieces less than 10 ms apart wait until {buffer} is full"
    else:
        message = (
            f"flushpackets is off (Apache's default): Apache sends data only when {buffer} is "
            "full; a shorter response arrives when it ends"
        )
        if value is not None and value.at is None:
            message += f"; the parameter is {value.source}"
    yield block.finding(
        CULPRIT,
        Level.WARNING if chosen == "auto" else level_for(met_by),
        message,
        value=value,
        at=block.pass_directive,
        fix=HANDLER_FIX if block.pass_directive.name == "sethandler" else PASS_FIX,
        edits=parameter_edits(block),
        override=f"{NO_OVERRIDE}: Apache ignores X-Accel-Buffering",
        readers=met_by,
    )


def _flushed_by_core(block: Block) -> bool:
    """Whether Apache's core writes each piece: FlushMaxThreshold 1, measured on 2.4.71 without TLS.

    With TLS mod_ssl collects in front of it.
    """
    tls = any(listener.tls for listener in block.listeners)
    return block.value("FlushMaxThreshold", "65535").first == "1" and not tls


def held_readers(block: Block) -> tuple[tuple[Reader, ...], str]:
    """Who meets what Apache passes on without a flush, and the buffer that it waits in: measured on 2.4.71.

    Over HTTP/2 mod_http2 takes each piece at once.
    """
    plain = tuple(reader for reader in readers(block.listeners) if reader is Reader.PLAIN)
    met_by = (*plain, *tls_http1_readers(block.listeners))
    if not block.listeners or plain:
        return met_by, f"a buffer of {CORE_BYTES} bytes"
    http2 = "" if Reader.BROWSER in met_by else "; over HTTP/2 browsers get each piece at once"
    return met_by, f"a buffer of {MOD_SSL_BYTES} bytes (mod_ssl, for HTTP/1.1 clients over TLS{http2})"


def parameter_edits(block: Block) -> tuple[Edit, ...]:
    """A parameter on the line that makes the worker, or a <Proxy> section beside the handler."""
    value = block.params.get("flushpackets")
    if value is not None and value.at is not block.pass_directive:
        return ()  # another line made the worker: it has a Finding of its own
    gate = block.pass_directive
    if gate.name in ("proxypass", "proxypassmatch", "balancermember"):
        kept = [arg for arg in gate.args if not arg.lower().startswith(("flushpackets=", "flushwait="))]
        line = " ".join([gate.word, *map(_quoted, kept), "flushpackets=on"])
        return (edit(Action.REPLACE, gate, line),)
    address = re.search(r"(?:fcgi|ajp)://[^/\s\"]+", gate.whole)
    section = None
    for scope in block.insert_scope.chain():
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
