"""Files to Configs: which files there are, whose they are, and what each include brings."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flushcheck.configs import apache, caddy, gunicorn, haproxy, lighttpd, nginx, php, sections, varnish
from flushcheck.configs.findings import Server
from flushcheck.configs.recognise import by_name, recognise
from flushcheck.configs.tree import Config, Directive, IncludeResolver, Parsed, ReadProblem, Version
from flushcheck.files.nginx_lexer import parse_nginx
from flushcheck.files.sources import (
    MAX_FILE_BYTES,
    Disk,
    Dump,
    Files,
    Missing,
    Nowhere,
    Unreadable,
    bounded,
    decode,
    has_magic,
    split_dump,
)
from flushcheck.model import UsageError

MAX_PROBLEMS = 100  # includes that cannot be read, told one by one
MAX_ROOTS = 500  # files judged by themselves in one call
MAX_GUESSED = 4  # folders up, and last parts of a name, by which a gunicorn settings file is looked for
STDIN = "-"
UNKNOWN = "whose configuration this is cannot be told from its name and words"

# Folders that hold copies of other people's files.
SKIPPED_FOLDERS = frozenset(
    {
        *(".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".hg", ".svn"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
    }
)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What was read."""

    configs: tuple[Config, ...] = ()
    problems: tuple[ReadProblem, ...] = ()  # of files that became no Config


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one program's files are read."""

    parse: Callable[[str, str], Parsed]
    includes: tuple[str, ...] = ()  # names of the statements that include
    closed: tuple[str, ...] = ()
    # The files that an include names; None if one that must be there is not.
    resolve: Callable[[Directive, SearchPath], Sequence[str] | None] = lambda _directive, _place: ()


@dataclass(frozen=True, slots=True)
class SearchPath:
    """Where relative names lead."""

    files: Files
    root: str  # the file that was named
    prefixes: tuple[str, ...]  # the folders that they may start from; the first that has them counts


def _nginx_include(directive: Directive, place: SearchPath) -> Sequence[str] | None:
    # Relative to the folder of nginx.conf, not of the including file (ngx_conf_full_name).
    name = _join(place.prefixes[0], " ".join(directive.args))
    return place.files.match(name) if has_magic(name) else [name]


def _apache_include(directive: Directive, place: SearchPath) -> Sequence[str] | None:
    if not directive.args:
        return None
    pattern = directive.args[0]
    optional = directive.name == "includeoptional"
    if has_magic(pattern):
        found = [name for prefix in place.prefixes for name in place.files.match(_join(prefix, pattern))]
        files = [file for name in found for file in place.files.folder(name) or [name]]
        return files if files or optional else None
    for prefix in place.prefixes:
        name = _join(prefix, pattern)
        if (inside := place.files.folder(name)) is not None:
            return inside
        if place.files.exists(name):
            return [name]
    return () if optional else [_join(place.prefixes[0], pattern)]


def _beside_include(directive: Directive, place: SearchPath) -> Sequence[str] | None:
    """lighttpd and Varnish: relative to the folder of the main file, or of the including one."""
    folders = dict.fromkeys((*place.prefixes, os.path.dirname(directive.file)))  # noqa: PTH120
    pattern = "".join(directive.args[:1])
    if has_magic(pattern):
        return next((found for folder in folders if (found := place.files.match(_join(folder, pattern)))), ())
    names = [_join(folder, pattern) for folder in folders]
    return [next((name for name in names if place.files.exists(name)), names[0])]


def _caddy_import(directive: Directive, place: SearchPath) -> Sequence[str] | None:
    # A snippet's name has no slash and no dot, so that nobody takes it for a file's.
    name = "".join(directive.args[:1])
    path = _join(os.path.dirname(directive.file), name)  # noqa: PTH120
    if has_magic(name):
        return place.files.match(path)
    return [path] if place.files.exists(path) or "/" in name or "." in name else None


def _gunicorn_config(directive: Directive, place: SearchPath) -> Sequence[str] | None:
    name = "".join(directive.args[:1]).removeprefix("file:")
    if name.startswith("python:"):
        name = name.removeprefix("python:").replace(".", "/") + ".py"
    here = os.path.dirname(directive.file)  # noqa: PTH120
    implied = directive.args[1:] == ("implied",)
    names = [_join(here, name), *(() if implied else _guesses(here, name))]
    found = next((one for one in names if place.files.exists(one)), None)
    if found is not None:
        return [found]
    return () if implied else names[:1]


