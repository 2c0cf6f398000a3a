"""nginx `proxy_cache` and its like: a stream played back."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, Value
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Detection, Fix, Transport

CULPRIT = Culprit(
    id="nginx-proxy-cache",
    title="nginx answers a repeated address from its cache: an old stream, all at once",
    why=(
        "A cache keeps the response of the first reader and gives it to the next one who asks for the same "
        "address: whole, at once, and with the text of then."
    ),
    symptoms=(
        "The first request streams, the second one with the same address brings everything in one read, "
        "with the send offsets of the first. A fresh query string brings a fresh stream."
    ),
    fixes=(
        Fix(
            where="nginx, the location block of the stream",
            change="proxy_cache off;",
            caution=(
                "nothing in this block is cached any more (fastcgi_cache, uwsgi_cache or scgi_cache where "
                "those pass)"
            ),
        ),
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-store",
            caution="has no effect where proxy_ignore_headers names Cache-Control",
        ),
        Fix(
            where="the page",
            change="ask for an address of its own each time, for example ?nonce=<random>",
            caution="fills the cache with streams that nobody asks for again",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """No run tells it apart yet; a configuration file does."""
    return None


SERVERS = (Server.NGINX,)


def lint(block: Block) -> Iterator[Finding]:
    """A cache in force; how much it takes depends on who says how long a response may be kept."""
    prefix = nginx.prefix(block)
    if not prefix or nginx.buffering(block).first == "off":
        return
    value = block.value(f"{prefix}_cache", "off")
    if value.first == "off":
        return
    deaf = nginx.ignored(block, "cache-control")
    kept_anyway = any(_keeps_ok(line.args) for line in block.scope.nearest(f"{prefix}_cache_valid"))
    chosen = block.scope.nearest(f"{prefix}_no_cache")
    yield block.finding(
        CULPRIT,
        Level.WARNING if kept_anyway and not chosen else Level.NOTE,
        _message(value, block.where(value), kept_anyway, bool(chosen), deaf is not None, prefix),
        value=value,
        edits=block.edit(value.at, f"{prefix}_cache off;"),
        override=(
            f"the app cannot prevent it with Cache-Control: {deaf.place} ignores that"
            if deaf
            else "the app can prevent it for each response with Cache-Control: no-store"
        ),
    )


def _keeps_ok(args: tuple[str, ...]) -> bool:
    """Whether a line of proxy_cache_valid concerns ordinary answers: 200, any, or no code at all."""
    return len(args) == 1 or bool({"200", "any"} & set(args[:-1]))


def _message(value: Value, where: str, kept_anyway: bool, chosen: bool, deaf: bool, prefix: str) -> str:
    who = "any response" if kept_anyway else "a response that says how long it may be kept"
    unless = "" if deaf else " unless the app forbids it"
    but = f", as far as {prefix}_no_cache lets it" if chosen else ""
    return (
        f"{value.text} ({where}) keeps {who}{unless}{but}: it is collected, and who asks for the "
        "same address again gets the old stream, all at once"
    )
