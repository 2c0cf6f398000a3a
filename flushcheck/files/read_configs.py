"""Texts to Configs: the server of each text, and the files that it includes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flushcheck.checking.check import SkippedFile
from flushcheck.configs import traefik
from flushcheck.configs.findings import Server
from flushcheck.configs.kubernetes import concerns, is_passive
from flushcheck.configs.recognise import MIN_SHARE, by_lines, by_name
from flushcheck.configs.templates import is_marked, parseable, reorders
from flushcheck.configs.tree import Config, Directive, IncludeResolver, Parsed, ReadProblem
from flushcheck.files.embedded import container_of, texts_in, uwsgi_commands, yaml_texts
from flushcheck.files.find_files import STDIN, find_files, may_be_configuration
from flushcheck.files.includes import SearchPath
from flushcheck.files.kubernetes_files import may_be_kubernetes, snippet_lines
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
    split_dump,
)
from flushcheck.files.structured import is_structured, servers_in
from flushcheck.files.syntaxes import SYNTAXES
from flushcheck.model import Version

MAX_PROBLEMS = 100  # includes of one configuration that cannot be read, reported one by one
MAX_CONFIGS = 500  # read in one call

_UNRECOGNISED = "cannot tell which server this file is for"


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The Configs that were read, and what could not be read."""

    configs: tuple[Config, ...] = ()
    problems: tuple[ReadProblem, ...] = ()  # of files that became no Config
    unrecognised: tuple[str, ...] = ()  # files given by name whose server is unknown; a problem names each
    skipped: tuple[SkippedFile, ...] = ()  # files of a folder that were not read
    originals: Mapping[str, str] = field(default_factory=dict)  # the whole texts of files, for patches


def read(names: Iterable[str], *, server: Server | None = None, version: Version = ()) -> ReadResult:
    """Read files, folders (every file recognised in them) and standard input.

    A file that another one includes is read as a part of that only: alone it would lack what it inherits.

    Args:
        names: as a person writes them.
        server: for all of them; None: each file's is recognised.
        version: of the server program.

    Raises:
        UsageError: a name does not exist, or there are too many files.
    """
    configs: list[Config] = []
    problems: list[ReadProblem] = []
    unrecognised: list[str] = []
    skipped: list[SkippedFile] = []
    originals: dict[str, str] = {}
    for name, given_by_name in find_files(names):
        if len(configs) >= MAX_CONFIGS:
            limit = f"{MAX_CONFIGS} configurations were read; this file and those after it were not"
            problems.append(ReadProblem(name, 0, f"{limit}: check one folder at a time"))
            break
        if not given_by_name and not may_be_configuration(name):
            skipped.append(SkippedFile(name, "its name is that of another kind of file"))
            continue
        try:
            text = _stdin() if name == STDIN else Disk().read(name)
            own = _configs(name, text, server, version, given=given_by_name)
        except Unreadable as error:
            # A folder may hold anything: a file that is no text is no configuration.
            if given_by_name or by_name(name) is not None:
                problems.append(ReadProblem(name, 0, str(error)))
            else:
                skipped.append(SkippedFile(name, str(error)))
            continue
        if own:
            configs += own
            originals[name] = text
        elif given_by_name:
            unrecognised.append(name)
            problems.append(ReadProblem(name, 0, _UNRECOGNISED))
        else:
            skipped.append(SkippedFile(name, _UNRECOGNISED))
    return ReadResult(
        _without_parts(configs), tuple(problems), tuple(unrecognised), tuple(skipped), originals
    )


def _configs(
    name: str, text: str, server: Server | None, version: Version, *, given: bool, files: Files | None = None
) -> list[Config]:
    """What a file configures: itself, and the configurations inside of it; nothing if it is not recognised.

    Args:
        server: that was given for it; None: it is recognised.
        given: the file was named by a person, so that a few lines are enough to recognise it.
        files: where its includes come from; None: the disk.

    Raises:
        Unreadable: it is not what its name says.
    """
    container = container_of(name, text)
    own = by_name(name)
    if own is Server.HOSTING and server is None and container is not None and may_be_kubernetes(text):
        own = None  # app.yaml is a usual name for a manifest too
    # A container of another kind is no file of a server, whatever its lines look like.
    if own is None and container is None and not is_structured(name):
        own = server or by_lines(text, 0.0 if given else MIN_SHARE)
    first = (server or own) if own is not None else None
    configs = [_ConfigReader(first, files or Disk()).read(name, text, version)] if first is not None else []
    structured = [
        _ConfigReader(each, files or Disk()).read(name, text, version)
        for each in servers_in(name, text, server)
        if server in (None, each) and each is not first
    ]
    objects = _objects(name, text, server, version) if own is None else None
    if objects is not None and any(config.server is Server.TRAEFIK for config in structured):
        # Traefik's own Ingresses are read with its middlewares.
        left = tuple(line for line in objects.directives if not traefik.is_ingress(line))
        objects = replace(objects, directives=left)
    if objects is not None and (server is not None or concerns(objects.directives)):
        configs.append(objects)
    own_lines = snippet_lines(config.directives for config in configs if config is objects)
    try:
        inner_texts = [inner for inner in texts_in(name, text) if inner.line not in own_lines]
    except Unreadable:
        if not (configs or structured):
            raise
        inner_texts = []  # the problem stands in its Config
    for inner in (*inner_texts, *uwsgi_commands.texts(name, text)):
        inner_server = by_name(inner.hint) or by_lines(inner.text, MIN_SHARE) or inner.server
        # gunicorn's commands stand among those of other app servers.
        wanted = (None, Server.GUNICORN) if inner_server is Server.APP_SERVER else (None,)
        if inner_server is not None and server in (*wanted, inner_server):
            configs.append(_ConfigReader(inner_server, files or Disk()).read(name, inner.placed, version))
    if not (configs or structured) and objects is not None and is_passive(objects.directives):
        configs.append(objects)
    return configs + structured


