"""The table of what real servers do: `python -m tests.lab.measured` writes it anew from the heads of the cases.

Two files are made of the same rows: the data that the service shows at /culprits/measured, and docs/measured.md.
The `seen` lines are the source of each cell, and what no line says stays empty. The lab's own relays and hops are
not in it: no program of the field behaves so.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version as installed

from flushcheck.checking.check import merge
from flushcheck.configs.findings import Finding, Server
from flushcheck.culprits import CULPRITS
from flushcheck.files import check_text
from flushcheck.model import Culprit, Owner, Source, Transport
from flushcheck.model.codec import to_json
from flushcheck.model.versions import Version, VersionChange
from flushcheck.reports.measured import markdown
from flushcheck.reports.measured_cases import (
    MeasuredCase,
    MeasuredFix,
    MeasuredStreams,
    MeasuredTable,
    Protocol,
)
from tests.checking.test_lab_agrees import PROGRAMS, files
from tests.lab import versions
from tests.lab.case import Case, Kind, every
from tests.lab.case import Protocol as Asked
from tests.lab.verdicts import ROUTES
from tests.live.servers import ROOT

DATA = ROOT / "flushcheck" / "service" / "measured.json"
PAGE = ROOT / "docs" / "measured.md"

# Written for the laboratory: they are links and hops, not programs that people run.
OF_THE_LAB = ("hop", "relay")

# Programs that the laboratory does not ask for their version -> Debian's package, or PyPI's where that is said.
PACKAGES: Mapping[str, str] = {
    "h2o": "h2o",
    "lighttpd": "lighttpd",
    "mighttpd": "mighttpd2",
    "nghttpx": "nghttp2-proxy",
    "node": "nodejs",
    "passenger": "libapache2-mod-passenger",
    "pen": "pen",
    "perlbal": "perlbal",
    "php": "php8.2-fpm",
    "php-fpm": "php8.2-fpm",
    "privoxy": "privoxy",
    "socat": "socat",
    "sslh": "sslh",
    "tinyproxy": "tinyproxy",
    "trafficserver": "trafficserver",
    "uwsgi": "uwsgi-core",
    "varnish": "varnish",
}
FROM_PYPI = ("gunicorn", "hypercorn")

# A folder of several programs, each in the case of its name.
SEVERAL = "tcp"

# In place of the observer's words, those of a sentence; a number follows some of them.
WORDS: Mapping[str, str] = {
    "flowing": "flows",
    "blocks": "blocks of {} bytes",
    "ticks": "ticks of {} s",
    "one-late": "one piece late",
    "failed": "fails: {}",
}


def program(case: Case) -> str:
    """The command's name of the program that a case runs."""
    return case.name.partition("/")[2] if case.program == SEVERAL else case.program


def display_name(name: str) -> str:
    """A program as it writes its own name."""
    return PROGRAMS[name].display_name if name in set(Server) else name


def version_here(case: Case) -> str:
    """The version of a case's program on this machine."""
    if case.program in FROM_PYPI:
        return installed(case.program)
    if package := PACKAGES.get(program(case), ""):
        argv = ["dpkg-query", "-W", "-f", "${Version}", package]
        answer = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", answer)
        return found[1] if found else ""
    return versions.version_of(case.program, case.version)


def table(version_of: Callable[[Case], str] = version_here) -> MeasuredTable:
    """All cases of programs that people run, by program, version and name."""
    cases = [
        measured(case, version_of(case))
        for case in every()
        if case.kind is not Kind.PART and case.program not in OF_THE_LAB and any(case.sights.values())
    ]
    return MeasuredTable(
        tuple(sorted(cases, key=lambda case: (case.program.lower(), numbers(case.version), case.name)))
    )


def numbers(version: str) -> Version:
    """A version as numbers, to sort by."""
    return tuple(int(part) for part in version.split(".") if part)