def _guesses(here: str, name: str) -> Iterable[str]:
    """Where a file may lie that a container or another machine knows by this name.

    A relative name counts from the working folder, which is mostly the checkout: some folders further up.
    An absolute one is that of a copy of it. The file's bare name is looked for beside only.
    """
    parts = name.strip("/").split("/")
    for first in range(max(0, len(parts) - MAX_GUESSED), len(parts) - 1):
        for up in range(MAX_GUESSED):
            yield os.path.normpath(_join(_join(here, "../" * up), "/".join(parts[first:])))
    yield _join(here, parts[-1])


def _join(folder: str, name: str) -> str:
    # Names stay as written: a folder of "" adds nothing.
    return os.path.join(folder, name)  # noqa: PTH118


SYNTAXES: Mapping[Server, Syntax] = {
    Server.NGINX: Syntax(parse_nginx, nginx.INCLUDES, nginx.OPAQUE_BLOCKS, _nginx_include),
    Server.APACHE: Syntax(sections.parse, apache.INCLUDES, (), _apache_include),
    Server.HAPROXY: Syntax(haproxy.parse),
    Server.LIGHTTPD: Syntax(lighttpd.parse, lighttpd.INCLUDES, (), _beside_include),
    Server.CADDY: Syntax(caddy.parse, caddy.INCLUDES, (), _caddy_import),
    Server.VARNISH: Syntax(varnish.parse, varnish.INCLUDES, (), _beside_include),
    Server.PHP: Syntax(php.parse),
    Server.GUNICORN: Syntax(gunicorn.parse, gunicorn.INCLUDES, (), _gunicorn_config),
}


def read(names: Iterable[str], *, server: Server | None = None, version: Version = ()) -> ReadResult:
    """Read files, folders (all that is recognised in them), and standard input.

    A file that another one includes is judged as its part only: alone it would lack what it inherits.

    Args:
        names: as a person writes them.
        server: whose they all are; None: each is recognised.
        version: of the server program.

    Raises:
        UsageError: a name leads nowhere.
    """
    configs: list[Config] = []
    troubles: list[ReadProblem] = []
    for name, named in _roots(names, server):
        try:
            text = _stdin() if name == STDIN else Disk().read(name)
        except Unreadable as error:
            # A folder may hold anything; what is no text there was no configuration.
            if named or by_name(name) is not None:
                troubles.append(ReadProblem(name, 0, str(error)))
            continue
        kind = server or recognise(name, text)
        if kind is None:
            if named:
                troubles.append(ReadProblem(name, 0, UNKNOWN))
            continue
        if len(configs) >= MAX_ROOTS:
            raise UsageError(
                f"more than {MAX_ROOTS} configurations: expected fewer, for example one folder at a time"
            )
        configs.append(_config(kind, name, text, Disk(), version))
    return ReadResult(_without_parts(configs), tuple(troubles))


def read_text(
    text: str,
    *,
    server: Server | None = None,
    name: str = "pasted",
    version: Version = (),
    files: Files | None = None,
) -> ReadResult:
    """Read one text that is in no file.

    Args:
        server: whose it is; None: recognised by name and words.
        name: what to call it.
        files: where its includes come from; None: they are not opened.
    """
    try:
        bounded(text.encode("utf-8", errors="surrogateescape"))
        text = decode(text.encode("utf-8", errors="surrogateescape"))
    except UnicodeEncodeError:
        return ReadResult((), (ReadProblem(name, 0, "not a text that can be written down"),))
    except Unreadable as error:
        return ReadResult((), (ReadProblem(name, 0, str(error)),))
    kind = server or recognise(name, text)
    if kind is None:
        return ReadResult((), (ReadProblem(name, 0, UNKNOWN),))
    return ReadResult((_config(kind, name, text, files or Nowhere(), version),))


def read_dump(texts: Mapping[str, str], *, server: Server, version: Version = ()) -> ReadResult:
    """Read what a program printed of its own configuration.

    Args:
        texts: by file name; the first one is where the program starts.
    """
    if not texts:
        return ReadResult()
    first = next(iter(texts))
    return ReadResult((_config(server, first, texts[first], Dump(texts), version),))


