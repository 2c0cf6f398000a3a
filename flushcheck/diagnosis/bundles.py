"""All lines that the culprits of a run need in the configuration of one server, as one text to paste.

Of each culprit the first fix that can be pasted counts: the others are alternatives. Lines that set the same
are written once, and where two contradict each other the one that both need is kept. The address in the text
is that of the run. Each text passes the program's own test mode (tests/checking/test_bundles.py), except for
IIS: its lines are from documentation, and a note says so.

Left to others: which fixes there are (`fixes.py`), and what stands around the lines (`bundle_formats.py`). A
culprit that is only possible adds no lines, and a server gets a text only where some culprit leaves no other
server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from flushcheck.diagnosis.bundle_formats import FORMATS, YAML, Site
from flushcheck.diagnosis.yaml_lines import merged_yaml
from flushcheck.model import Bundle, Confidence, CulpritReport, Fix, Place, Server

# A path that needs no quotes in any of the formats; for another one the whole site is written.
_PLAIN_PATH = re.compile(r"/[\w./~-]*", re.ASCII)
_PLAIN_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*", re.ASCII)

# What changes of the catalogue write where the user's own path belongs, and where the app's address does.
EXAMPLE_PATH = "/stream/*"
EXAMPLE_RULE = "PathPrefix(`/stream`)"  # Traefik's
EXAMPLE_PATTERN = "^/stream "  # uWSGI's
EXAMPLE_APP = "http://127.0.0.1:8000/"

# How many words of a line name what it sets; of any other line the first.
_KEY_WORDS: Mapping[str, int] = {
    "proxy_set_header": 2,
    "option": 2,
    "timeout": 2,
    "compression": 2,
    "set": 2,
    "proxypass": 2,
    "http_upgrade_request_protocols": 2,
}


def site_of(target: str, direct: str = "") -> Site:
    """The address of a run.

    Args:
        target: its URL.
        direct: the app's own address; "" if it is not known.
    """
    parts = urlsplit(target)
    path = parts.path if _PLAIN_PATH.fullmatch(parts.path) else "/"
    host = (parts.hostname or "") if _PLAIN_HOST.fullmatch(parts.hostname or "") else "example.org"
    port = f":{parts.port}" if parts.port else ""
    scheme = "" if parts.scheme == "https" else "http://"
    return Site(path, f"{scheme}{host}{port}", direct if _is_plain(direct) else "")


def _is_plain(url: str) -> bool:
    """Whether this URL can be written between quotes as it is."""
    return re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/?", url, re.ASCII) is not None


def bundles(reports: Sequence[CulpritReport], site: Site) -> tuple[Bundle, ...]:
    """One text for each server that a culprit leaves alone.

    Args:
        reports: with the fixes that the run leaves.
        site: the address of the run.
    """
    sure = [report for report in reports if report.confidence is not Confidence.POSSIBLE]
    servers = dict.fromkeys(
        server for report in sure if (server := _only(report)) is not None and server in FORMATS
    )
    made = (_bundle(server, sure, site) for server in servers)
    return tuple(bundle for bundle in made if bundle is not None)


def _only(report: CulpritReport) -> Server | None:
    """The one server that the fixes of this culprit change on this path; None if there are several."""
    servers = {fix.server for fix in report.fixes if fix.server is not None}
    return servers.pop() if len(servers) == 1 else None


def _bundle(server: Server, reports: Iterable[CulpritReport], site: Site) -> Bundle | None:
    chosen = [(report.id, fix) for report in reports for fix in _needed(report.fixes, server)]
    fixes = [fix for _, fix in chosen]
    if not fixes:
        return None
    merge = merged_yaml if server in YAML else _merged
    lines = {place: merge(fix.change for fix in fixes if fix.place is place) for place in Place}
    removed = tuple(dict.fromkeys(name for fix in fixes for name in fix.removes))
    form = FORMATS[server]
    notes = dict.fromkeys(note for fix in fixes for note in (fix.note, fix.gateway_note) if note)
    return Bundle(
        server=server,
        where=form.where.format(path=site.path),
        change=_addressed("\n".join(form.write(lines, removed, site)), site),
        culprits=tuple(dict.fromkeys(name for name, _ in chosen)),
        notes=(*notes, *([form.note] if form.note else [])),
    )


def _addressed(text: str, site: Site) -> str:
    """The text with the addresses of the run in place of the examples; for a whole site the path's stays."""
    if site.path != "/":
        text = text.replace(EXAMPLE_PATH, f"{site.path.rstrip('/')}/*")
        text = text.replace(EXAMPLE_RULE, f"PathPrefix(`{site.path}`)")
        text = text.replace(EXAMPLE_PATTERN, f"^{site.pattern} ")
    return text.replace(EXAMPLE_APP, f"{site.app.rstrip('/')}/") if site.app else text


def _needed(fixes: Iterable[Fix], server: Server) -> tuple[Fix, ...]:
    """The first of them that can be pasted into the configuration of this server, and what joins it."""
    first, *others = [fix for fix in fixes if fix.server is server and (fix.place or fix.removes)] or (None,)
    return (first, *(fix for fix in others if fix.joins)) if first is not None else ()


def _merged(changes: Iterable[str]) -> tuple[str, ...]:
    """The lines of all changes, what sets the same once. A change of several blocks stays whole.

    Comments say what to remove: see `Fix.removes`.
    """
    merged: dict[str, str] = {}
    for change in changes:
        lines = [line for line in change.splitlines() if not line.startswith("#")]
        for line in [change] if "{" in change or "<" in change else lines:
            name = key(line)
            merged[name] = _both(merged[name], line) if name in merged else line
    return tuple(line for text in merged.values() for line in text.splitlines())


def key(line: str) -> str:
    """What a line sets: two lines with the same key set the same."""
    words = line.split()
    return " ".join(words[: _KEY_WORDS.get(words[0].lower(), 1)]).lower()


def _both(old: str, new: str) -> str:
    """One line for two that set the same: an empty value gives way, parameters are added."""
    if old.split(maxsplit=1)[0] == "ProxyPass":
        own = old.split()
        return " ".join([*own, *(word for word in new.split()[3:] if word not in own)])
    return new if old.endswith('"";') else old
