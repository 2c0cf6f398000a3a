"""Any file is checked or refused with a reason: without a traceback, in little time and little memory.

The short form runs with the suite. `LONG=1 pytest tests/checking/test_hostile.py` takes minutes: every shape of a
megabyte, every two shapes at once, and 20,000 mutated files, or as many as MUTATED says.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flushcheck.checking.check import CheckResult
from flushcheck.configs.findings import Server
from flushcheck.files import check_text
from flushcheck.files.sources import Unreadable, decode
from flushcheck.reports.diff import diff
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.reports.sarif import sarif
from tests.checking.marks import CONFIGS, fixtures, server_of
from tests.checking.shapes import ANY_SERVER, OWN

LONG = bool(os.environ.get("LONG"))
MUTATED = int(os.environ.get("MUTATED", "20000"))
FILES = [(path, path.read_bytes()) for path in fixtures()]


def look(text: str, server: Server | None, name: str) -> CheckResult:
    """Check and render in every format; the output can be encoded."""
    checked = check_text(text, server=server, name=name)
    json.dumps([findings_document(checked), sarif(checked)])
    shown = findings_text(checked, width=80, color=True)
    assert shown.replace("\n", "").replace("\x1b[", "").isprintable()
    diff(checked.findings, {name: text}, strict=True).encode(errors="surrogateescape")
    assert checked.exit_code() in (0, 1, 3)
    lines = text.count("\n") + 1
    for finding in checked.findings:
        assert 1 <= finding.line <= lines
        assert 1 <= finding.block_line <= lines
        assert len(finding.message) < 2_000
    return checked


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file after one to eight changes: bytes changed, lost, doubled, moved, or taken from another file."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(out) + 1)
        end = min(len(out), at + rng.choice((1, 1, 2, 5, 40, 400)))
        match rng.randrange(7):
            case 0:
                out[at:end] = bytes(rng.randrange(256) for _ in range(end - at))
            case 1:
                del out[at:end]
            case 2:
                out[at:at] = out[at:end] * rng.choice((1, 2, 50))
            case 3:
                out[at:at] = rng.choice(
                    (
                        b"{",
                        b"}",
                        b";",
                        b'"',
                        b"'",
                        b"\\",
                        b"\n",
                        b"\r\n",
                        b"#",
                        b"<",
                        b">",
                        b"(",
                        b"\0",
                        b"\xff",
                        b"$",
                        b"\xef\xbb\xbf",
                    )
                )
            case 4:
                other = rng.choice(FILES)[1]
                out[at:at] = other[: rng.randrange(200)]
            case 5:
                out[at:end] = out[at:end].swapcase()
            case _:
                chunk = bytes(out[at:end])
                del out[at:end]
                to = rng.randrange(len(out) + 1)
                out[to:to] = chunk
    return bytes(out)


@pytest.mark.timeout(7200 if LONG else 300)
@pytest.mark.parametrize(
    "path", [path for path, _ in FILES], ids=lambda path: path.relative_to(CONFIGS).as_posix()
)
def test_mutated_files_are_checked_or_refused(path: Path) -> None:
    times = MUTATED // len(FILES) + 1 if LONG else 12
    rng = random.Random(path.name)
    data = path.read_bytes()
    for _ in range(times):
        broken = mutated(data, rng)
        try:
            text = decode(broken)
        except Unreadable:
            continue
        # Its own server, then any other: a wrong server is a mutation as well.
        look(text, server_of(path), path.name)
        if rng.random() < 0.2:
            look(text, rng.choice([None, *Server]), rng.choice(("", path.name, "pasted")))


WORDS = st.sampled_from(
    sorted({*ANY_SERVER.values(), *(shape for own in OWN.values() for shape in own.values())}, key=str)
)


@settings(max_examples=5_000 if LONG else 150, suppress_health_check=[HealthCheck.too_slow])
@given(
    parts=st.lists(st.one_of(WORDS, st.text(max_size=20)), max_size=30),
    server=st.sampled_from([None, *Server]),
    name=st.sampled_from(
        ["pasted", "x.conf.py", "Dockerfile", "Procfile", "a.service", ".htaccess", "php.ini", "x.yaml"]
    ),
)
def test_any_text_is_checked_or_refused(parts: list[str], server: Server | None, name: str) -> None:
    look("".join(parts).replace("\0", "0"), server, name)


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        text = decode(data)
    except Unreadable:
        return
    look(text, None, "pasted")


def run_shapes(server: Server, size: int, *more: str) -> list[tuple[str, float, float, int]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.checking.shapes", server, str(size), *more],
        cwd=CONFIGS.parents[1],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("server", list(Server))
def test_a_large_file_takes_little_time_and_memory(server: Server) -> None:
    # CPU time, so that a busy machine does not count; a tenth of a megabyte in a tenth of the time in the short form.
    size, most_s = (1_000_000, 2.0) if LONG else (100_000, 1.0)
    for name, judged_s, rendered_s, most_mb in run_shapes(server, size):
        assert judged_s < most_s, name
        assert rendered_s < most_s, name
        assert most_mb < 200, name


@pytest.mark.skipif(not LONG, reason="LONG=1: minutes")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("server", list(Server))
def test_two_shapes_at_once_take_little_time_and_memory(server: Server) -> None:
    # A fifth of a megabyte: there are 2,000 pairs. What takes quadratic time is over the bound at this size too.
    for name, judged_s, rendered_s, most_mb in run_shapes(server, 200_000, "pairs"):
        assert judged_s < 1, name
        assert rendered_s < 1, name
        assert most_mb < 200, name


@pytest.mark.slow
@pytest.mark.parametrize("server", [Server.NGINX, Server.APACHE])
def test_a_megabyte_of_ordinary_configuration(server: Server) -> None:
    own = {
        Server.NGINX: "server {\n listen 80;\n location / {\n  proxy_set_header Host $host;\n  proxy_pass http://127.0.0.1:8000;\n }\n}\n",
        Server.APACHE: "<VirtualHost *:80>\n ServerName x\n ProxyPass / http://127.0.0.1:8000/\n</VirtualHost>\n",
    }[server]
    text = own * (1_000_000 // len(own))
    checked = look(text, server, "large.conf")
    assert any("the rest was not checked" in problem.reason for problem in checked.problems)


def test_ten_thousand_lines_are_checked_to_the_end() -> None:
    block = "location /{n} {{\n  proxy_buffering off;\n  proxy_pass http://127.0.0.1:8000;\n}}\n# a comment\n"
    text = (
        "".join(block.format(n=n) for n in range(900))
        + "map $a $b {\n"
        + "a b;\n" * 6_000
        + "}\nlocation /last {\nproxy_pass http://x;\n}\n"
    )
    assert text.count("\n") > 10_000
    checked = check_text(text, server=Server.NGINX, name="long.conf")
    assert [
        (finding.culprit.id, finding.block) for finding in checked.findings if finding.level == "error"
    ] == [("nginx-proxy-buffering", "location /last")]
    assert checked.exit_code() == 1
