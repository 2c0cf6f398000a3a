"""A list of addresses in a YAML file, for `--targets`: names, URLs, options, and what is expected of each.

    targets:
      - name: shop
        url: https://shop.example
        options: [--quick, --only, "chunked,events"]
        expect: flowing
        allow: [nginx-gzip]
        interval: 5m

Only the tree of nodes is read: no tag is constructed, no alias expanded. Each error has file and line.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from flushcheck.model import UsageError, Verdict

MAX_FILE_BYTES = 256 * 1024
MAX_TARGETS = 100
MAX_NAME = 80  # characters

KEYS = ("name", "url", "command", "options", "expect", "allow", "interval")
COMMANDS = ("diagnose", "watch")

_INTERVAL = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|h|)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """One address of the list."""

    name: str
    url: str
    command: str = "diagnose"
    options: tuple[str, ...] = ()  # as on the command line
    expected: Verdict | None = None
    allowed: tuple[str, ...] = ()  # ids of culprits
    place: str = ""  # file and line
    interval_s: float | None = None  # between two runs of `flushcheck exporter`; None: its default


def interval_s(text: str) -> float | None:
    """A time such as 300, 300s, 5m or 1h, in seconds; None if it is none."""
    match = _INTERVAL.fullmatch(text)
    return float(match[1]) * _UNITS_S[match[2]] if match else None


def read_targets(path: str) -> tuple[TargetEntry, ...]:
    """Read the list.

    Raises:
        UsageError: the file cannot be read, or is no such list: says where.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--targets {path}: {reason}; {_EXAMPLE}") from None
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"--targets {path}: expected at most {MAX_FILE_BYTES} bytes, for example 10 targets")
    try:
        root = yaml.compose(data.decode(), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise UsageError(f"--targets {path}: expected UTF-8; {_EXAMPLE}") from None
    except RecursionError:
        raise UsageError(f"--targets {path}: nested too deeply; {_EXAMPLE}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise UsageError(f"{where}: not YAML, {_problem(error)}; {_EXAMPLE}") from None
    return _Reader(path).targets(root)


def _problem(error: yaml.YAMLError) -> str:
    """What is wrong, without the name of an alias, anchor or tag: an unquoted password may look like one."""
    problem = str(getattr(error, "problem", "") or "it has a character that YAML does not allow")
    return (
        problem.partition(" '")[0] if any(word in problem for word in ("alias", "anchor", "tag")) else problem
    )


_EXAMPLE = "expected a list of targets, for example\n  targets:\n    - url: https://example.org"


class _Reader:
    """Reads nodes of one file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def targets(self, root: yaml.Node | None) -> tuple[TargetEntry, ...]:
        if isinstance(root, yaml.MappingNode):
            members = self._members(root, ("targets",))
            root = members.get("targets")
        if not isinstance(root, yaml.SequenceNode) or not root.value:
            raise UsageError(f"{self._path}: {_EXAMPLE}")
        if len(root.value) > MAX_TARGETS:
            self._fail(root, f"{len(root.value)} targets: expected at most {MAX_TARGETS}, for example 10")
        entries: list[TargetEntry] = []
        for node in root.value:
            entry = self._target(node)
            if any(entry.name == other.name for other in entries):
                self._fail(
                    node, f"two targets are called {entry.name!r}: expected names, for example name: shop"
                )
            entries.append(entry)
        return tuple(entries)

    def _target(self, node: yaml.Node) -> TargetEntry:
        if isinstance(node, yaml.ScalarNode):
            url = self._text(node, "url")
            return TargetEntry(url, url, place=self._place(node))
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, "expected a URL or a target, for example - url: https://example.org")
        members = self._members(node, KEYS)
        if "url" not in members:
            self._fail(node, "a target without url: expected one, for example url: https://example.org")
        url = self._text(members["url"], "url")
        name = self._text(members["name"], "name") if "name" in members else url
        command = self._text(members["command"], "command") if "command" in members else "diagnose"
        if command not in COMMANDS:
            self._fail(
                members["command"], f"command: {command[:40]}: expected diagnose or watch, for example watch"
            )
        return TargetEntry(
            name,
            url,
            command,
            self._texts(members.get("options"), "options", "[--quick]"),
            self._verdict(members.get("expect")),
            self._texts(members.get("allow"), "allow", "[nginx-gzip]"),
            self._place(node),
            self._interval(members.get("interval")),
        )

    def _verdict(self, node: yaml.Node | None) -> Verdict | None:
        if node is None:
            return None
        text = self._text(node, "expect")
        if text not in tuple(Verdict):
            self._fail(
                node, f"expect: {text[:40]}: expected {', '.join(Verdict)}, for example expect: flowing"
            )
        return Verdict(text)

    def _interval(self, node: yaml.Node | None) -> float | None:
        if node is None:
            return None
        text = self._text(node, "interval")
        value_s = interval_s(text)
        if value_s is None:
            self._fail(
                node, f"interval: {text[:40]}: expected seconds, or 30s, 5m, 1h, for example interval: 5m"
            )
        return value_s

    def _members(self, node: yaml.MappingNode, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        members: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name not in known:
                meant = difflib.get_close_matches(name, known, n=1)
                hint = f" (did you mean {meant[0]}?)" if meant else ""
                self._fail(
                    key,
                    f"{name[:40]!r} is no key here{hint}; expected {', '.join(known)}, "
                    f"for example {known[0]}:",
                )
            if name in members:
                self._fail(key, f"{name} is given twice: expected it once, for example {name}: …")
            members[name] = value
        return members

    def _text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value or not node.value.isprintable():
            self._fail(node, f"{key}: expected a text, for example url: https://example.org")
        if key == "name" and len(node.value) > MAX_NAME:
            self._fail(node, f"name: expected at most {MAX_NAME} characters, for example name: shop")
        return str(node.value)

    def _texts(self, node: yaml.Node | None, key: str, example: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"{key}: expected a list, for example {key}: {example}")
        return tuple(self._text(item, key) for item in node.value)

    def _fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise UsageError(f"{self._place(node)}: {message}")

    def _place(self, node: yaml.Node) -> str:
        return f"{self._path}:{node.start_mark.line + 1}"