def measured(case: Case, version: str) -> MeasuredCase:
    """One case as a row of the table."""
    over_http1 = Protocol.TLS if case.tls else Protocol.PLAIN
    named = {Asked.HTTP1: over_http1, Asked.H2: Protocol.HTTP2, Asked.H3: Protocol.HTTP3}
    rows = [streams(protocol, case.sights.get(asked, {})) for asked, protocol in named.items()]
    head = len(case.text) - len(re.sub(r"\A(?:\s*(?:#|;|//).*\n)+", "", case.text))
    return MeasuredCase(
        program=display_name(program(case)),
        version=version,
        name=case.name,
        summary=case.why,
        configuration=case.text[head:].strip("\n"),
        behind=case.behind,
        streams=tuple(row for row in rows if row != MeasuredStreams(row.protocol)),
        culprits=case.culprits,
        fixes=tuple(fixes(case, version)),
    )


def streams(protocol: Protocol, seen: Mapping[str, str]) -> MeasuredStreams:
    """What one protocol's `seen` lines say of each transport."""
    cells = {transport.value: behaviour(seen, route) for transport, route in ROUTES.items()}
    return MeasuredStreams(protocol, **{name: cells[name] for name in (each.value for each in Transport)})


def behaviour(seen: Mapping[str, str], route: str) -> str:
    """What becomes of a transport's text, in words: the worst of what its sizes of pieces show.

    A stream that is shorter than a buffer arrives at its end; a longer one shows the blocks.
    """
    transport = route.removesuffix("-token")
    shapes = [seen[name] for name in (route, f"{transport}-kilo") if name in seen]
    sized = [seen.get(f"{transport}-{size}", "") for size in ("kilo", "long", "big", "token")]
    blocks = next((shape for shape in sized if shape.startswith("blocks ")), "")
    guilty = [shape for shape in shapes if shape.partition(" ")[0] not in ("flowing", "irregular")]
    if guilty and blocks and guilty[0].partition(" ")[0] in ("held", "blocks"):
        guilty = [blocks]
    if not shapes:
        return ""
    word, _, number = (guilty or shapes)[0].partition(" ")
    return WORDS.get(word, word).format(number).removesuffix(": ")


def fixes(case: Case, version: str) -> Iterable[MeasuredFix]:
    """The lines that free it: those that the config check names in its files, else the catalogue's for this program."""
    if case.kind is not Kind.GUILTY:
        return
    own = [check_text(file.text, server=PROGRAMS[file.program], name=file.name) for file in files(case)]
    findings = merge(own).findings if own else ()
    named = [fix for name in case.culprits for fix in _from_file(name, findings)]
    yield from named or _from_catalogue(case, CULPRITS[case.culprits[0]], version, read=bool(own))


def _from_file(culprit: str, findings: Iterable[Finding]) -> Iterable[MeasuredFix]:
    found = next(
        (
            finding
            for finding in findings
            # What ends a stream or refuses it holds nothing; there a line of the file counts, and no other advice.
            if finding.culprit.id == culprit
            and (finding.holds or (not finding.culprit.holds and finding.fix.by is Owner.SERVER))
        ),
        None,
    )
    if found:
        yield MeasuredFix(culprit, found.fix.where, found.fix.change)


def _from_catalogue(case: Case, culprit: Culprit, version: str, *, read: bool) -> Iterable[MeasuredFix]:
    """The first fix of a culprit that changes this program, or that the app can apply; other programs' lines fit no file.

    Where the config check has read the file and does not name the culprit, a line that is for several programs fits
    no more.
    """

    def known(change: VersionChange) -> Version:
        return numbers(version)

    own = culprit.id.startswith(f"{case.program}-")
    server = PROGRAMS.get(program(case))
    fits = own or not (read and Source.FILE in culprit.shown_by)
    fitting = [
        fix
        for fix in culprit.fixes
        if fix.is_offered(known)
        and (fix.server is server and fits if fix.server else own or fix.by is Owner.APP)
    ]
    for fix in sorted(fitting, key=lambda fix: (fix.server is not server, fix.by is not Owner.SERVER))[:1]:
        yield MeasuredFix(culprit.id, fix.where, fix.change)


def main() -> None:
    """Write both files."""
    rows = table()
    DATA.write_text(json.dumps(to_json(rows), indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(markdown(rows))


if __name__ == "__main__":
    main()
