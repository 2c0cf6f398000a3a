"""`flushcheck check`: text, JSON, SARIF, a patch, and exit codes."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flushcheck.cli import parser
from flushcheck.cli.console import Console
from flushcheck.files import running
from flushcheck.model import UsageError

GUILTY = "location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n"
CLEAN = "location / {\n  uwsgi_buffering off;\n  uwsgi_pass x;\n}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Out(io.TextIOWrapper):
    def text(self) -> str:
        self.flush()
        raw = self.buffer
        assert isinstance(raw, io.BytesIO)
        return raw.getvalue().decode(errors="surrogateescape")


def check(monkeypatch: pytest.MonkeyPatch, *args: str, stdin: bytes = b"") -> tuple[int, str]:
    """Run the command as the command line does."""
    out = Out(io.BytesIO(), encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        arguments = parser().parse_args(["check", *args])
        return arguments.run(arguments, Console()), out.text()


def test_text_for_a_terminal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nginx.conf").write_text(
        GUILTY + "# flushcheck: allow nginx-proxy-buffering responses are short\n" + GUILTY
    )
    code, text = check(monkeypatch, "nginx.conf")
    assert code == 1
    flat = " ".join(text.split())
    assert "1 error nginx-proxy-buffering in location /" in flat
    assert "proxy_buffering off;" in text
    assert "cost:" in text
    assert "allowed in the file nginx.conf:4 nginx-proxy-buffering in location /: responses are short" in flat
    assert "1 error, 0 warnings" in flat


def test_json(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nginx.conf").write_text(GUILTY + CLEAN)
    code, text = check(monkeypatch, "--json", "nginx.conf")
    document = json.loads(text)
    assert code == 1
    assert document["schema"] == 2
    finding = document["findings"][0]
    assert finding.keys() >= {"id", "level", "file", "line", "server", "message", "fix"}
    assert (finding["id"], finding["level"], finding["line"], finding["server"]) == (
        "nginx-proxy-buffering",
        "error",
        1,
        "nginx",
    )
    assert finding["fix"]["change"] == "proxy_buffering off;"
    assert [(one["block"], one["line"]) for one in document["passed"]] == [("location /", 4)]
    assert document["counts"]["error"] == 1
    assert document["files"] == ["nginx.conf"]


def test_sarif(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nginx").mkdir()
    Path("nginx/a b.conf").write_text(
        "server {\n proxy_buffering on;\n # flushcheck: allow idle-timeout heartbeats come\n location / {\n proxy_pass http://x;\n }\n}\n"
    )
    code, text = check(monkeypatch, "--sarif", "nginx")
    log = json.loads(text)
    assert code == 1
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "nginx/a%20b.conf"
        assert place["region"]["startLine"] >= 1
    held = next(result for result in run["results"] if result["ruleId"] == "nginx-proxy-buffering")
    assert held["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    assert held["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 4
    allowed = next(result for result in run["results"] if "suppressions" in result)
    assert allowed["suppressions"] == [{"kind": "inSource", "justification": "heartbeats come"}]


def test_the_patch_applies(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nginx.conf").write_bytes(b"# \xe9\n" + GUILTY.encode())
    code, text = check(monkeypatch, "--diff", "nginx.conf")
    assert code == 1
    subprocess.run(["git", "apply", "-"], input=text.encode(errors="surrogateescape"), check=True, timeout=30)
    assert (
        Path("nginx.conf").read_bytes()
        == b"# \xe9\nlocation / {\n  proxy_buffering off;\n  proxy_pass http://127.0.0.1:8000;\n}\n"
    )
    assert check(monkeypatch, "--diff", "nginx.conf") == (0, "")


CODES = [
    # name                  text            arguments                         code
    ("guilty",              GUILTY,         ("f",),                           1),
    ("clean",               CLEAN,          ("f",),                           0),
    ("strict",              CLEAN,          ("f", "--strict"),                1),
    ("static",              "location / { root /srv; }", ("f",),              0),
    ("broken",              "location / {", ("f",),                           3),
    ("the newer default",   GUILTY,         ("f", "--server-version", "1.29.7"), 0),
    ("another server",      GUILTY,         ("f", "--server", "php"),         3),
    ("standard input",      GUILTY,         ("-",),                           1),
    ("an unknown format",   "hello",        ("f",),                           3),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "args", "code"), CODES, ids=[row[0] for row in CODES])
def test_exit_codes(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, args: tuple[str, ...], code: int
) -> None:
    Path("f").write_text(text)
    assert check(monkeypatch, *args, stdin=text.encode())[0] == code


PARTS = [
    # name                       text                                     what is said
    ("a part of a whole",        "entryPoints:\n  web:\n    address: ':80'\n", "no block here passes to an app. Where this is a part"),
    ("one that is not known",    "hello",                                  "Nothing could be checked.\n"),
    ("a whole one",              "events {}\nhttp { server { listen 80; location / { root /srv; } } }", "1 file read: nothing here passes to an app."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), PARTS, ids=[row[0] for row in PARTS])
def test_a_file_that_shows_nothing_says_why(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, said: str
) -> None:
    file = "f.yml" if text.startswith("entryPoints") else "nginx.conf"
    Path(file).write_text(text)
    assert said in " ".join(check(monkeypatch, file)[1].split()) + "\n"


MISUSE = [
    ((), "no file"),
    (("gone",), "no such file"),
    (("f", "--running", "nginx"), "expected one of the two"),
    (("f", "-"), "expected --server"),
    (("f", "--server-version", "new"), "for example 1.22.1"),
]


@pytest.mark.parametrize(("args", "reason"), MISUSE)
def test_a_usage_error_says_what_is_expected(
    here: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], reason: str
) -> None:
    Path("f").write_text(GUILTY)
    with pytest.raises(UsageError, match=reason):
        check(monkeypatch, *args)


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_running_asks_the_program(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "dump").write_text(f"# configuration file /etc/nginx/nginx.conf:\n{GUILTY}\n")
    program(
        here,
        "nginx",
        f'case $1 in -T) cat {here}/dump; echo ok >&2;; -v) echo "nginx version: nginx/1.31.0" >&2;; esac',
    )
    monkeypatch.setenv("PATH", f"{here}:{os.environ['PATH']}")
    code, text = check(monkeypatch, "--running", "nginx")
    assert code == 0
    assert "since 1.29.7" in " ".join(text.split())


def test_running_reports_why_a_program_fails(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(here, "nginx", "echo 'nginx: [emerg] permission denied' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{here}:{os.environ['PATH']}")
    code, text = check(monkeypatch, "--running", "nginx")
    assert code == 3
    assert "permission denied" in " ".join(text.split())


def test_running_has_a_time_limit(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(here, "nginx", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{here}:{os.environ['PATH']}")
    monkeypatch.setattr(running, "TIMEOUT_S", 0.2)
    code, text = check(monkeypatch, "--running", "nginx")
    assert code == 3
    assert "no output within" in text


@contextlib.contextmanager
def process(title: str, folder: Path) -> Iterator[None]:
    """A process with this title and nothing else in /proc/PID/cmdline: what setproctitle leaves of a command line."""
    with subprocess.Popen([title], executable="/bin/cat", stdin=subprocess.PIPE, cwd=folder) as child:
        # The kernel sets the arguments a moment after Popen returns.
        while not Path(f"/proc/{child.pid}/cmdline").read_bytes():
            os.sched_yield()
        yield  # its standard input is closed at the end, and so it ends


HIDDEN = [
    # name                      the file in its folder    the command that helps
    ("a file where it is read",  "gunicorn.conf.py",      "flushcheck check --server gunicorn {folder}/gunicorn.conf.py"),
    ("a file of another name",   "settings.py",           "flushcheck check --server gunicorn gunicorn.conf.py"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "command"), HIDDEN, ids=[name for name, *_ in HIDDEN])
def test_running_says_that_setproctitle_hides_a_gunicorn(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, command: str
) -> None:
    (here / file).write_text("workers = 2\n")
    title = f"gunicorn: master [{here.name}:app]"
    with process(title, here):
        seen = [(args, folder) for args, folder in running._command_lines() if args == [title]]
        assert [folder for _, folder in seen] == [str(here)]
        monkeypatch.setattr(running, "_command_lines", lambda: iter(seen))  # not those of other tests
        code, text = check(monkeypatch, "--json", "--running", "gunicorn")
    assert code == 3
    (problem,) = json.loads(text)["problems"]
    assert problem["file"] == title
    assert problem["reason"].startswith("setproctitle hides the command line of this process")
    assert problem["reason"].endswith(f"for example {command.format(folder=here)}")


def test_running_checks_the_gunicorn_that_shows_its_settings(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = [
        (["gunicorn: master [a:app]"], str(here)),
        (["/usr/bin/python3", "gunicorn", "b:app"], str(here)),
    ]
    monkeypatch.setattr(running, "_command_lines", lambda: iter(processes))
    code, text = check(monkeypatch, "--json", "--running", "gunicorn")
    document = json.loads(text)
    assert code == 1
    assert [finding["id"] for finding in document["findings"]] == ["gunicorn-sync-worker", "gunicorn-timeout"]
    assert [problem["file"] for problem in document["problems"]] == ["gunicorn: master [a:app]"]


@pytest.mark.parametrize("server", [server.value for server in running.RUNNING])
def test_running_on_this_machine(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # It is there or it is not, and may refuse: each has its own code.
    with contextlib.suppress(UsageError):
        assert check(monkeypatch, "--running", server)[0] in (0, 1, 3)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_hook_definition_runs_this_command() -> None:
    text = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text()
    assert "entry: flushcheck check" in text
