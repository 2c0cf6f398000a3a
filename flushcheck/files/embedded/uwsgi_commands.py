"""Lines that start uWSGI with its settings as options: in units, Procfiles, Dockerfiles, scripts, YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.configs.uwsgi import COMMAND_MARK
from flushcheck.files.embedded.container import Embedded

# The program, and behind it an option or a file of settings: `pip install uwsgi` has neither.
_COMMAND = re.compile(
    r"(?:^|[\s\"'/=\[(])uwsgi[\"']?,?\s+(?=[\"']?(?:-|[\w./-]{1,200}\.(?:ini|ya?ml|xml)\b))"
)
_NAMES = re.compile(
    r"\.(service|sh|bash|ya?ml)$|\.service\.d/[^/]*\.conf$|(^|/)(procfile|dockerfile|containerfile|entrypoint|run|start)[^/]*$|"
    r"\.dockerfile$|supervisor[^/]*\.(conf|ini)$"
)
_SHEBANG = re.compile(r"#!\s*\S*/(env\s+)?(ba|da|k|z)?sh\b")
_END = re.compile(r"\s(?:&&|\|\||[|;>&])(?=\s|$)|;\s|\s#\s")
_MAX_LINE = 20_000  # characters looked at: a command of 500 options is shorter


def texts(name: str, text: str) -> Iterator[Embedded]:
    """Each command of uwsgi as a text that the parser of its settings reads, at the line where it begins."""
    if "uwsgi" not in text or not (_NAMES.search(name.replace("\\", "/").lower()) or _SHEBANG.match(text)):
        return
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start = at
        parts = []
        while True:
            line = lines[at].rstrip("\r").rstrip()
            at += 1
            continued = line.endswith("\\") and at < len(lines)
            parts.append(line.removesuffix("\\") if continued else line)
            if not continued:
                break
        whole = " ".join(parts)[:_MAX_LINE]
        match = None if whole.lstrip().startswith("#") else _COMMAND.search(whole)
        if match is not None:
            rest = _END.split(whole[match.end() :], maxsplit=1)[0]
            yield Embedded(f"{COMMAND_MARK} {_plain(rest)}", start + 1, "", Server.UWSGI)


def _plain(rest: str) -> str:
    """The words behind the program; those of a list in JSON or YAML without brackets and commas."""
    if re.match(r"[\"'][^\"']*[\"']\s*[,\]]", rest):
        return " ".join(f'"{word[1:-1]}"' for word in re.findall(r"\"[^\"]*\"|'[^']*'", rest))
    return rest.rstrip("\"' ")
