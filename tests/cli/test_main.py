"""The command `flushcheck`: arguments, exit codes, and its output in a terminal, a pipe or a file."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest

from flushcheck import __version__
from flushcheck.cli import main
from flushcheck.cli.diagnose import probe_text, progress_text
from flushcheck.model import Observation, Outcome, Probe, Scenario, Transport, Vantage, Variant
from flushcheck.prober import RunProgress
from tests.prober.peers import Client, scripted_server
from tests.prober.test_gather import no_control, service

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
COMMAND = [sys.executable, "-m", "flushcheck"]

CLEAN = service(no_control)
HELD = service(no_control, held=True)
FLAGS = ["--only", "chunked", "--quick"]


MISUSES = [
    # arguments                                                      in the message
    ([],                                                             "the following arguments are required: COMMAND"),
    (["diagnos", "http://x"],                                        "'diagnos' is no command; did you mean diagnose?"),
    (["nonsense"],                                                   "'nonsense' is no command"),
    (["http://"],                                                    "an address with a host"),
    (["LICENSE"],                                                    "LICENSE is a file: expected a command in front, for example flushcheck check LICENSE"),
    (["http://x", "--quik"],                                         "did you mean --quick?\nexpected: flushcheck [URL] [URL ...] [options]\noptions: flushcheck help diagnose lists them\n"),
    (["compare", "a.json"],                                          "AFTER\nexpected: flushcheck compare [-h] [-j] "),
    (["-x", "http://localhost:9"],                                   "no address: expected one, for example flushcheck http://localhost:8000"),
    (["--quik", "http://x"],                                         "did you mean --quick?"),
    (["diagnose"],                                                   "the following arguments are required: URL"),
    (["diagnose", "somewhere"],                                      "'somewhere': expected an address that begins with http:// or https://, for example http://somewhere"),
    (["diagnose", "ftp://x"],                                        "expected http:// or https://"),
    (["diagnose", "http://x y"],                                     "without spaces"),
    (["diagnose", "http://x", "ftp://y"],                            "'ftp://y': expected http:// or https://"),
    (["diagnose", "http://x", "--quik"],                             "unrecognized arguments: --quik; did you mean --quick?\nexpected: flushcheck diagnose [URL] [URL ...] [options]\noptions: flushcheck help diagnose lists them\nexample: "),
    (["diagnose", "http://x", "--sav", "f"],                         "unrecognized arguments: --sav …"),
    (["diagnose", "http://x", "--only", "chunk"],                    "'chunk' is not a transport: expected one or more of polling, chunked, events, websocket, for example --only chunked,events"),
    (["diagnose", "http://x", "--only", ""],                         "'' is not a transport"),
    (["diagnose", "http://x", "--only", "chunked,,events"],          "'' is not a transport"),
    (["diagnose", "http://x", "--timeout", "soon"],                  "'soon': expected more than 0 and at most 600 seconds, for example --timeout 30"),
    (["diagnose", "http://x", "--timeout", "0"],                     "'0': expected more than 0"),
    (["diagnose", "http://x", "--timeout", "-3"],                    "expected"),
    (["diagnose", "http://x", "--timeout", "nan"],                   "'nan': expected more than 0"),
    (["diagnose", "http://x", "--save"],                             "argument -s/--save: expected one argument"),
    (["diagnose", "http://x", "--save", "/none/run.json"],           "--save /none/run.json: No such file or directory; expected a writable file, for example --save run.json"),
    (["diagnose", "http://x", "--save", ""],                         "--save : "),
    (["judge"],                                                      "the following arguments are required: FILE"),
    (["judge", "/none.json"],                                        "/none.json: No such file or directory; expected a saved run, for example one that `flushcheck diagnose URL --save run.json` wrote"),
    (["judge", "/"],                                                 "expected a saved run"),
    (["judge", "a.json", "b.json"],                                  "2 saved runs: expected one, for example flushcheck judge run.json; two are compared by flushcheck compare a.json b.json"),
    (["judge", "a.json", "b.json", "c.json"],                        "3 saved runs: expected one, for example flushcheck judge run.json; two are compared by flushcheck compare before.json after.json"),
    (["judge", str(ROOT / "LICENSE")],                               "is not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), MISUSES, ids=lambda value: " ".join(value) or "none")
def test_wrong_usage_names_what_is_given_and_expected_with_an_example(arguments, expected, capsys):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert expected in output.err
    assert "expected" in output.err
    assert "example" in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


@pytest.mark.parametrize("arguments", [["--help"], ["diagnose", "--help"], ["judge", "-h"], ["--version"]])
def test_help_and_version_exit_with_0(arguments, capsys):
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert ("flushcheck " + __version__ if "--version" in arguments else "usage: flushcheck") in output.out


def test_the_help_shows_examples_and_exit_codes(capsys):
    main(["--help"])
    text = capsys.readouterr().out
    for words in ("flushcheck diagnose http", "flushcheck judge run.json", "exit codes", "could not tell"):
        assert words in text


@pytest.mark.parametrize(("script", "code", "verdict"), [(CLEAN, 0, "flowing"), (HELD, 1, "held")])
def test_the_exit_code_matches_the_verdict(script, code, verdict, capsys):
    with scripted_server(script) as url:
        assert main(["diagnose", url, "--json", *FLAGS]) == code
    output = capsys.readouterr()
    report = json.loads(output.out)
    assert (report["schema"], report["verdict"], report["target"]) == (2, verdict, url)
    assert list(report["transports"]) == ["chunked"]
    assert output.err == "", "no progress line without a terminal"


def test_at_draws_a_ladder_and_names_its_first_held_rung(tmp_path, capsys):
    path = str(tmp_path / "run.json")
    with scripted_server(HELD) as url, scripted_server(HELD) as ingress, scripted_server(CLEAN) as app:
        at = ["--at", f"app={app}", "--at", f"ingress={ingress}"]
        assert main(["diagnose", url, *FLAGS, *at, "--save", path]) == 1
    text = capsys.readouterr().out
    assert "on chunked the stream flows at app and is held at ingress" in " ".join(text.split())
    drawn = [line.split() for line in text.splitlines() if line.startswith("       ")]
    names = [words[0] for words in drawn if words[0] in ("app", "ingress", "public")]
    assert names == ["app", "ingress", "public"]
    assert main(["judge", path]) == 1
    assert capsys.readouterr().out == text


def test_an_unreachable_service_gives_exit_code_3(capsys):
    with scripted_server(CLEAN) as url:
        pass
    assert main(["diagnose", url]) == 3
    assert "connection refused" in capsys.readouterr().out


def test_only_takes_a_list_and_may_be_repeated(capsys):
    with scripted_server(CLEAN) as url:
        main(["diagnose", url, "--json", "--quick", "--only", "events, chunked", "--only", "chunked"])
    assert list(json.loads(capsys.readouterr().out)["transports"]) == ["chunked", "events"]


def test_the_run_ends_at_the_time_limit(capsys):
    with scripted_server(lambda client: client.wait_for_close()) as url:
        code = main(["diagnose", url, "--timeout", "1"])
    assert code in (1, 3)
    # What was left of the second for the streams.
    assert re.search(r"no end within (0\.\d|1\.0) s", capsys.readouterr().out)


def test_a_saved_run_gives_the_same_report(tmp_path, capsys, monkeypatch):
    path = str(tmp_path / "run.json")
    with scripted_server(HELD) as url:
        assert main(["diagnose", url, *FLAGS, "--save", path]) == 1
    text = capsys.readouterr().out
    assert main(["judge", path]) == 1
    assert capsys.readouterr().out == text
    assert main(["judge", path, "--json"]) == 1
    document = capsys.readouterr().out
    with Path(path).open() as saved:
        monkeypatch.setattr(sys, "stdin", saved)
        assert main(["judge", "-", "--json"]) == 1
    assert capsys.readouterr().out == document


def test_a_file_that_cannot_be_written_is_reported_before_any_request(tmp_path, capsys):
    peers = []
    with scripted_server(lambda client: peers.append(client)) as url:
        assert main(["diagnose", url, "--save", str(tmp_path)]) == 2
    assert peers == []
    assert "directory" in capsys.readouterr().err


# --- As a process, with a terminal or a pipe.


@pytest.fixture(scope="module")
def saved_run(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("run") / "run.json")
    with scripted_server(HELD) as url:
        main(["diagnose", url, *FLAGS, "--save", path])
    return path


def in_a_terminal(arguments: list[str], *, columns: int = 80, **environ: str) -> tuple[int, str]:
    """Run the command in its own terminal; return its exit code and its whole output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**ENVIRON, **environ},
    )
    os.close(theirs)
    output = b""
    with suppress(OSError):  # EIO: the other end of the terminal is closed
        while data := os.read(ours, 65536):
            output += data
    os.close(ours)
    return process.wait(30), output.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colors_and_a_progress_line_that_disappears():
    with scripted_server(service(no_control, held=True, interval_s=0.05)) as url:
        code, output = in_a_terminal(["diagnose", url, *FLAGS])
    assert code == 1
    progress, _, report = output.rpartition("\r")
    assert "first look: 0 of " in progress
    assert "experiments: " in progress
    assert "\n" not in progress, "one line, redrawn"
    # At the end the line is overwritten with spaces.
    assert progress.split("\r")[-1].strip() == ""
    assert "\x1b[" in report
    assert "HELD" in report


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colors_if_the_environment_forbids_them(environ, saved_run):
    code, output = in_a_terminal(["judge", saved_run], **environ)
    assert (code, "\x1b" in output, "HELD" in output) == (1, False, True)


