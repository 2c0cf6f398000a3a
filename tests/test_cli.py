import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from flushcheck import __version__
from flushcheck.cli import main
from tests.live.servers import heed_interrupts
from tests.prober.farside import Peer, far_side
from tests.prober.test_gather import no_control, service

ROOT = Path(__file__).resolve().parents[1]
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
COMMAND = [sys.executable, "-m", "flushcheck"]

CLEAN = service(no_control)
HELD = service(no_control, held=True)
FLAGS = ["--only", "chunked", "--quick"]


MISUSES = [
    # arguments                                                      what is said
    ([],                                                             "the following arguments are required: COMMAND"),
    (["diagnos", "http://x"],                                        "invalid choice: 'diagnos'"),
    (["http://x"],                                                   "example: flushcheck diagnose http://localhost:8000"),
    (["diagnose"],                                                   "the following arguments are required: URL"),
    (["diagnose", "localhost:8000"],                                 "'localhost:8000': expected an address that says http:// or https://, for example http://localhost:8000"),
    (["diagnose", "ftp://x"],                                        "expected http:// or https://"),
    (["diagnose", "http://x y"],                                     "without spaces"),
    (["diagnose", "http://x", "http://y"],                           "unrecognized arguments: http://y"),
    (["diagnose", "http://x", "--quik"],                             "unrecognized arguments: --quik"),
    (["diagnose", "http://x", "--sav", "f"],                         "unrecognized arguments: --sav f"),
    (["diagnose", "http://x", "--only", "chunk"],                    "'chunk' is no transport: expected one or more of polling, chunked, events, websocket, for example --only chunked,events"),
    (["diagnose", "http://x", "--only", ""],                         "'' is no transport"),
    (["diagnose", "http://x", "--only", "chunked,,events"],          "'' is no transport"),
    (["diagnose", "http://x", "--timeout", "soon"],                  "'soon': expected more than 0 and at most 600 seconds, for example --timeout 30"),
    (["diagnose", "http://x", "--timeout", "0"],                     "'0': expected more than 0"),
    (["diagnose", "http://x", "--timeout", "-3"],                    "expected"),
    (["diagnose", "http://x", "--timeout", "nan"],                   "'nan': expected more than 0"),
    (["diagnose", "http://x", "--save"],                             "argument --save: expected one argument"),
    (["diagnose", "http://x", "--save", "/none/run.json"],           "--save /none/run.json: No such file or directory; expected a file that can be written, for example --save run.json"),
    (["diagnose", "http://x", "--save", ""],                         "--save : "),
    (["judge"],                                                      "the following arguments are required: FILE"),
    (["judge", "/none.json"],                                        "/none.json: No such file or directory; expected a saved run, for example one that `flushcheck diagnose URL --save run.json` wrote"),
    (["judge", "/"],                                                 "expected a saved run"),
    (["judge", str(ROOT / "LICENSE")],                               "is not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), MISUSES, ids=lambda value: " ".join(value) or "none")
def test_misuse_says_what_was_given_what_is_expected_and_an_example(arguments, says, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "expected" in said.err
    assert "example" in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize("arguments", [["--help"], ["diagnose", "--help"], ["judge", "-h"], ["--version"]])
def test_help_and_version_are_no_misuse(arguments, capsys):
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert ("flushcheck " + __version__ if "--version" in arguments else "usage: flushcheck") in said.out


def test_the_first_help_shows_how_it_is_used(capsys):
    main(["--help"])
    said = capsys.readouterr().out
    for word in ("flushcheck diagnose http", "flushcheck judge run.json", "exit codes", "could not tell"):
        assert word in said


@pytest.mark.parametrize(("script", "code", "verdict"), [(CLEAN, 0, "flowing"), (HELD, 1, "held")])
def test_the_exit_code_says_what_the_report_says(script, code, verdict, capsys):
    with far_side(script) as url:
        assert main(["diagnose", url, "--json", *FLAGS]) == code
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert (report["schema"], report["verdict"], report["target"]) == (2, verdict, url)
    assert list(report["transports"]) == ["chunked"]
    assert said.err == "", "no progress where nobody looks"


def test_nothing_reachable_is_not_a_verdict(capsys):
    with far_side(CLEAN) as url:
        pass
    assert main(["diagnose", url]) == 3
    assert "connection refused" in capsys.readouterr().out


def test_only_may_be_given_as_a_list_and_again(capsys):
    with far_side(CLEAN) as url:
        main(["diagnose", url, "--json", "--quick", "--only", "events, chunked", "--only", "chunked"])
    assert list(json.loads(capsys.readouterr().out)["transports"]) == ["chunked", "events"]


def test_the_whole_ends_when_the_time_is_up(capsys):
    with far_side(lambda peer: peer.stay()) as url:
        code = main(["diagnose", url, "--timeout", "0.3"])
    assert code in (1, 3)
    assert "0.3 s" in capsys.readouterr().out


def test_a_saved_run_gives_the_same_report(tmp_path, capsys, monkeypatch):
    path = str(tmp_path / "run.json")
    with far_side(HELD) as url:
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


def test_a_place_that_cannot_be_written_is_found_before_anything_is_asked(tmp_path, capsys):
    asked = []
    with far_side(lambda peer: asked.append(peer)) as url:
        assert main(["diagnose", url, "--save", str(tmp_path)]) == 2
    assert asked == []
    assert "directory" in capsys.readouterr().err


# --- As a process, with a terminal or a pipe.


@pytest.fixture(scope="module")
def saved_run(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("run") / "run.json")
    with far_side(HELD) as url:
        main(["diagnose", url, *FLAGS, "--save", path])
    return path


def in_a_terminal(arguments: list[str], *, columns: int = 80, **environ: str) -> tuple[int, str]:
    """Run the command in a terminal of its own; return its exit code and all that it wrote there."""
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
    said = b""
    with suppress(OSError):  # how a terminal says that nobody is at its other end
        while data := os.read(ours, 65536):
            said += data
    os.close(ours)
    return process.wait(30), said.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_a_progress_line_that_goes_away():
    with far_side(HELD) as url:
        code, said = in_a_terminal(["diagnose", url, *FLAGS])
    assert code == 1
    progress, _, report = said.rpartition("\r")
    assert "first look: 0 of " in progress
    assert "experiments: " in progress
    assert "\n" not in progress, "one line, drawn again and again"
    # The last thing drawn is nothing, over all that was there.
    assert progress.split("\r")[-1].strip() == ""
    assert "\x1b[" in report
    assert "HELD" in report


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_they_are_not_wanted(environ, saved_run):
    code, said = in_a_terminal(["judge", saved_run], **environ)
    assert (code, "\x1b" in said, "HELD" in said) == (1, False, True)


def test_an_empty_no_color_means_nothing(saved_run):
    assert "\x1b[" in in_a_terminal(["judge", saved_run], NO_COLOR="")[1]


def test_a_dumb_terminal_gets_no_progress_line():
    with far_side(CLEAN) as url:
        code, said = in_a_terminal(["diagnose", url, *FLAGS], TERM="dumb")
    assert (code, "\r" in said, "FLOWING" in said) == (0, False, True)


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_a_narrow_terminal_is_respected(columns, saved_run):
    _, said = in_a_terminal(["judge", saved_run], columns=columns, NO_COLOR="1")
    lines = said.splitlines()
    # A line to paste, which stands further in, cannot be broken.
    assert [line for line in lines if len(line) > columns and not line.startswith(" " * 6)] == []
    assert max(map(len, lines)) > columns * 0.7, "what there is is used"


def test_the_progress_line_never_wraps():
    with far_side(CLEAN) as url:
        _, said = in_a_terminal(["diagnose", url, *FLAGS], columns=30)
    assert {len(drawn) < 30 for drawn in said.rpartition("\r")[0].split("\r")} == {True}


def piped(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        cwd=ROOT,
        env={**ENVIRON, **environ},
        timeout=60,
        check=False,
    )


def test_a_pipe_gets_plain_text_also_where_the_locale_knows_only_ascii(saved_run):
    done = piped(["judge", saved_run], PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout


def test_a_reader_that_has_gone_is_no_error(saved_run):
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [*COMMAND, "judge", saved_run], stdout=write, stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRON
    )
    os.close(write)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, b"")


def test_a_full_disk_is_told(saved_run):
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


def test_without_standard_output_the_exit_code_still_says_it(saved_run):
    command = f"exec {' '.join(COMMAND)} judge {saved_run} >&-"
    process = subprocess.run(
        ["/bin/sh", "-c", command], stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRON, check=False
    )
    assert (process.returncode, process.stderr) == (1, b"")


def test_an_interrupt_ends_it_without_a_trace(tmp_path):
    asked = threading.Event()

    def script(peer: Peer) -> None:
        asked.set()
        peer.stay()

    with far_side(script) as url:
        process = subprocess.Popen(
            [*COMMAND, "diagnose", url, "--save", str(tmp_path / "run.json")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRON, preexec_fn=heed_interrupts,
        )  # fmt: skip
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=30)
    assert (process.returncode, out, said) == (130, b"", b"flushcheck: interrupted\n")
    assert list(tmp_path.iterdir()) == []
