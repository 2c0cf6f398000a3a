"""nginx configuration as text: written as Debian ships it, and changed as a person with an editor would.

Everything here is pure: text in, text out. What a directive means is nginx's business; this module only finds
it, so that a test can put a printed fix into the very file that was guilty, or delete a line that matters from a
file that ships.

A directive is addressed by its location (`"/"` means the block `location / {`), or by None for the text as a
whole. Comments and quoted strings are never mistaken for directives or braces.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Directives that may stand several times in one block, told apart by their first argument: a fix for one of them
# replaces only the one with the same argument.
KEYED = frozenset(
    {
        "add_header",
        "fastcgi_hide_header",
        "fastcgi_param",
        "fastcgi_pass_header",
        "proxy_hide_header",
        "proxy_pass_header",
        "proxy_set_header",
    }
)

# One token: a comment, a quoted string (kept whole), a brace, a semicolon, or a word. `${name}` is part of a word.
TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<word>(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\$\{\w+\}|[^\s;{}"'\#]"""
    r"""(?:\$\{\w+\}|[^\s;{}])*)+)|(?P<mark>[;{}])""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive and where it stands in the text (offsets in characters; `end` is past its `;` or `}`)."""

    words: tuple[str, ...]  # name and arguments, as written
    start: int
    end: int
    body: tuple[int, int] | None  # the text between its braces; None for a simple directive

    @property
    def key(self) -> tuple[str, ...]:
        """What two directives have in common when the second would take the place of the first."""
        return self.words[:2] if self.words[0] in KEYED else self.words[:1]


def directives(text: str, *, start: int = 0, end: int | None = None) -> tuple[Directive, ...]:
    """Return the directives between two offsets, one level deep, in order.

    Raises:
        ValueError: braces or semicolons do not add up.
    """
    found: list[Directive] = []
    words: list[str] = []
    began = inside = depth = 0
    for token in TOKEN.finditer(text, start, len(text) if end is None else end):
        if token["comment"]:
            continue
        if depth == 0 and token["word"]:
            if not words:
                began = token.start()
            words.append(token["word"])
        elif token["mark"] == "{":
            if depth == 0:
                inside = token.end()
            depth += 1
        elif token["mark"] == "}":
            depth -= 1
            if depth < 0:
                raise ValueError(f"a brace too many at offset {token.start()}")
            if depth == 0:
                found.append(Directive(tuple(words), began, token.end(), (inside, token.start())))
                words = []
        elif token["mark"] == ";" and depth == 0:
            found.append(Directive(tuple(words), began, token.end(), None))
            words = []
    if depth or words:
        raise ValueError(f"unfinished: {' '.join(words) or 'a block without its closing brace'}")
    return tuple(found)


def _body_of(text: str, location: str | None) -> tuple[int, int]:
    """Return the offsets of the text inside one location, or of the whole text for None.

    Raises:
        LookupError: no such location, or more than one.
    """
    if location is None:
        return 0, len(text)
    bodies: list[tuple[int, int]] = []
    todo = [(0, len(text))]
    while todo:
        start, end = todo.pop()
        for one in directives(text, start=start, end=end):
            if one.body is None:
                continue
            todo.append(one.body)
            if one.words[0] == "location" and " ".join(one.words[1:]) == location:
                bodies.append(one.body)
    if len(bodies) != 1:
        raise LookupError(f"location {location}: expected one, found {len(bodies)}")
    return bodies[0]


def apply_fix(text: str, change: str, *, location: str | None = "/") -> str:
    """Return the text with the printed change made, as a person would make it.

    A directive that stands there already (the same name; for headers and parameters the same name and first
    argument) is replaced where it stands: nginx refuses it twice. Everything else goes to the end of the block.

    Args:
        text: the file.
        change: directives as a Fix prints them, one or several, on one line or more.
        location: the block to change; None for the top of an http { } include, where new ones go first.

    Raises:
        LookupError: no such location.
        ValueError: the change is not made of directives.
    """
    for new in directives(change):
        line = change[new.start : new.end]
        start, end = _body_of(text, location)
        old = [one for one in directives(text, start=start, end=end) if one.key == new.key]
        if new.body is None and old:
            text = text[: old[0].start] + line + text[old[0].end :]
        elif location is None:
            text = f"{line}\n{text}"
        else:
            # Before the line of the closing brace.
            at = start + len(text[start:end].rstrip())
            text = f"{text[:at]}\n        {line}{text[at:]}"
    return text


