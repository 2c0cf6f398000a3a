"""Lines that do not act: a value that a controller does not take, a name that it does not have, no string.

Not a fault by themselves. The person who wrote them believes that they act.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from flushcheck.configs.kubernetes.blocks import PREFIXES, cluster_settings, controller_of
from flushcheck.configs.kubernetes.controllers import NGINX_CONTROLLERS, Controller, Setting
from flushcheck.configs.kubernetes.nginx_lines import written
from flushcheck.configs.kubernetes.objects import ingresses
from flushcheck.configs.tree import MAX_LINES, Config, Directive, ReadProblem
from flushcheck.configs.yaml_nodes import scalar

_MAX_IGNORED = 100  # lines of one file that are reported


def ignored_lines(config: Config) -> Iterator[ReadProblem]:
    """Annotations and keys that a controller ignores: by their value, or because their name is misspelt."""
    lines = _ignored_lines(config)
    yield from islice(lines, _MAX_IGNORED)
    rest = next(lines, None)
    if rest is not None:
        reason = f"more than {_MAX_IGNORED} lines that are ignored: those from here on are not listed"
        yield replace(rest, reason=reason)


def _ignored_lines(config: Config) -> Iterator[ReadProblem]:
    lines = {file: text.split("\n") for file, text in config.texts.items()}
    for each in ingresses(config.directives, PREFIXES):
        controller = controller_of(each)
        if not each.from_values:
            yield from _no_strings(each.entries, lines)
        if controller is not None:
            yield from _ignored(each.entries, controller, controller.settings, controller.prefix)
    cluster = cluster_settings(config)
    for controller in NGINX_CONTROLLERS:
        for shared in cluster[controller.name]:
            yield from _ignored(shared.entries, controller, controller.cluster_settings, "")


# Plain scalars that YAML 1.1 takes for a number, a truth value or nothing.
_NO_STRING = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9]*)?|true|false|yes|no|on|off|null|~", re.IGNORECASE)


def _no_strings(entries: Sequence[Directive], lines: Mapping[str, Sequence[str]]) -> Iterator[ReadProblem]:
    """Annotations that the API of Kubernetes refuses, with their whole object.

    Args:
        lines: of each file.
    """
    for entry in entries[:MAX_LINES]:
        text = scalar(entry)
        if entry.block is not None or not _NO_STRING.fullmatch(text):
            continue
        own = lines.get(entry.file, ())[entry.line - 1 : entry.end_line]
        if own and re.search(rf":\s+{re.escape(text)}\s*(#.*)?$", own[-1]):
            reason = (
                f"{entry.name}: Kubernetes refuses {text} without quotes, because annotations are strings"
            )
            yield ReadProblem(entry.file, entry.line, reason, incomplete=False)


def _ignored(
    entries: Sequence[Directive], controller: Controller, known: Mapping[str, Setting], prefix: str
) -> Iterator[ReadProblem]:
    for entry, setting in written(entries, known, prefix).ignored:
        given = f"{entry.name} {scalar(entry)[:40]!r}"
        reason = f"{given}: {controller.name} expects {setting.expects}, and ignores this"
        yield ReadProblem(entry.file, entry.line, reason, incomplete=False)
    for entry in entries[:MAX_LINES]:
        own = entry.name.removeprefix(prefix)
        if not entry.name.startswith(prefix) or own in known:
            continue
        near = next((name for name in known if is_misspelt(own, name)), None)
        if near is not None:
            reason = f"{entry.name}: did you mean {prefix}{near}? {controller.name} has no such setting"
            yield ReadProblem(entry.file, entry.line, reason, incomplete=False)


def is_misspelt(given: str, name: str) -> bool:
    """Whether two names differ in one letter, or in the mark between their words."""
    bare, wanted = (re.sub(r"[-_]", "", text.lower()) for text in (given[:60], name))
    if bare == wanted:
        return True
    short, long = sorted((bare, wanted), key=len)
    if len(long) - len(short) > 1:
        return False
    start = next(
        (at for at, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1]), len(short)
    )
    return short[start + (len(short) == len(long)) :] == long[start + 1 :]
