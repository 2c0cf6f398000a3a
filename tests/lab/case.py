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
measurement differ on that culprit (tests/checking/test_lab_agrees.py). Other keys are the program's own (`modules`, `args`, `app`).

    # program: nginx 1.30
    # tls: yes
    # clients: http1
    # seen chunked-token: held
    # seen-h2 chunked-token: flowing

`program` asks for a version (`versions.py`); without it the installed one runs. With `tls` the program serves https
with the certificate of a throw-away authority, /run/lab/cert.pem and key.pem (both.pem: the two in one file). `seen`
is then what an HTTP/1.1 client gets, `seen-h2` and `seen-h3` what a client of these protocols gets, where the server
offers them. `clients` says for which of `http1`, `browser` and `http3` a guilty case is held; without it, for all.
`chromium h2` says why a real Chromium rightly gets something else by that protocol (`chromium.py`).
`unknown to file` says why the config check cannot know an innocent case.
`js` is the text of a module of njs, /run/lab/filter.js.
`watched <stream>` is how a stream of `watched.py` arrives, where the observer's word is coarser; `why-watched` is the reason.
`clients of file` says why the config check rightly names other clients (tests/checking/test_lab_clients.py).
`culprit browser` names what holds a browser, where that is less than what holds the others.
`recorded: yes` keeps the recording of a case over TLS that `make test` does not run.
`origin` is the address, path and query, at which one of the files of `flushcheck origin write` responds; they are put
into /run/lab/origin with the token of `tests/lab/origins`. `outer` is that of
a second mount, outside of the app's layers, and `place` where the report must then find the fault. `note` is an id that a note of the report must name. `at-once: 1` makes the
observer ask one thing after the other.
`new-culprit` is an id that the catalogue does not have yet.

Everything else in the file is the program's configuration as people write it. Only ports and one folder are moved
when it is started: 80, 443, 8080 to 8099 and 8443 are the program's own, 8000 and the rest of `UPSTREAMS` what stands
behind it, /run/lab is its scratch folder and /srv/flushcheck the checkout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

CASES = Path(__file__).with_name("cases")

# What stands behind a case -> the port under which its file speaks of it.
UPSTREAMS: Mapping[str, int] = {"http": 8000, "fastcgi": 9000, "uwsgi": 3031, "scgi": 4000, "ajp": 8009}

_HEADER = re.compile(r"^\s*(?:#|;|//)\s?(?P<key>[a-z][a-z0-9 -]*?):\s*(?P<value>.*?)\s*$")
_COMMENT = re.compile(r"^\s*(?:#|;|//)")
_SEEN = re.compile(r"^seen(?:-(?P<protocol>h2|h3))? (?P<name>.+)$")


class Kind(StrEnum):
    """What a verdict on the case must be."""

    GUILTY = "guilty"
    INNOCENT = "innocent"
    PART = "part"


class Protocol(StrEnum):
    """How the observer asks. Over TLS, where the case has it; h2 and h3 only there."""

    HTTP1 = "http1"
    H2 = "h2"
    H3 = "h3"


class Client(StrEnum):
    """Who reads. The words are those of a report's `clients`."""

    HTTP1 = "http1"  # curl --http1.1, SDKs, other proxies
    BROWSER = (
        "browser"  # offers h2 and takes it where the server does; a WebSocket may need HTTP/1.1 all the same
    )
    HTTP3 = "http3"  # a browser that has seen alt-svc


Sights = Mapping[Protocol, Mapping[str, str]]  # by protocol: name of an ask -> shape, and N or T


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
    seen: Mapping[str, str]  # over HTTP/1.1: name of an ask -> shape, and N or T
    text: str
    version: str = ""  # of the program, as far as the case names it; "" for the installed one
    tls: bool = False
    sights: Sights = field(default_factory=dict)  # `seen` and what other protocols saw
    clients: tuple[Client, ...] = tuple(Client)  # for whom a guilty case is held

    @property
    def program(self) -> str:
        return self.name.partition("/")[0]

    @property
    def served(self) -> tuple[Client, ...]:
        """The clients that the case was seen to serve."""
        third = (Client.HTTP3,) if Protocol.H3 in self.sights else ()
        return (Client.HTTP1, Client.BROWSER, *third)

    def seen_by(self, client: Client) -> Mapping[str, str]:
        """What this client gets."""
        return seen_by({**self.sights, Protocol.HTTP1: self.seen}, client)


def seen_by(sights: Sights, client: Client) -> Mapping[str, str]:
    """What this client gets. Where its own protocol does not carry a stream it falls back to HTTP/1.1."""
    protocol = {Client.BROWSER: Protocol.H2, Client.HTTP3: Protocol.H3}.get(client, Protocol.HTTP1)
    return {**sights[Protocol.HTTP1], **sights.get(protocol, {})}


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
    program, _, version = keys.pop("program", "").partition(" ")
    if program not in ("", name.partition("/")[0]):
        raise ValueError(
            f"{name}: program: {program}: expected the folder's, for example {name.partition('/')[0]} 1.0"
        )
    sights: dict[Protocol, dict[str, str]] = {Protocol.HTTP1: {}}
    for key in [key for key in keys if _SEEN.match(key)]:
        found = _SEEN.match(key)
        assert found is not None
        sights.setdefault(Protocol(found["protocol"] or Protocol.HTTP1), {})[found["name"]] = keys.pop(key)
    return Case(
        name=name,
        path=path,
        kind=kind,
        why=keys.pop(kind),
        culprits=culprits,
        transports=tuple(keys.pop("transports", "").split()),
        behind=keys.pop("behind", "gunicorn"),
        clients=tuple(Client(word) for word in keys.pop("clients", " ".join(Client)).split()),
        tls=keys.pop("tls", "no") == "yes",
        version=version,
        seen=sights[Protocol.HTTP1],
        sights=sights,
        options=keys,
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


def with_seen(text: str, sights: Sights) -> str:
    """The file's text with its `seen` lines written anew, at the end of its head."""
    lines = text.splitlines()
    head = next((at for at, line in enumerate(lines) if not _COMMENT.match(line)), len(lines))
    mark = (_COMMENT.match(lines[0]) or [""])[0].strip() or "#"
    kept = [
        line for line in lines[:head] if not ((found := _HEADER.match(line)) and _SEEN.match(found["key"]))
    ]
    new = [
        f"{mark} seen{'' if protocol is Protocol.HTTP1 else f'-{protocol}'} {name}: {value}"
        for protocol, seen in sights.items()
        for name, value in seen.items()
    ]
    return "\n".join([*kept, *new, *lines[head:], ""])
