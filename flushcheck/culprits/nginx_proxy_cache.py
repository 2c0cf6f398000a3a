"""nginx `proxy_cache` and its like: a stream played back."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Value
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

CULPRIT = Culprit(
    id="nginx-proxy-cache",
    title="nginx serves an old stream from its cache, all at once",
    why=(
        "A cache stores the response to the first reader and serves it to the next one that requests the "
        "same address: whole, at once, and with the old text."
    ),
    symptoms=(
        "The first request streams. The second one for the same address gets everything in one read, with "
        "the send times of the first. A new query string brings a new stream."
    ),
    detection="From outside it looks like any other cache (response-cache); only the configuration names it.",
    fixes=(
        Fix(
            where="nginx, the location block of the stream",
            change="proxy_cache off;",
            by=Owner.SERVER,
            server=Server.NGINX,
            place=Place.ADDRESS,
            per_gateway=True,
            cost="nothing in this block is cached any more",
        ),
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-store",
            by=Owner.APP,
            note="has no effect where proxy_ignore_headers lists Cache-Control",
            response_header=True,
        ),
        Fix(
            where="the page",
            change="request a new address each time, for example ?nonce=<random>",
            by=Owner.CLIENT,
            cost="the cache fills with streams that are never requested again",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache",),
    looks_like=("response-cache",),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.REPLAYED), Symptom(Flow.HELD)),
    measured_on=("nginx 1.22.1",),
)


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """A cache in force; how much it stores depends on what sets the lifetime of a response."""
    prefix = nginx.prefix(block)
    if not prefix or nginx.buffering(block).first == "off":
        return
    value = block.value(f"{prefix}_cache", "off")
    if value.first == "off":
        return
    ignored = nginx.ignored(block, "cache-control")
    stored_anyway = any(_stores_ok(line.args) for line in block.scope.nearest(f"{prefix}_cache_valid"))
    chosen = block.scope.nearest(f"{prefix}_no_cache")
    yield block.finding(
        CULPRIT,
        Level.WARNING if stored_anyway and not chosen else Level.NOTE,
        _message(value, block.where(value), stored_anyway, bool(chosen), ignored is not None, prefix),
        value=value,
        edits=block.edit(value.at, f"{prefix}_cache off;"),
        override=(
            f"the app cannot prevent it with Cache-Control: {ignored.place} ignores that header"
            if ignored
            else "the app can prevent it for each response with the header Cache-Control: no-store"
        ),
    )


def _stores_ok(args: tuple[str, ...]) -> bool:
    """Whether a line of proxy_cache_valid concerns ordinary responses: 200, any, or no code at all."""
    return len(args) == 1 or bool({"200", "any"} & set(args[:-1]))


def _message(value: Value, where: str, stored_anyway: bool, chosen: bool, ignored: bool, prefix: str) -> str:
    which = "every response" if stored_anyway else "each response that states its lifetime"
    unless = "" if ignored else " unless the app forbids it"
    but = f", where {prefix}_no_cache allows it" if chosen else ""
    return (
        f"{value.text} ({where}) stores {which}{unless}{but}: the next request for the same "
        "address gets the old stream, all at once"
    )
