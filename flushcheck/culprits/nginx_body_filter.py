"""nginx with a body filter that collects: njs, xslt, the substitutions module."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Directive
from flushcheck.culprits import nginx_blocks
from flushcheck.culprits.lint_common import NO_OVERRIDE, STREAM_TYPES
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

JS_FIX = Fix(
    where="nginx, the location block with js_body_filter",
    change="proxy_buffering off;",
    by=Owner.SERVER,
    server=Server.NGINX,
    place=Place.ADDRESS,
    cost="a slow reader keeps the connection to the app busy for as long as it reads",
    note="the function must pass each chunk on: r.sendBuffer(data, flags)",
)
SUBS_FIX = Fix(
    where="nginx, the location block with subs_filter",
    change="# leave the types of streams out of subs_filter_types",
    by=Owner.SERVER,
    server=Server.NGINX,
    cost="nothing is replaced in streams",
)
XSLT_FIX = Fix(
    where="nginx, the location block with xslt_stylesheet",
    change="# leave the types of streams out of xslt_types",
    by=Owner.SERVER,
    server=Server.NGINX,
    cost="streams are not transformed",
)

CULPRIT = Culprit(
    id="nginx-body-filter",
    title="a body filter of nginx collects the response (js_body_filter, subs_filter, xslt_stylesheet)",
    why=(
        "A body filter gets what the app sends before the reader does. While proxy_buffering is on, nginx "
        "does not flush what a js_body_filter passes on, even if its function does so for each chunk. "
        "subs_filter keeps a line until it ends. xslt_stylesheet needs the whole document, and refuses text "
        "that is no XML. Measured on Debian's nginx 1.22.1, njs 0.7.9 and the substitutions module 0.6.4. "
        "Lua code, sub_filter and addition passed each chunk on there; what a script collects, no rule can "
        "tell."
    ),
    symptoms="The stream arrives at its end or in blocks, or a piece waits for the end of its line.",
    detection=(
        "From outside it looks like nginx's own buffers, or like any hop that stores the response first; "
        "only the configuration names the filter."
    ),
    fixes=(JS_FIX, SUBS_FIX, XSLT_FIX),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_js_module.html#js_body_filter",
        "https://nginx.org/en/docs/http/ngx_http_xslt_module.html#xslt_types",
        "https://github.com/yaoweibin/ngx_http_substitutions_filter_module",
    ),
    looks_like=("nginx-proxy-buffering", "http-hop"),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD),),
    measured_on=("nginx 1.22.1",),
)

SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """Where the filter is in force, and for the types of streams."""
    script = _line(block, "js_body_filter")
    if script is not None and nginx.prefix(block) and nginx.buffering(block).first != "off":
        value = nginx.buffering(block)
        yield block.finding(
            CULPRIT,
            Level.ERROR,
            f"{block.say(value)} beside {script.text} (line {script.line}): nginx does not flush what the "
            "function passes on; it arrives when a buffer is full, or at the end",
            value=value,
            at=script,
            fix=JS_FIX,
            edits=block.edit(value.at, f"{value.name} off;"),
            override=nginx_blocks.override(block),
        )
    subs = _line(block, "subs_filter")
    if subs is not None and (kind := _stream_type(block, "subs_filter_types")):
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"{subs.text} (line {subs.line}) looks for its text in {kind}: nginx keeps each line until it "
            "ends, so a piece without a line end waits",
            at=subs,
            fix=SUBS_FIX,
            override=NO_OVERRIDE,
        )
    sheet = _line(block, "xslt_stylesheet")
    if sheet is not None and (kind := _stream_type(block, "xslt_types")):
        yield block.finding(
            CULPRIT,
            Level.ERROR,
            f"{sheet.text} (line {sheet.line}) transforms {kind}: nginx needs the whole document first, and "
            "responds with status 500 to what is no XML",
            at=sheet,
            fix=XSLT_FIX,
            override=NO_OVERRIDE,
        )


def _line(block: Block, name: str) -> Directive | None:
    """The first line of this filter that is in force; None without one."""
    return next(iter(block.scope.nearest(name)), None)


def _stream_type(block: Block, name: str) -> str:
    """The first type of a stream that this filter works on; "" if it works on others alone."""
    types = block.value(name, "").args
    return next((kind for kind in types if kind in STREAM_TYPES or kind == "*"), "")
