"""A case of the laboratory: one configuration file, and what it says of itself in its first lines.

    # guilty: nginx as Debian ships it asks over HTTP/1.0 and fills a buffer first
    # culprit: nginx-proxy-buffering
    # transports: chunked events
    # behind: gunicorn
    # seen chunked-token: held
    # seen chunked-kilo: blocks 4096

The first line gives the kind, `guilty`, `innocent` or `part`, and why. A part is no case: it stands behind one.
`culprit` names what may be accused; several ids are causes that cannot be told apart from outside, all of them right.
`seen` lines are what the raw-socket observer measured (`make lab MEASURE=1` writes them anew): the shape of each
stream, and with it a size in bytes or a period in seconds. `file <culprit>` says why the config check and the
measurement differ on that culprit (tests/check/test_lab_agrees.py). Other keys are the program's own (`modules`, `args`, `app`).

Everything else in the file is the program's configuration as people write it. Only ports and one folder are moved
when it is started: 80 or 8080 to 8099 are the program's own, 8000 and the rest of `UPSTREAMS` what stands behind it,
/run/lab is its scratch folder and /srv/flushcheck the checkout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

CASES = Path(__file__).with_name("cases")

# What stands behind a case -> the port under which its file speaks of it.
UPSTREAMS: Mapping[str, int] = {"http": 8000, "fastcgi": 9000, "uwsgi": 3031, "scgi": 4000}

_HEADER = re.compile(r"^\s*(?:#|;|//)\s?(?P<key>[a-z][a-z0-9 -]*?):\s*(?P<value>.*?)\s*$")
_COMMENT = re.compile(r"^\s*(?:#|;|//)")


class Kind(StrEnum):
    """What a verdict on the case must be."""

    GUILTY = "guilty"
    INNOCENT = "innocent"
    PART = "part"


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration and its answer."""

    name: str  # program/case
    path: Path
    kind: Kind
    why: str
    culprits: tuple[str, ...]
    transports: tuple[str, ...]  # on which the culprit shows; () for an innocent
    behind: str  # what answers its upstream: an origin's name or another case's
    options: Mapping[str, str]
    seen: Mapping[str, str]  # name of an ask -> shape, and N or T
    text: str

    @property
    def program(self) -> str:
        return self.name.partition("/")[0]


def read(path: Path) -> Case:
    """Read one case.

    Raises:
        ValueError: its head does not say what it is.
    """
    text = path.read_text()
    name = path.relative_to(CASES).with_suffix("").as_posix()
    keys: dict[str, str] = {}
    for line in text.splitlines():
        if not _COMMENT.match(line):
            break
        if found := _HEADER.match(line):
            keys[found["key"]] = found["value"]
    kinds = [kind for kind in Kind if kind in keys]
    if len(kinds) != 1:
        raise ValueError(f"{name}: the head says none or several of {', '.join(Kind)}")
    kind = kinds[0]
    culprits = tuple(keys.pop("culprit", "").split())
    if (kind is Kind.GUILTY) != bool(culprits):
        raise ValueError(f"{name}: a guilty case names its culprit, no other does")
    return Case(
        name=name,
        path=path,
        kind=kind,
        why=keys.pop(kind),
        culprits=culprits,
        transports=tuple(keys.pop("transports", "").split()),
        behind=keys.pop("behind", "gunicorn"),
        seen={key[5:]: value for key, value in keys.items() if key.startswith("seen ")},
        options={key: value for key, value in keys.items() if not key.startswith("seen ")},
        text=text,
    )


def every() -> Iterator[Case]:
    """All cases and parts, by name."""
    for path in sorted(CASES.glob("*/*")):
        if path.is_file():
            yield read(path)


def find(name: str) -> Case:
    """The case of this name; its program may be left out where that says enough.

    Raises:
        LookupError: none, or several.
    """
    names = {case.name: case for case in every()}
    fitting = [case for full, case in names.items() if name in (full, full.replace("/", "-"))]
    fitting = fitting or [case for full, case in names.items() if full.endswith(f"/{name}")]
    if len(fitting) != 1:
        near = ", ".join(get_close_matches(name, names, n=4, cutoff=0.4))
        raise LookupError(f"case {name}: expected one, found {len(fitting)}; near: {near or 'none'}")
    return fitting[0]


def with_seen(text: str, seen: Mapping[str, str]) -> str:
    """The file's text with its `seen` lines written anew, at the end of its head."""
    lines = text.splitlines()
    head = next((at for at, line in enumerate(lines) if not _COMMENT.match(line)), len(lines))
    mark = (_COMMENT.match(lines[0]) or [""])[0].strip() or "#"
    kept = [
        line
        for line in lines[:head]
        if not ((found := _HEADER.match(line)) and found["key"].startswith("seen "))
    ]
    new = [f"{mark} seen {name}: {value}" for name, value in seen.items()]
    return "\n".join([*kept, *new, *lines[head:], ""])
