"""A configuration with lines pasted into it, as a person pastes them who reads the text and the comments in it.

A line goes where one stands that sets the same, and takes its place; else it goes into the block that the text
names. What a comment says to remove is removed. Only what the laboratory's cases need is done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from flushcheck.diagnosis.bundles import key
from flushcheck.model import Server

_REMOVE = re.compile(r"# remove (.+) here")
_PASSES = re.compile(r"^\s*(proxy|fastcgi|uwsgi|scgi)_pass\b")


def paste(text: str, change: str, server: Server) -> str:
    """The configuration with the lines of a bundle.

    Raises:
        ValueError: there is no place for them.
    """
    return _SERVERS[server](text.splitlines(), change.splitlines())


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _settings(change: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines to set, and the names to remove. Blocks around them, and comments, are left out."""
    removed = [name for line in change for found in _REMOVE.findall(line) for name in found.split(" and ")]
    lines = [line.strip() for line in change]
    kept = [line for line in lines if line and not line.startswith("#") and not re.search(r"\{$|^\}$", line)]
    return kept, removed


def _without(lines: Sequence[str], names: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.strip().startswith(tuple(names))]


def _set(lines: list[str], setting: str, is_place: Callable[[str], bool]) -> list[str]:
    """The lines with one setting: in place of each that sets the same, or behind the lines of its block."""
    same = [at for at, line in enumerate(lines) if line.strip() and key(line) == key(setting)]
    if same:
        # A setting of several lines goes with its block.
        inside = {
            number
            for at in same
            if lines[at].rstrip().endswith("{")
            for number in range(at + 1, next(n for n in range(at, len(lines)) if lines[n].strip() == "}") + 1)
        }
        return [setting if at in same else line for at, line in enumerate(lines) if at not in inside]
    places = [at for at, line in enumerate(lines) if is_place(line)]
    if not places:
        raise ValueError(f"no place for {setting}")
    return [each for at, line in enumerate(lines) for each in ([line, setting] if at in places else [line])]


def _all_set(lines: Sequence[str], change: Sequence[str], is_place: Callable[[str], bool]) -> str:
    settings, removed = _settings(change)
    out = _without(lines, removed)
    for setting in settings:
        out = _set(out, setting, is_place)
    return _joined(out)


def _nginx(lines: Sequence[str], change: Sequence[str]) -> str:
    """Into the location that the text names, where that passes to an app; else into each that does."""
    whole, change = _apart(change)
    lines = _without(lines, _settings(whole)[1])
    first = next((line for line in lines if line.strip().startswith("listen ")), "")
    for setting in _settings(whole)[0]:
        lines = _set(list(lines), setting, lambda line: line == first)
    if not change:
        return _joined(lines)
    blocks = [block for block in _locations(lines) if any(_PASSES.match(lines[at]) for at in block)]
    named = [block for block in blocks if lines[block.start].strip() == change[0]]
    out = list(lines)
    for block in reversed(named or blocks):
        inner = out[block.start : block.stop]
        settings, removed = _settings(change)
        inner = _without(inner, removed)
        for setting in settings:
            inner = _set(inner, setting, lambda line: bool(_PASSES.match(line)))
        out[block.start : block.stop] = inner
    if not blocks:
        raise ValueError(f"no place for {' '.join(_settings(change)[0])}")
    return _joined(out)


