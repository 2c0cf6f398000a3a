"""Options that every command has: -o, -q, -v, --color; help, completion in real shells, and the manual page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flushcheck.cli import COMMANDS, main
from flushcheck.prober import dump
from tests.cli.test_main import HELD
from tests.diagnosis.paths import Path as DiagnosedPath
from tests.prober.peers import Client, scripted_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def saved(tmp_path: Path) -> str:
    path = tmp_path / "run.json"
    path.write_text(dump(DiagnosedPath(4096).run()))
    return str(path)


def test_output_goes_to_a_file_without_colors(saved, tmp_path, capsys):
    file = tmp_path / "report.txt"
    assert main(["judge", saved]) == 1
    text = capsys.readouterr().out
    assert main(["judge", saved, "--color", "always", "-o", str(file)]) == 1
    assert capsys.readouterr().out == ""
    assert file.read_text() == text


def test_a_file_that_cannot_be_written_is_wrong_usage(saved, capsys):
    assert main(["judge", saved, "-o", "/none/report.txt"]) == 2
    assert (
        "-o /none/report.txt: No such file or directory; expected a writable file, for example"
        in capsys.readouterr().err
    )


def test_a_patch_in_a_file_has_its_bytes(tmp_path, capsys):
    conf, patch = tmp_path / "nginx.conf", tmp_path / "a.patch"
    conf.write_bytes(b"# \xff\nlocation / {\n  proxy_pass http://127.0.0.1:8000;\n}\n")
    assert main(["check", str(conf), "--diff", "-o", str(patch)]) == 1
    assert b" # \xff\n" in patch.read_bytes()
    assert capsys.readouterr().out == ""


COLORS = [
    # --color,          environment,                              colored
    ("always",          {},                                       True),
    ("always",          {"NO_COLOR": "1"},                        True),
    ("never",           {},                                       False),
    ("never",           {"FORCE_COLOR": "1"},                     False),
    ("auto",            {},                                       False),
    ("auto",            {"FORCE_COLOR": "1"},                     True),
    ("auto",            {"FORCE_COLOR": "0"},                     True),
    ("auto",            {"FORCE_COLOR": ""},                      False),
    ("auto",            {"FORCE_COLOR": "1", "TERM": "dumb"},     True),
    ("auto",            {"FORCE_COLOR": "1", "NO_COLOR": "1"},    True),
]  # fmt: skip


@pytest.mark.parametrize(("when", "environ", "colored"), COLORS)
def test_color_is_chosen(when, environ, colored, saved, capsys, monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    main(["judge", saved, "--color", when])
    assert ("\x1b[" in capsys.readouterr().out) is colored


def test_a_file_has_no_colors_also_where_they_are_forced(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["judge", saved, "-o", str(tmp_path / "report.txt")])
    assert "\x1b[" not in (tmp_path / "report.txt").read_text()


def test_quiet_writes_the_result_alone(capsys):
    with scripted_server(HELD) as url:
        main(["diagnose", url.removeprefix("http://"), "-q", "-Q", "-t", "chunked", "-m", "9"])
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.startswith("HELD")


def test_verbose_prints_the_requests_without_secrets(capsys):
    with scripted_server(HELD) as url:
        main(["diagnose", url, "-v", "--quick", "-t", "http", "-j", "-b", "id=secret-value"])
    output = capsys.readouterr()
    lines = output.err.splitlines()
    marker = json.loads(output.out)["marker"]
    assert len(marker) == 8
    streams = [line for line in lines if "/stream/chunked" in line]
    assert streams
    assert all(line.startswith(f"> GET {url}/stream/chunked?") for line in streams)
    assert all(f"nonce={marker}" in line for line in streams)
    assert "secret-value" not in output.err


def test_verbose_hides_values_of_the_query_whose_names_look_like_secrets(capsys):
    with scripted_server(lambda client: client.respond(404, b"")) as url:
        main(["watch", f"{url}/chat?api_key=secret-value&model=x", "-v", "--once"])
    assert f"> GET {url}/chat?api_key=…&model=x HTTP/1.1" in capsys.readouterr().err


def test_each_request_has_the_marker_and_a_request_of_ones_own_keeps_its_address(capsys):
    seen: list[bytes] = []

    def script(client: Client) -> None:
        seen.append(client.request)
        client.respond(404, b"")

    with scripted_server(script) as url:
        main(["watch", f"{url}/chat?a=b", "-j", "--once"])
        marker = json.loads(capsys.readouterr().out)["marker"]
        main(["watch", f"{url}/chat?a=b", "-j", "--once", "-H", "X-Request-ID: mine"])
        assert json.loads(capsys.readouterr().out)["marker"] == ""
    assert all(request.startswith(b"GET /chat?a=b HTTP/1.1\r\n") for request in seen)
    assert f"X-Request-ID: {marker}\r\n".encode() in seen[0]
    assert b"X-Request-ID: mine\r\n" in seen[-1]
    assert seen[-1].lower().count(b"x-request-id") == 1


@pytest.mark.parametrize(("options", "name"), [(["--observer", "ci-1"], "ci-1"), (["--observer", ""], "")])
def test_the_observer_is_named_as_the_caller_wants(options, name, capsys):
    with scripted_server(lambda client: client.respond(404, b"")) as url:
        main(["watch", url, "-j", "--once", *options])
    report = json.loads(capsys.readouterr().out)
    assert report["observer"] == name
    assert report["began_at"].endswith("Z")
    assert report["took_s"] > 0


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_its_help(name, capsys):
    assert main(["help", name]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: flushcheck {name}")
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out == shown


def test_help_alone_and_help_of_nothing(capsys):
    assert main(["help"]) == 0
    assert "usage: flushcheck URL" in capsys.readouterr().out
    assert main(["help", "wach"]) == 2
    assert "did you mean watch?" in capsys.readouterr().err


FORMATS = [
    ("junit", "<?xml "), ("github", "::error "), ("markdown", "| address |"), ("prometheus", "# HELP "),
    ("sarif", "{"), ("json", "{"), ("text", "HELD"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "begins"), FORMATS)
def test_each_format_is_written_with_the_same_exit_code(form, begins, saved, capsys):
    assert main(["judge", saved, "-f", form]) == 1
    assert capsys.readouterr().out.startswith(begins)


@pytest.mark.parametrize("form", ["junit", "github", "markdown", "sarif", "json", "text"])
def test_each_format_of_the_check_is_written(form, tmp_path, capsys):
    conf = tmp_path / "nginx.conf"
    conf.write_text("location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n")
    assert main(["check", str(conf), "--format", form]) == 1
    assert "nginx-proxy-buffering" in capsys.readouterr().out


def test_compare_says_what_got_better_and_what_got_worse(saved, tmp_path, capsys):
    fixed = tmp_path / "fixed.json"
    fixed.write_text(dump(DiagnosedPath().run()))
    assert main(["compare", saved, str(fixed)]) == 0
    assert capsys.readouterr().out.startswith("BETTER  ")
    assert main(["compare", str(fixed), saved, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["trend"] == "worse"
    assert main(["compare", saved, saved]) == 0
    assert main(["compare", "-", "-"]) == 2
    assert main(["compare", saved, "/none.json"]) == 2


def test_compare_reads_runs_of_older_schemas(saved, capsys):
    (old,) = sorted((ROOT / "tests" / "model" / "schema-1").glob("*.json"))[:1]
    assert main(["compare", str(old), str(old)]) in (0, 3)
    assert "was " in capsys.readouterr().out


# --- In the shells themselves.

COMPLETE = {
    "bash": ["bash", "--norc", "-c", 'source {file}; COMP_WORDS=({words}); COMP_CWORD={last}; _shtab_flushcheck 2>/dev/null; printf "%s\\n" "${{COMPREPLY[@]}}"'],
    "fish": ["fish", "--no-config", "-c", "source {file}; complete -C '{line}'"],
}  # fmt: skip

LINES = [
    # line                        offers
    ("flushcheck wat",            "watch"),
    ("flushcheck diagnose --qui", "--quick"),
    ("flushcheck explain --js",   "--json"),
]  # fmt: skip


def completion(shell: str, folder: Path) -> Path:
    file = folder / "_flushcheck"
    done = subprocess.run(
        [sys.executable, "-m", "flushcheck", "completion", shell],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=True,
    )
    file.write_text(done.stdout)
    return file


def in_shell(command: list[str]) -> str:
    assert shutil.which(command[0]), f"apt install {command[0]}"
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow  # needs the shells and man
@pytest.mark.parametrize("shell", COMPLETE)
def test_a_shell_completes_commands_and_options(shell, tmp_path):
    file = completion(shell, tmp_path)
    for line, offered in LINES:
        words = line.split(" ")
        given = {"file": file, "words": " ".join(words), "last": len(words) - 1, "line": line}
        shown = in_shell([part.format(**given) for part in COMPLETE[shell]])
        assert offered in shown.split(), (line, shown)


@pytest.mark.slow  # needs the shells and man
def test_zsh_reads_its_completion(tmp_path):
    completion("zsh", tmp_path)
    script = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -D -u; autoload +X _flushcheck && print $_comps[flushcheck]; whence -w _flushcheck"
    shown = in_shell(["zsh", "-f", "-c", script])
    assert "_flushcheck: function" in shown
    assert shown.splitlines()[0] == "_flushcheck"


@pytest.mark.slow  # needs the shells and man
def test_man_reads_the_manual_page_without_a_warning(tmp_path, capsys):
    assert main(["manual"]) == 0
    page = tmp_path / "flushcheck.1"
    page.write_text(capsys.readouterr().out)
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(page)],
        capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANROFFOPT": "", "MANPAGER": "cat"}, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("FLUSHCHECK(1)", "--targets FILE", "flushcheck explain", "exit codes"):
        assert words in done.stdout.replace("\x08", "").replace("‐", "-"), words
