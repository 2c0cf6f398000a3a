"""YAML: ConfigMaps, Helm values and templates, compose files, Ansible tasks.

The parser's events are read, not its values: nothing is built or expanded, so an alias costs nothing, and
each scalar keeps its line. Marks of templates are made harmless first. The lines of a scalar show its server;
where they do not, the keys around it do: "haproxy.cfg", dest: /etc/nginx/nginx.conf.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

from flushcheck.configs.findings import Server
from flushcheck.configs.recognise import by_name, may_be
from flushcheck.configs.server_command import server_words
from flushcheck.configs.templates import for_yaml
from flushcheck.configs.tree import MAX_ARGS
from flushcheck.files.embedded import shell
from flushcheck.files.embedded.container import Container, Embedded
from flushcheck.files.sources import Unreadable
from flushcheck.files.yaml_events import MAX_STATEMENTS, TooLarge, events

# The tree of such a file has an entry for three events at most.
MAX_EVENTS = 4 * MAX_STATEMENTS
_MAX_COMMAND = 20_000  # characters of one command whose quotes are looked at
_SCRIPTS = frozenset(
    {"run", "script", "shell", "cmd", "command", "args", "entrypoint", "before_script", "exec"}
)
# Text for people, and patterns to look for: no configuration, whatever their lines look like.
_PROSE = frozenset(
    {"description", "summary", "message", "title", "regexp", "regex", "pattern", "from", "match"}
)
_JSON = re.compile(r"\s*[\[{]\s*[\"\[{]")
_TARGETS = ("dest", "path", "target", "mountpath", "destination", "filename")
_COMMANDS = ("entrypoint", "command", "args")
_SERVERS = {
    "nginx": Server.NGINX,
    "haproxy": Server.HAPROXY,
    "caddy": Server.CADDY,
    "apache": Server.APACHE,
    "httpd": Server.APACHE,
    "lighttpd": Server.LIGHTTPD,
    "varnish": Server.VARNISH,
    "vcl": Server.VARNISH,
}
_SNIPPET = re.compile(r"snippet|conf|cfg|vcl|file|content|block|lines|data", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Scalar:
    text: str
    line: int  # on which its text begins
    is_block: bool  # | and >: its lines are those of the file


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is open."""

    is_mapping: bool
    keys: tuple[str, ...]  # that lead here
    key: str | None = None  # of the value that comes next
    scalars: list[tuple[str, _Scalar]] = field(default_factory=list)
    words: dict[str, list[_Scalar]] = field(default_factory=dict)  # of sequences, by key


def _recognises(path: str, _text: str) -> bool:
    bare = re.sub(r"\.(j2|jinja2?|tpl|tmpl|template|sample|example|dist|erb|gotmpl)$", "", path)
    return bare.endswith((".yaml", ".yml"))


def _texts(text: str) -> Iterator[Embedded]:
    """The configurations in a document.

    Raises:
        Unreadable: it is no YAML.
    """
    stack: list[_Frame] = []
    try:
        for count, event in enumerate(events(for_yaml(text))):
            if count == MAX_EVENTS:
                raise Unreadable(f"more than {MAX_STATEMENTS} entries: not read")
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                stack.append(_Frame(isinstance(event, yaml.MappingStartEvent), _keys(stack)))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                yield from _close(stack)
            elif isinstance(event, yaml.ScalarEvent) and stack:
                _take(stack[-1], event)
            elif isinstance(event, yaml.AliasEvent) and stack:
                stack[-1].key = None
    except TooLarge as error:
        raise Unreadable(str(error)) from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise Unreadable(f"not understood as YAML{where}") from None


def _keys(stack: Sequence[_Frame]) -> tuple[str, ...]:
    """The keys that lead to a value that begins now."""
    if not stack:
        return ()
    around = stack[-1]
    keys = around.keys if around.key is None else (*around.keys, around.key)
    return keys[-12:]


def _take(frame: _Frame, event: yaml.ScalarEvent) -> None:
    """A key, or a value."""
    if frame.is_mapping and frame.key is None:
        frame.key = event.value[:200]
        return
    is_block = event.style in ("|", ">")
    start = event.start_mark.line if event.start_mark is not None else 0
    line = start + (2 if is_block else 1)
    text = event.value if is_block else event.value.replace("\n", " ")
    if is_block or _may_count(frame, text):
        frame.scalars.append((frame.key or "", _Scalar(text, line, is_block)))
    frame.key = None


def _may_count(frame: _Frame, text: str) -> bool:
    """Whether a scalar may be a configuration, a command or the name of a file: the others are not kept."""
    key = frame.key if frame.is_mapping else next(reversed(frame.keys), "")
    return ";" in text or "{" in text or (key or "").lower() in (*_TARGETS, *_COMMANDS)


def _close(stack: list[_Frame]) -> Iterator[Embedded]:
    frame = stack.pop()
    around = stack[-1] if stack else None
    if around is not None and not frame.is_mapping and around.is_mapping and around.key is not None:
        around.words[around.key.lower()] = [scalar for _, scalar in frame.scalars[:MAX_ARGS]]
    if around is not None:
        around.key = None
    targets = {key.lower(): scalar.text for key, scalar in frame.scalars}
    target = next((targets[name] for name in _TARGETS if "/" in targets.get(name, "")), "")
    for key, scalar in frame.scalars:
        yield from _of_scalar(frame, key, scalar, target)
    if frame.is_mapping:
        yield from _of_command(frame)


def _of_scalar(frame: _Frame, key: str, scalar: _Scalar, target: str) -> Iterator[Embedded]:
    if not (scalar.is_block or ";" in scalar.text or "{" in scalar.text):
        return
    if key.lower() in _PROSE or (_JSON.match(scalar.text) and by_name(target or key) is None):
        return
    script = (key or (frame.keys[-1] if frame.keys else "")).lower() in _SCRIPTS or shell.is_script(
        scalar.text
    )
    if script:
        if scalar.is_block:
            for inner in shell.texts(scalar.text):
                yield Embedded(inner.text, scalar.line + inner.line - 1, inner.hint, inner.server)
        return
    names = [name.lower() for name in (*frame.keys, key) if name]
    servers = {server for name in names[-3:] for word, server in _SERVERS.items() if word in name}
    sure = scalar.is_block and len(servers) == 1 and any(_SNIPPET.search(name) for name in names[-2:])
    server = servers.pop() if sure else None
    if server is not None and not may_be(server, scalar.text):
        server = None
    yield Embedded(scalar.text, scalar.line, target or key, server)


def _of_command(frame: _Frame) -> Iterator[Embedded]:
    """A command that starts an app server, written as text or as a list, with its arguments beside it."""
    simple = {key.lower(): scalar for key, scalar in frame.scalars if not scalar.is_block}
    scalars: list[_Scalar] = []
    words: list[str] = []
    for key in _COMMANDS:
        if key in simple:
            scalars.append(simple[key])
            words += _split(simple[key].text)
        for scalar in frame.words.get(key, ()):
            scalars.append(scalar)
            words.append(scalar.text)
    inner = next((word for word in words if " " in word and server_words(_split(word))), None)
    if inner is not None:  # sh -c "uvicorn ..."
        words = _split(inner)
    if server_words(words):
        line = min(scalar.line for scalar in scalars)
        yield Embedded("web: " + shlex.join(words).replace("\n", " "), line, "", Server.APP_SERVER)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text) if len(text) <= _MAX_COMMAND else text[:_MAX_COMMAND].split()
    except ValueError:  # a quote that is never closed
        return text.split()


CONTAINER = Container(_recognises, _texts)