def _config(server: Server, name: str, text: str, files: Files, version: Version) -> Config:
    if server is Server.NGINX and (dump := split_dump(text)):
        # What `nginx -T` printed: its lines are those of the files that it names.
        name, text, files = next(iter(dump)), next(iter(dump.values())), Dump(dump)
    syntax = SYNTAXES[server]
    texts = {name: text}
    troubles: dict[ReadProblem, None] = {}
    parsed: dict[str, Parsed] = {}

    def load(directive: Directive) -> Sequence[Parsed] | None:
        try:
            found = syntax.resolve(directive, place)
        except Missing:
            return None
        if found is None:
            return None
        got = [one for one in (open_one(file, directive) for file in found) if one is not None]
        return None if found and not got else got

    def open_one(file: str, directive: Directive) -> Parsed | None:
        if file not in parsed:
            try:
                content = files.read(file)
            except Unreadable as error:
                if len(troubles) < MAX_PROBLEMS:
                    troubles[
                        ReadProblem(directive.file, directive.line, f"{file}: {error}", incomplete=False)
                    ] = None
                return None
            texts[file] = content
            parsed[file] = syntax.parse(content, file)
            troubles.update(dict.fromkeys(parsed[file].problems))
        return parsed[file]

    whole = parsed[name] = syntax.parse(text, name)
    troubles.update(dict.fromkeys(whole.problems))
    place = SearchPath(files, name, _prefixes(server, name, whole.directives, files))
    expansion = IncludeResolver(syntax.includes, load, closed=syntax.closed)
    directives = expansion.resolve(whole.directives)
    troubles.update(dict.fromkeys(expansion.problems))
    return Config(server, name, directives, tuple(troubles), texts, version)


def _prefixes(server: Server, name: str, directives: Sequence[Directive], files: Files) -> tuple[str, ...]:
    """The folders that relative includes may start from, likeliest first."""
    here = os.path.dirname(name)  # noqa: PTH120  # "" stays "", so that names stay as written
    above = tuple(_join(here, up) for up in ("..", "../.."))
    if server is Server.NGINX and not any(one.name in ("http", "events") for one in directives):
        # A site's file: the main one lies further up, and includes are relative to that.
        for folder in (here, *above):
            if files.exists(_join(folder, "nginx.conf")):
                return (os.path.normpath(folder) if folder != here else here,)
    if server is Server.APACHE:
        roots = tuple(one.args[0] for one in directives if one.name == "serverroot" and one.args)
        return (*roots, here, *(os.path.normpath(folder) for folder in above))
    return (here,)


def _roots(names: Iterable[str], server: Server | None) -> Iterable[tuple[str, bool]]:
    """Files to read, each with whether it was named itself."""
    seen = set()
    for name in names:
        if name != STDIN and not os.path.lexists(name):
            raise UsageError(f"{name}: no such file or folder")
        found = [(name, True)]
        if name != STDIN and Path(name).is_dir():
            found = [(file, False) for file in _walk(name, server)]
            if not found:
                raise UsageError(f"{name}: no configuration was recognised in this folder")
        for file, named in found:
            real = file if file == STDIN else os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file, named


# What could be a configuration, in a folder that may hold anything.
_PLAUSIBLE = re.compile(r"\.(conf|cfg|ini|vcl|nginx|service|caddyfile)$|/[^./]+$", re.IGNORECASE)


def _walk(folder: str, server: Server | None) -> Iterable[str]:
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(
            one for one in folders if one not in SKIPPED_FOLDERS and not one.endswith(".egg-info")
        )
        for file in sorted(files):
            name = os.path.join(top, file)  # noqa: PTH118
            if by_name(name) is not None or _PLAUSIBLE.search(name.replace(os.sep, "/")):
                if Path(name).is_file():
                    yield name


def _without_parts(configs: Sequence[Config]) -> tuple[Config, ...]:
    """The Configs that no other one includes."""
    real = {name: os.path.realpath(name) for config in configs for name in config.texts}
    parts = [
        (config.server, real[config.file], {real[name] for name in config.texts if name != config.file})
        for config in configs
    ]
    kept = []
    for index, (server, file, _) in enumerate(parts):
        inside = any(
            file in other and server is theirs and not (mine in parts[index][2] and index < position)
            for position, (theirs, mine, other) in enumerate(parts)
            if position != index
        )
        if not inside:
            kept.append(configs[index])
    return tuple(kept)


def _stdin() -> str:
    # One byte more than is allowed, so that too much is seen.
    return decode(bounded(sys.stdin.buffer.read(MAX_FILE_BYTES + 1)))
