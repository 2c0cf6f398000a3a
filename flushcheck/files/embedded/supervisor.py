"""supervisord: the commands of its programs. Source: supervisor's "Configuration File"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.files.embedded.container import Container, Embedded, starts_server

_SECTION = re.compile(r"^\[(program|fcgi-program|supervisord)(:[^\]\n]{1,80})?\]", re.MULTILINE)
_ANY_SECTION = re.compile(r"\s*\[([^\]\n]{1,100})\]")
_SETTING = re.compile(r"\s{0,8}(command|environment)\s*=\s*(.*)", re.DOTALL)
_EXPANSION = re.compile(r"%\((\w{1,60})\)[sd]")
_PAIR = re.compile(r"""([A-Za-z_]\w{0,60})\s*=\s*("[^"\n]*"|'[^'\n]*'|[^,\s]+)""")


def _recognises(path: str, text: str) -> bool:
    return "supervisor" in path.rpartition("/")[2] or _SECTION.search(text) is not None


def _texts(text: str) -> Iterator[Embedded]:
    everywhere: list[str] = []  # of [supervisord]: variables of all programs
    for section, settings in _sections(text):
        own = [f"{name}={value}" for name, value in _PAIR.findall(settings.get("environment", ("", 0))[0])]
        if section == "supervisord":
            everywhere = own
        command, line = settings.get("command", ("", 0))
        if section.startswith(("program:", "fcgi-program:")) and starts_server(command):
            variables = " ".join((*everywhere, *own))
            # %(ENV_X)s is known when it starts, as a shell's variable.
            words = _EXPANSION.sub(r"$\1", f"{variables} {command}".strip())
            yield Embedded(f"web: {words}", line, "", Server.APP_SERVER)


def _sections(text: str) -> Iterator[tuple[str, dict[str, tuple[str, int]]]]:
    """Each section with its command and environment: the text, continued lines joined, and the line."""
    name, last = "", ""
    settings: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        bare = re.split(r"\s;", line.rstrip("\r"), maxsplit=1)[0]
        if (header := _ANY_SECTION.match(bare)) is not None:
            yield name, settings
            name, settings, last = header[1], {}, ""
        elif (setting := _SETTING.match(bare)) is not None and not (line[:1].isspace() and last):
            last = setting[1]
            settings[last] = (setting[2].strip(), number)
        elif line[:1].isspace() and last and bare.strip():
            before, at = settings[last]
            settings[last] = (f"{before} {bare.strip()}", at)
        elif bare.strip() and bare[:1] not in (";", "#"):
            last = ""
    yield name, settings


CONTAINER = Container(_recognises, _texts)