def test_an_empty_no_color_is_ignored(saved_run):
    assert "\x1b[" in in_a_terminal(["judge", saved_run], NO_COLOR="")[1]


def test_a_dumb_terminal_gets_no_progress_line():
    with scripted_server(CLEAN) as url:
        code, output = in_a_terminal(["diagnose", url, *FLAGS], TERM="dumb")
    assert (code, "\r" in output, "FLOWING" in output) == (0, False, True)


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_the_report_fits_the_width_of_the_terminal(columns, saved_run):
    _, output = in_a_terminal(["judge", saved_run], columns=columns, NO_COLOR="1")
    lines = output.splitlines()
    # A line to paste, which is indented more, must not be wrapped.
    assert [line for line in lines if len(line) > columns and not line.startswith(" " * 6)] == []
    assert max(map(len, lines)) > columns * 0.7, "the width is used"


def test_every_probe_of_the_progress_line_has_words():
    for scenario, variant, vantage in product(Scenario, Variant, Vantage):
        probe = Probe(Transport.EVENTS, scenario, variant, vantage, lasts_s=5.0)
        text = probe_text(probe)
        assert text.startswith("events, ") or scenario is Scenario.OWN
        assert ", ," not in text


def test_the_progress_line_speaks_of_probes_in_plain_words():
    probe = Probe(Transport.CHUNKED, Scenario.TOKEN, Variant.OTHER_TYPE)
    latest = Observation(probe, Outcome.CUT, "")
    assert progress_text(RunProgress(2, 8, 10, latest)) == (
        "experiments: 8 of 10 (chunked, small pieces, with another content type: cut)"
    )
    assert progress_text(RunProgress(1, 0, 4)) == "first look: 0 of 4"


