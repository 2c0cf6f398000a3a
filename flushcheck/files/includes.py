"""Which files an include statement names, by the rules of each server.

A resolver gives the names of the files, in order; none where a pattern matches no file; None where the
statement names no file that could be looked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flushcheck.configs.gunicorn.command_line import DROP_INS
from flushcheck.configs.tree import Directive
from flushcheck.files.sources import Files, has_magic

_MAX_GUESSED = 4  # folders up, and last parts of a name, in which a gunicorn settings file is looked for


@dataclass(frozen=True, slots=True)
class SearchPath:
    """Where the names in an include are looked up."""

    files: Files
    folders: tuple[str, ...]  # that a relative name may start from; the first that has it counts


def join(folder: str, name: str) -> str:
    """A name in a folder. Both stay as written: a folder of "" adds nothing."""
    return os.path.join(folder, name)  # noqa: PTH118


def folder_of(name: str) -> str:
    """The folder of a file; "" where the name has none."""
    return os.path.dirname(name)  # noqa: PTH120


def nginx_include(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """Relative to the folder of nginx.conf, not of the including file (ngx_conf_full_name)."""
    name = join(path.folders[0], " ".join(directive.args))
    return path.files.match(name) if has_magic(name) else [name]


def apache_include(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """Relative to ServerRoot. A pattern, or a folder with all files below; IncludeOptional may match none."""
    if not directive.args:
        return None
    pattern = directive.args[0]
    optional = directive.name == "includeoptional"
    if has_magic(pattern):
        matches = [name for folder in path.folders for name in path.files.match(join(folder, pattern))]
        files = [file for name in matches for file in path.files.folder(name) or [name]]
        return files if files or optional else None
    for folder in path.folders:
        name = join(folder, pattern)
        if (inside := path.files.folder(name)) is not None:
            return inside
        if path.files.exists(name):
            return [name]
    return () if optional else [join(path.folders[0], pattern)]


def lighttpd_or_varnish_include(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """Relative to the folder of the main file, or of the including one."""
    folders = dict.fromkeys((*path.folders, folder_of(directive.file)))
    pattern = "".join(directive.args[:1])
    if has_magic(pattern):
        matches = (path.files.match(join(folder, pattern)) for folder in folders)
        return next((names for names in matches if names), ())
    names = [join(folder, pattern) for folder in folders]
    return [next((name for name in names if path.files.exists(name)), names[0])]


def caddy_import(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """Relative to the including file. A name without slash and dot may be a snippet's: then None."""
    pattern = "".join(directive.args[:1])
    name = join(folder_of(directive.file), pattern)
    if has_magic(pattern):
        return path.files.match(name)
    return [name] if path.files.exists(name) or "/" in pattern or "." in pattern else None


def app_server_include(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """The drop-ins of a systemd unit, by name; or what gunicorn includes."""
    if directive.name != DROP_INS:
        return gunicorn_config(directive, path)
    return path.files.match(join(directive.args[0], "*.conf"))


def gunicorn_config(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """The settings file of a command line: by default gunicorn.conf.py, if it is there."""
    name = "".join(directive.args[:1]).removeprefix("file:")
    if name.startswith("python:"):
        name = name.removeprefix("python:").replace(".", "/") + ".py"
    here = folder_of(directive.file)
    implied = directive.args[1:] == ("implied",)
    names = [join(here, name), *(() if implied else _likely_copies(here, name))]
    existing = next((each for each in names if path.files.exists(each)), None)
    if existing is not None:
        return [existing]
    return () if implied else names[:1]


def traefik_file(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """The dynamic configuration that a static one names: a file, or a folder with all files in it.

    One file may be both: it is not read a second time.
    """
    name = "".join(directive.args[:1])
    here = folder_of(directive.file)
    for candidate in (join(here, name), *_likely_copies(here, name)) if name else ():
        inside = path.files.folder(candidate)
        if inside is not None:
            files = [each for each in inside if each.endswith((".yml", ".yaml", ".toml"))]
        elif path.files.exists(candidate):
            files = [candidate]
        else:
            continue
        return [each for each in files if os.path.normpath(each) != os.path.normpath(directive.file)]
    return None


def uwsgi_include(directive: Directive, path: SearchPath) -> Sequence[str] | None:
    """A file beside the including one, or in the working folder. None for a section of the same file."""
    name = "".join(directive.args[:1]).replace("%d", "").replace("%p", "")
    bare, colon, section = name.rpartition(":")
    if not name or not (bare or not colon) or "%" in name or "$(" in name or name == "true":
        return None
    file = bare if colon and not section.startswith("//") else name
    names = dict.fromkeys(
        (join(folder_of(directive.file), file), join(folder_of(directive.file), file.rpartition("/")[2]))
    )
    return [next((each for each in names if path.files.exists(each)), file)]


def _likely_copies(here: str, name: str) -> Iterable[str]:
    """Where a file may lie that has this name in a container or on another machine.

    A relative name starts from the working folder, which is usually the checkout: some folders further up.
    An absolute name is that of a copy of the file. The bare file name is looked for in this folder only.
    """
    parts = name.strip("/").split("/")
    for first in range(max(0, len(parts) - _MAX_GUESSED), len(parts) - 1):
        for up in range(_MAX_GUESSED):
            yield os.path.normpath(join(join(here, "../" * up), "/".join(parts[first:])))
    yield join(here, parts[-1])


def own_folder(name: str, directives: Sequence[Directive], files: Files) -> tuple[str, ...]:
    """The folder of the main file."""
    return (folder_of(name),)


def nginx_folders(name: str, directives: Sequence[Directive], files: Files) -> tuple[str, ...]:
    """The folder of nginx.conf: for a site's file it lies one or two folders up."""
    here = folder_of(name)
    if not any(directive.name in ("http", "events") for directive in directives):
        for folder in (here, join(here, ".."), join(here, "../..")):
            if files.exists(join(folder, "nginx.conf")):
                return (os.path.normpath(folder) if folder != here else here,)
    return (here,)


def apache_folders(name: str, directives: Sequence[Directive], files: Files) -> tuple[str, ...]:
    """ServerRoot if the file sets it, its own folder, and two folders up."""
    here = folder_of(name)
    roots = (line.args[0] for line in directives if line.name == "serverroot" and line.args)
    return (*roots, here, *(os.path.normpath(join(here, up)) for up in ("..", "../..")))