def without(text: str, directive: str, *, location: str | None = "/") -> str:
    """Return the text with one directive deleted; the comment on its line goes with it when it stood alone.

    Args:
        text: the file.
        directive: how it begins, as written: `"proxy_buffering"` or `"proxy_set_header Upgrade"`.
        location: the block it stands in; None for the top level.

    Raises:
        LookupError: it stands there not once, so the test would prove nothing.
    """
    wanted = tuple(directive.rstrip(";").split())
    start, end = _body_of(text, location)
    found = [one for one in directives(text, start=start, end=end) if one.words[: len(wanted)] == wanted]
    if len(found) != 1:
        raise LookupError(f"{directive}: expected once, found {len(found)} times")
    begin = text.rfind("\n", 0, found[0].start) + 1
    after = re.compile(r"[ \t]*(?:#[^\n]*)?\n?").match(text, found[0].end)
    if text[begin : found[0].start].strip() or after is None:
        return text[: found[0].start] + text[found[0].end :]
    return text[:begin] + text[after.end() :]


def site(location: str, *, server: str = "", http: str = "") -> str:
    """Return a site as people write it: one server on port 80 with one location.

    Args:
        location: the directives in `location / { }`.
        server: more directives (or locations) in the server block.
        http: what stands beside the server block: maps, upstreams, cache zones, `gzip_types`.
    """
    parts = [http.strip(), "server {", "    listen 80;", "    server_name _;"]
    parts += [f"    {line.strip()}" for line in server.strip().splitlines()]
    parts += ["", "    location / {"]
    parts += [f"        {line.strip()}" for line in location.strip().splitlines()]
    parts += ["    }", "}", ""]
    return "\n".join(parts).lstrip("\n")


def placed(text: str, *, port: int, upstreams: Mapping[int, int] | None = None) -> str:
    """Return the text with its ports moved to where a test has put things, and nothing else changed.

    Args:
        text: a file as it ships or as people write it.
        port: takes the place of 80 in `listen 80`, on the loopback only. Other listens stay as they are.
        upstreams: port in the file → port in this run, for addresses `127.0.0.1:PORT`.
    """
    text = re.sub(r"(?m)^(\s*listen\s+)80(?=[\s;])", rf"\g<1>127.0.0.1:{port}", text)
    moves = {str(old): str(new) for old, new in (upstreams or {}).items()}
    return re.sub(
        r"127\.0\.0\.1:(\d+)\b",
        lambda found: f"127.0.0.1:{moves.get(found[1], found[1])}",
        text,
    )


def debian_main(prefix: Path, site_file: Path, *, user: str | None = None) -> str:
    """Return nginx.conf as Debian 12 ships it, with every path inside `prefix`.

    Kept from Debian: `sendfile`, `tcp_nopush`, `types_hash_max_size`, **`gzip on`** (for text/html alone, as long as
    no `gzip_types` is set), `worker_processes auto`, `worker_connections 768`. Source: nginx-common 1.22.1-9.

    Args:
        prefix: an existing folder, absolute; logs, pid and temporary files go there.
        site_file: what stands for sites-enabled/*.
        user: whom the workers run as, when started by root.
    """
    types = Path("/etc/nginx/mime.types")
    return f"""\
{f"user {user};" if user else "# not root: workers run as the current user"}
worker_processes auto;
daemon off;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log notice;

events {{
    worker_connections 768;
}}

http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    {f"include {types};" if types.exists() else "types { text/html html; }"}
    default_type application/octet-stream;
    access_log {prefix}/access.log;
    gzip on;

    client_body_temp_path {prefix}/tmp/body;
    proxy_temp_path {prefix}/tmp/proxy;
    fastcgi_temp_path {prefix}/tmp/fastcgi;
    uwsgi_temp_path {prefix}/tmp/uwsgi;
    scgi_temp_path {prefix}/tmp/scgi;

    include {site_file};
}}
"""