def test_the_progress_line_never_wraps():
    with scripted_server(CLEAN) as url:
        _, output = in_a_terminal(["diagnose", url, *FLAGS], columns=30)
    assert {len(drawn) < 30 for drawn in output.rpartition("\r")[0].split("\r")} == {True}


def piped(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        cwd=ROOT,
        env={**ENVIRON, **environ},
        timeout=60,
        check=False,
    )


def test_a_pipe_gets_plain_text_also_in_an_ascii_locale(saved_run):
    done = piped(["judge", saved_run], PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout


def test_a_closed_pipe_is_no_error(saved_run):
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [*COMMAND, "judge", saved_run], stdout=write, stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRON
    )
    os.close(write)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, b"")


def test_a_full_disk_is_reported(saved_run):
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [*COMMAND, "judge", saved_run],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=ENVIRON,
            check=False,
        )
    assert (process.returncode, b"Traceback" in process.stderr) == (2, False)
    assert b"standard output: No space left on device; expected" in process.stderr


def test_without_standard_output_the_exit_code_is_the_same(saved_run):
    command = f"exec {' '.join(COMMAND)} judge {saved_run} >&-"
    process = subprocess.run(
        ["/bin/sh", "-c", command], stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRON, check=False
    )
    assert (process.returncode, process.stderr) == (1, b"")


def test_an_interrupt_ends_the_command_without_traceback(tmp_path, default_sigint):
    connected = threading.Event()

    def script(client: Client) -> None:
        connected.set()
        client.wait_for_close()

    with scripted_server(script) as url:
        process = subprocess.Popen(
            [*COMMAND, "diagnose", url, "--save", str(tmp_path / "run.json")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRON,
        )  # fmt: skip
        assert connected.wait(30)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (130, b"", b"flushcheck: interrupted\n")
    assert list(tmp_path.iterdir()) == []