def _apart(change: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines of the server itself, and those of its location."""
    if change[0] != "server {":
        return [], list(change)
    inner = [line.removeprefix("    ") for line in change[1:-1]]
    begin = next((at for at, line in enumerate(inner) if line.startswith("location ")), len(inner))
    return inner[:begin], inner[begin:]


def _locations(lines: Sequence[str]) -> list[range]:
    """The lines of each location, up to its first closing brace."""
    begins = [at for at, line in enumerate(lines) if line.strip().startswith("location ")]
    return [
        range(begin, next(at for at in range(begin, len(lines)) if "}" in lines[at]) + 1) for begin in begins
    ]


def _haproxy(lines: Sequence[str], change: Sequence[str]) -> str:
    return _all_set(lines, change[1:], lambda line: line.strip() == "defaults")


def _caddy(lines: Sequence[str], change: Sequence[str]) -> str:
    """A matcher is defined beside the line that names it, in the same block."""
    settings, removed = _settings(change)
    matchers = [line for line in settings if line.startswith("@")]
    out = _without(lines, removed)
    for setting in settings:
        if setting in matchers:
            continue
        defined = [line for line in matchers if line.split()[0] in setting.split()]
        out = _set(out, setting, lambda line: line.startswith("http://"))
        out = [each for line in out for each in ([*defined, line] if line == setting else [line])]
    return _joined(out)


def _apache(lines: Sequence[str], change: Sequence[str]) -> str:
    """Its sections go to the end of the virtual host; a line outside of them replaces one."""
    begin = next((at for at, line in enumerate(change) if line.startswith("<")), len(change))
    settings, removed = _settings(change[:begin])
    out = _without(lines, removed)
    for setting in settings:
        out = _set(out, setting, lambda line: line.startswith("<VirtualHost"))
    end = max(at for at, line in enumerate(out) if line.startswith("</VirtualHost"))
    return _joined([*out[:end], *change[begin:], *out[end:]])


def _at_the_end(lines: Sequence[str], change: Sequence[str]) -> str:
    return _joined([*lines, *change])


def _varnish(lines: Sequence[str], change: Sequence[str]) -> str:
    first = next((at for at, line in enumerate(lines) if line.startswith("sub ")), len(lines))
    behind = next((at for at, line in enumerate(change) if line.startswith("# behind ")), len(change))
    return _joined([*lines[:first], *change[:behind], *lines[first:], *change[behind:]])


def _envoy(lines: Sequence[str], change: Sequence[str]) -> str:
    """Into each connection manager, and in front of the other routes of each virtual host."""
    begin = next((at for at, line in enumerate(change) if line.startswith("# routes ")), len(change))
    manager = [line for line in change[:begin] if not line.startswith("#")]
    out = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip() and key(line) in map(key, manager):
            continue
        out.append(line)
        if line.strip().startswith("stat_prefix:"):
            out += [f"{indent}{each}" for each in manager]
        if line.strip() == "routes:":
            out += [f"{indent}{each}" for each in change[begin + 1 :]]
    return _joined(out)


def _traefik(lines: Sequence[str], change: Sequence[str]) -> str:
    """Beside the other routers."""
    at = lines.index(change[1])
    return _joined([*lines[: at + 1], *change[2:], *lines[at + 1 :]])


def _uwsgi(lines: Sequence[str], change: Sequence[str]) -> str:
    """Routing rules in front of the others, for their order counts."""
    settings = [line for line in change[1:] if not line.startswith(";")]
    routes = [line for line in settings if line.startswith("route")]
    first = next((at for at, line in enumerate(lines) if line.startswith("route")), len(lines))
    out = [*lines[:first], *routes, *lines[first:]]
    for setting in settings:
        if setting not in routes:
            out = _set(out, setting, lambda line: line == "[uwsgi]")
    return _joined(out)


def _php(lines: Sequence[str], change: Sequence[str]) -> str:
    """Into php.ini; a pool of FPM sets the same by a directive of its own."""
    out = list(lines)
    for line in change:
        name, _, value = line.partition(" = ")
        pool = [at for at, each in enumerate(out) if each.startswith("php_") and f"[{name}]" in each]
        out = [each for at, each in enumerate(out) if at not in pool]
        out += [f"php_admin_value[{name}] = {value}" if "[www]" in out else line]
    return _joined(out)


_SERVERS: Mapping[Server, Callable[[Sequence[str], Sequence[str]], str]] = {
    Server.NGINX: _nginx,
    Server.APACHE: _apache,
    Server.HAPROXY: _haproxy,
    Server.CADDY: _caddy,
    Server.LIGHTTPD: _at_the_end,
    Server.VARNISH: _varnish,
    Server.ENVOY: _envoy,
    Server.TRAEFIK: _traefik,
    Server.UWSGI: _uwsgi,
    Server.SQUID: _at_the_end,
    Server.PHP: _php,
}
