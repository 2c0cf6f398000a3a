"""The nginx lines that a controller writes from settings, each at the line of its setting.

So that nginx's own rules judge an Ingress: a setting becomes the directive that the controller makes of it, a
snippet its own directives, everything else the controller's defaults. What must stay true: a directive of a
person has the file and line of what that person wrote; a default has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flushcheck.configs.kubernetes.controllers import Controller, Setting
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Directive, Scope, Value
from flushcheck.configs.yaml_nodes import is_alias, scalar


@dataclass(frozen=True, slots=True)
class Written:
    """What a controller writes from some settings."""

    lines: tuple[Directive, ...] = ()
    ignored: tuple[tuple[Directive, Setting], ...] = ()  # settings whose value it does not take
    unread: tuple[Directive, ...] = ()  # settings whose value stands elsewhere


def written(entries: Sequence[Directive], settings: Mapping[str, Setting], prefix: str = "") -> Written:
    """The directives for these settings.

    Args:
        prefix: of the names of annotations.
    """
    lines: list[Directive] = []
    ignored: list[tuple[Directive, Setting]] = []
    unread: list[Directive] = []
    for entry in entries:
        setting = settings.get(entry.name.removeprefix(prefix)) if entry.name.startswith(prefix) else None
        if setting is None or entry.block is not None:
            continue
        text = scalar(entry).strip()
        if is_alias(entry):
            unread.append(entry)
            continue
        args = (text,) if is_marked(text) else setting.form(text)
        if args is None:
            ignored.append((entry, setting))
        else:
            lines.append(_line(entry, setting.directive, args))
    return Written(tuple(lines), tuple(ignored), tuple(unread))


def _line(entry: Directive, name: str, args: tuple[str, ...]) -> Directive:
    return replace(entry, name=name, args=args, written=entry.name)


def snippets(entries: Sequence[Directive], names: Sequence[str], prefix: str = "") -> Iterator[Directive]:
    """The directives of snippets. The parser of these files has read their text as nginx lines."""
    wanted = {f"{prefix}{name}" for name in names}
    for entry in entries:
        if entry.name in wanted:
            yield from entry.block or ()


def default_values(controller: Controller, lines: Sequence[Directive]) -> Mapping[str, Value]:
    """The controller's defaults, as the values of a location.

    Args:
        lines: of its ConfigMap: some bring further defaults.
    """
    source = f"{controller.name}'s default"
    defaults = {
        name: Value(name, tuple(text.split()), None, source) for name, text in controller.defaults.items()
    }
    for line in lines:
        if line.name in controller.defaults_beside:
            name, text = controller.defaults_beside[line.name]
            defaults[name] = Value(name, tuple(text.split()), None, source)
    return defaults


def _upgrade_headers(at: Directive) -> tuple[Directive, ...]:
    """The lines for WebSocket that a controller writes into a location."""
    headers = (("Upgrade", "$http_upgrade"), ("Connection", "$connection_upgrade"))
    return tuple(replace(at, name="proxy_set_header", args=args, block=None, written="") for args in headers)


def location_scope(
    at: Directive,
    *,
    http: Sequence[Directive],
    server: Sequence[Directive],
    location: Sequence[Directive],
    defaults: Mapping[str, Value],
    upgrades: bool,
) -> Scope:
    """A location inside of a server inside of http { }, as the controller writes them.

    Args:
        upgrades: whether the controller passes WebSocket upgrades on.
    """
    top = Scope(None, http)
    around = Scope(None, server, top)
    # Behind the lines of a snippet: nginx sends both of two headers of one name, and none that is empty.
    return Scope(at, (*location, *(_upgrade_headers(at) if upgrades else ())), around, defaults)
