"""Which nginx blocks pass to an app."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Block, Config, Directive, Scope, ellipsize

INCLUDES = ("include",)
# Blocks whose includes are not read: stream { } and mail { } pass bytes and buffer no response, the others
# hold no directives of their own.
OPAQUE_BLOCKS = ("map", "geo", "types", "split_clients", "charset_map", "stream", "mail", "events")

# Directives that pass to an app, and how. grpc_pass and memcached_pass carry none of these transports.
PASS_DIRECTIVES = {
    "proxy_pass": "http",
    "fastcgi_pass": "fastcgi",
    "uwsgi_pass": "uwsgi",
    "scgi_pass": "scgi",
    "passenger_enabled": "passenger",
}

# Blocks in which a pass may stand.
_CONTAINERS = frozenset({"http", "server", "location", "if", "limit_except"})
_INSIDE_LOCATION = ("if", "limit_except")  # with the location's settings
# An `if` inherits the pass. It is a Block of its own only if it changes one of these.
_CHANGES = ("gzip", "limit_rate")

# Endings of files: no streams, whichever program serves them.
_FILES = frozenset(
    {
        *("avif", "bmp", "css", "eot", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "otf", "pdf", "png"),
        *("svg", "svgz", "ttf", "webp", "woff", "woff2", "zip", "gz", "tgz", "mp3", "mp4", "ogg", "webm"),
    }
)
_ENDINGS = re.compile(r"\\\.\(?(?:\?:)?([\w|?]+)\)?\$")  # \.(js|css)$

# Shipped with nginx or by Debian: lists of parameters and types, nothing that buffers. A pasted file that
# includes them is not less certain for it.
_HARMLESS_INCLUDES = frozenset(
    {
        *("fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params", "proxy_params", "mime.types"),
        *("fastcgi-php.conf", "koi-win", "koi-utf", "win-utf"),
        *("options-ssl-nginx.conf", "snakeoil.conf"),  # of certbot, of Debian
    }
)


def passing_blocks(config: Config) -> Iterator[Block]:
    """Every block that passes to an app, in the order of the file, except those that carry no stream."""
    subrequests = _subrequests(config.directives)
    for block in _walk(Scope(None, config.directives), config):
        if not _carries_no_stream(block.insert_scope.directive, subrequests):
            yield block


def _subrequests(directives: Iterable[Directive]) -> frozenset[str]:
    """The addresses of auth_request and mirror: nginx drops their responses."""
    addresses = set()
    pending = [iter(directives)]
    while pending:
        for directive in pending.pop():
            if directive.name in ("auth_request", "mirror") and directive.args:
                addresses.add(directive.args[0])
            elif directive.block is not None and directive.name in _CONTAINERS:
                pending.append(iter(directive.block))
    return frozenset(addresses)


def _carries_no_stream(location: Directive | None, subrequests: frozenset[str]) -> bool:
    """Whether a location is for subrequests, or by its pattern for files alone."""
    if location is None or location.name != "location" or not location.args:
        return False
    pattern = location.args[-1]
    if pattern in subrequests:
        return True
    if location.args[0] == "=":
        return pattern == "/robots.txt" or pattern.rpartition(".")[2] in _FILES
    match = _ENDINGS.search(pattern) if location.args[0] in ("~", "~*") else None
    return match is not None and all(ending.replace("?", "") in _FILES for ending in match[1].split("|"))


def _walk(scope: Scope, config: Config) -> Iterator[Block]:
    pass_directive = _pass_directive(scope)
    if pass_directive is not None:
        location = _location(scope)
        yield Block(
            server=config.server,
            scope=scope,
            pass_directive=pass_directive,
            via=PASS_DIRECTIVES[pass_directive.name],
            name=_name(scope),
            version=config.version,
            insert_scope=location,
            insert_before=_insert_before(location, pass_directive),
            unread_includes=_unread_includes(scope),
        )
    for child in scope.children:
        if child.block is not None and child.name in _CONTAINERS:
            yield from _walk(Scope(child, child.block, scope), config)


def _unread_includes(scope: Scope) -> tuple[Directive, ...]:
    """Those that may change what is in force; outside of http { } there are only modules and processes."""
    levels = [level.directive.name if level.directive else "" for level in scope.chain()]
    outside = scope.outermost.own("include") if "http" in levels else ()
    return tuple(
        line
        for line in scope.unread_includes(INCLUDES)
        if not any(arg.rpartition("/")[2] in _HARMLESS_INCLUDES for arg in line.args)
        and not any(line is other for other in outside)
    )


def _pass_directive(scope: Scope) -> Directive | None:
    for name in PASS_DIRECTIVES:
        for directive in scope.own(name):  # of two, nginx says "is duplicate" and does not start
            if _passes(directive):
                return directive
    inherits = scope.directive is not None and scope.directive.name in _INSIDE_LOCATION
    if inherits and scope.parent is not None and any(scope.own(name) for name in _CHANGES):
        return _pass_directive(scope.parent)
    return None


def _passes(directive: Directive) -> bool:
    if not directive.args:
        return False
    first = directive.args[0]
    if directive.name == "passenger_enabled":
        return first == "on"
    # An address without a scheme belongs to stream { }; its included files may be checked on their own.
    return directive.name != "proxy_pass" or "://" in first or first.startswith("$") or is_marked(first)


def _location(scope: Scope) -> Scope:
    """The location around an `if`, where proxy_buffering and most other directives must stand."""
    while (
        scope.parent is not None and scope.directive is not None and scope.directive.name in _INSIDE_LOCATION
    ):
        scope = scope.parent
    return scope


def _insert_before(location: Scope, pass_directive: Directive) -> Directive:
    """One place for all new lines of a location, so that its `if` blocks do not add them twice."""
    if any(pass_directive is own for own in location.own(pass_directive.name)):
        return pass_directive
    own_pass = next((own for name in PASS_DIRECTIVES for own in location.own(name)), None)
    inner = (child for child in location.children if child.name in _INSIDE_LOCATION)
    return own_pass or next(inner)  # the pass stands in one of them


def _name(scope: Scope) -> str:
    """For example "location /stream"; an `if` is named with the location around it."""
    directive = scope.directive
    if directive is None:
        return "top of the file"
    own = ellipsize(directive.text)
    if directive.name in _INSIDE_LOCATION and scope.parent is not None and scope.parent.directive:
        return f"{_name(scope.parent)}, {own}"
    return own