def _objects(name: str, text: str, server: Server | None, version: Version) -> Config | None:
    """The objects of Kubernetes in a YAML file; None if it has none, or is given for another server."""
    wanted = server is Server.KUBERNETES or (server is None and may_be_kubernetes(text))
    if not wanted or container_of(name, text) is not yaml_texts.CONTAINER:
        return None
    return _ConfigReader(Server.KUBERNETES, Nowhere()).read(name, text, version)


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
        server: that it configures; None: recognised by name and lines.
        name: what to call it.
        files: where its includes come from; None: they are not read.
    """
    try:
        text = decode(bounded(text.encode("utf-8", errors="surrogateescape")))
    except UnicodeEncodeError:
        return ReadResult(problems=(ReadProblem(name, 0, "not a text that can be written down"),))
    except Unreadable as error:
        return ReadResult(problems=(ReadProblem(name, 0, str(error)),))
    try:
        configs = _configs(name, text, server, version, given=True, files=files or Nowhere())
    except Unreadable as error:
        return ReadResult(problems=(ReadProblem(name, 0, str(error)),))
    if not configs:
        return ReadResult(problems=(ReadProblem(name, 0, _UNRECOGNISED),), unrecognised=(name,))
    return ReadResult(tuple(configs), originals={name: text})


def read_dump(texts: Mapping[str, str], *, server: Server, version: Version = ()) -> ReadResult:
    """Read what a program printed of its own configuration.

    Args:
        texts: by file name; the first one is the main file.
    """
    if not texts:
        return ReadResult()
    main = next(iter(texts))
    return ReadResult((_ConfigReader(server, Dump(texts)).read(main, texts[main], version),))


class _ConfigReader:
    """Reads one configuration: its main file, and each included file once."""

    def __init__(self, server: Server, files: Files) -> None:
        self._server = server
        self._syntax = SYNTAXES[server]
        self._files = files
        self._texts: dict[str, str] = {}
        self._parsed: dict[str, Parsed] = {}
        self._problems: dict[ReadProblem, None] = {}  # each once, in order

    def read(self, name: str, text: str, version: Version) -> Config:
        if self._server is Server.NGINX and (dump := split_dump(text)):
            # `nginx -T` printed it: its lines are those of the files that it names.
            name, text = next(iter(dump.items()))
            self._files = Dump(dump)
        main = self._parse(name, text)
        path = SearchPath(self._files, self._syntax.folders(name, main.directives, self._files))
        resolver = IncludeResolver(
            self._syntax.includes,
            lambda directive: self._included(directive, path),
            opaque=self._syntax.opaque_blocks,
        )
        directives = resolver.resolve(main.directives)
        self._problems.update(dict.fromkeys(resolver.problems))
        config = Config(self._server, name, directives, tuple(self._problems), self._texts, version)
        if isinstance(self._files, Dump):
            return config  # the server has read it before
        if any(map(reorders, self._texts.values())):
            return config  # around which lines a part is written is not known
        return replace(config, problems=(*config.problems, *self._syntax.refused_lines(config)))

    def _included(self, directive: Directive, path: SearchPath) -> Sequence[Parsed] | None:
        """The files of an include; None: it names a file, and none could be read."""
        if is_marked(directive.text):
            reason = f"{directive.text}: a template fills it in"
            self._problems[ReadProblem(directive.file, directive.line, reason, incomplete=False)] = None
            return None
        try:
            names = self._syntax.resolve(directive, path)
        except Missing:
            return None
        if names is None:
            return None
        parsed = [file for file in (self._file(name, directive) for name in names) if file is not None]
        return None if names and not parsed else parsed

    def _file(self, name: str, directive: Directive) -> Parsed | None:
        """A file, read and parsed once; None if it cannot be read."""
        if name not in self._parsed:
            try:
                text = self._files.read(name)
            except Unreadable as error:
                if len(self._problems) < MAX_PROBLEMS:
                    reason = f"{name}: {error}"
                    problem = ReadProblem(directive.file, directive.line, reason, incomplete=False)
                    self._problems[problem] = None
                return None
            self._parse(name, text)
        return self._parsed[name]

    def _parse(self, name: str, text: str) -> Parsed:
        parsed = self._parsed[name] = self._syntax.parse(parseable(text, self._server), name)
        self._texts[name] = text
        self._problems.update(dict.fromkeys(parsed.problems))
        return parsed


def _without_parts(configs: Sequence[Config]) -> tuple[Config, ...]:
    """The Configs that no other one includes. Of two that include each other the first one counts."""
    real = {name: os.path.realpath(name) for config in configs for name in config.texts}
    files = [real[config.file] for config in configs]
    parts = [{real[name] for name in config.texts if name != config.file} for config in configs]

    def is_part(index: int) -> bool:
        return any(
            files[index] in parts[other]
            and configs[index].server is configs[other].server
            and not (files[other] in parts[index] and index < other)
            for other in range(len(configs))
            if other != index
        )

    return tuple(config for index, config in enumerate(configs) if not is_part(index))


def _stdin() -> str:
    # One byte more than the limit, so that a longer text is seen to be too long.
    return decode(bounded(sys.stdin.buffer.read(MAX_FILE_BYTES + 1)))
