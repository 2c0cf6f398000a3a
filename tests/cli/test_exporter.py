"""`flushcheck exporter`: its targets, its options, and the command as a process with signals."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from flushcheck.cli import main
from flushcheck.cli.exporter import _interval, _listen
from flushcheck.cli.exporter_run import measured, summary
from flushcheck.cli.exporter_targets import entry_of, load, redacted, secrets, task_of
from flushcheck.files.targets import TargetEntry
from flushcheck.model import UsageError, Verdict
from flushcheck.reports.results import Result
from tests.cli.test_main import CLEAN, COMMAND, ENVIRON, HELD
from tests.cli.test_targets import written
from tests.prober.peers import Client, scripted_server
from tests.reports.test_results import BARE, NOTHING
from tests.reports.test_results import CLEAN as CLEAN_REPORT

SECRET = "hunter2-s3cr3t"
WITHIN_S = 30.0

GOOD = f"""\
targets:
  - name: shop
    url: https://shop.example
    options: [--quick, --timeout, "20", -H, "Authorization: Bearer {SECRET}"]
    interval: 5m
    allow: [nginx-gzip]
  - name: chat
    url: "http://10.0.0.1:8080/chat?key={SECRET}"
    command: watch
    options: [--once]
    interval: 0
    expect: held
  - http://10.0.0.2
"""


def test_targets_have_an_interval_a_host_and_a_time_limit(tmp_path):
    found = load(written(tmp_path, GOOD), 600.0)
    assert [(target.name, target.host, target.interval_s) for target in found] == [
        ("shop", "shop.example", 300.0),
        ("chat", "10.0.0.1:8080", 0.0),
        ("http://10.0.0.2", "10.0.0.2", 600.0),
    ]
    assert [target.timeout_s for target in found][::2] == [20.0, 30.0]
    assert SECRET not in repr(found)


def test_a_task_carries_the_whole_target():
    entry = TargetEntry("a", "http://x", "watch", ("--once",), Verdict.HELD, ("nginx-gzip",))
    assert entry_of(task_of(entry)) == entry
    plain = TargetEntry("a", "http://x")
    assert entry_of(task_of(plain)) == plain


BAD = [
    # name                        the file                                                            the error, behind the path
    ("a password like an alias",  f"- {{url: http://x, options: [-u, *{SECRET}]}}",                   ":1: not YAML, found undefined alias"),
    ("no scheme",                 "- shop.example",                                                   ":1: url: expected http:// or https:// in front"),
    ("another scheme",            f"- ftp://user:{SECRET}@x",                                         ":1: url: expected http:// or https:// in front"),
    ("a login without a name",    f"- http://user:{SECRET}@x",                                        ":1: an address with a login or a query, without a name"),
    ("a query without a name",    f"- http://x/?k={SECRET}",                                          ":1: an address with a login or a query, without a name"),
    ("no address",                f"- {{name: a, url: 'http://[{SECRET}'}}",                          ":1: url: expected an address"),
    ("a wrong address",           f"- {{name: a, url: 'http://x y/?{SECRET}'}}",                      ":1: "),
    ("too short an interval",     "- {url: http://x, interval: 29}",                                  ":1: interval: 29 s: expected 0, or 30 to 86400 seconds"),
    ("too long an interval",      "- {url: http://x, interval: 25h}",                                 ":1: interval: 90000 s: expected 0, or 30 to 86400 seconds"),
    ("no interval",               "- {url: http://x, interval: soon}",                                ":1: interval: soon: expected seconds, or 30s, 5m, 1h"),
    ("an unknown culprit",        "- {url: http://x, allow: [nginx]}",                                ":1: allow: 'nginx' is no culprit"),
    ("an unknown option",         f"- {{url: http://x, options: [--hedaer, 'A: {SECRET}']}}",         ":1: options: unrecognized arguments: --hedaer"),
    ("a wrong value",             "- {url: http://x, options: [--timeout, soon]}",                    ":1: options: argument -m/--timeout: 'soon'"),
    ("a wrong transport",         "- {url: http://x, options: [--only, 'chunked,evnts']}",            ":1: options: argument -t/--only: 'evnts' is not a transport: expected one or more of polling, chunked"),
    ("an option of one run",      f"- {{url: http://x, options: [--direct, 'http://{SECRET}']}}",    ":1: options: --direct has no effect here"),
    ("a format of its own",       "- {url: http://x, options: [--json]}",                             ":1: options: --format for one address of a list"),
    ("a missing password",        f"- {{url: http://x, options: [-u, '{SECRET}']}}",                  ":1: -u"),
    ("a header without a colon",  f"- {{url: http://x, options: [-H, '{SECRET}']}}",                  ":1: "),
    ("a secret where none belongs", f"- {{url: http://x, options: [--pin, '{SECRET}']}}",             ":1: "),
    ("a certificate file",        "- {url: https://x, options: [--cacert, /none/ca.pem]}",            ":1: certificates in /none/ca.pem: No such file"),
    ("a body file",               "- {url: http://x/a, command: watch, options: [-d, '@/none/b']}",   ":1: "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "error"), BAD, ids=[row[0] for row in BAD])
def test_a_wrong_target_is_named_with_its_line_and_without_a_secret(name, text, error, tmp_path, capsys):
    path = written(tmp_path, text)
    assert main(["exporter", "--targets", path]) == 2
    shown = capsys.readouterr().err
    assert f"{path}{error}" in shown
    assert "expected" in shown
    assert SECRET not in shown
    assert "Traceback" not in shown


SECRETS = [
    # the target                                                               among the secrets      not among them
    (TargetEntry("a", "https://user:pass word@x/y?k=token&z=other"),           ["user:pass word", "token", "other"], ["https"]),
    (TargetEntry("a", "http://x", options=("-H", "X: value1")),                ["X: value1", "value1"],              ["-H"]),
    (TargetEntry("a", "http://x", options=("--user=alice:wonder",)),           ["alice:wonder", "wonder"],           ["--user"]),
    (TargetEntry("a", "http://x", options=("-ualice:wonder",)),                ["alice:wonder"],                     []),
    (TargetEntry("a", "http://x", options=("--quick", "--only", "chunked")),   [],                                   ["--quick", "chunked"]),
    (TargetEntry("a", "http://x", options=("--only=chunked",)),                [],                                   ["chunked"]),
    (TargetEntry("a", "http://x", options=("--pass", "abc")),                  [],                                   ["abc"]),
    (TargetEntry("a", "http://x", options=("--pass", "abcd")),                 ["abcd"],                             []),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "hidden", "shown"), SECRETS)
def test_the_secrets_of_a_target_are_known(entry, hidden, shown):
    found = secrets(entry)
    assert set(hidden) <= found
    assert not set(shown) & found


def test_the_longest_secret_is_hidden_first():
    assert redacted("Bearer abcdefgh", ["abcd", "abcdefgh"]) == "Bearer …"


LISTEN = [
    ("127.0.0.1:10925", ("127.0.0.1", 10925)),
    (":0", ("", 0)),
    ("localhost:65535", ("localhost", 65535)),
    ("[::1]:1", ("::1", 1)),
    ("", None),
    ("10925", None),
    ("x:65536", None),
    ("x:-1", None),
    ("x:٣", None),
    ("::1:80", None),
    ("[x]:80", None),
]


@pytest.mark.parametrize(("given", "expected"), LISTEN)
def test_an_address_to_listen_on_has_host_and_port(given, expected):
    if expected is None:
        with pytest.raises(argparse.ArgumentTypeError, match="expected a host and a port, for example"):
            _listen(given)
    else:
        assert _listen(given) == expected


@pytest.mark.parametrize(("given", "expected"), [("0", 0.0), ("30", 30.0), ("1.5m", 90.0), ("24h", 86_400.0)])
def test_an_interval_is_seconds_or_has_a_unit(given, expected):
    assert _interval(given) == expected


@pytest.mark.parametrize("given", ["29", "1d", "", "-60", "25h"])
def test_a_wrong_interval_is_refused(given):
    with pytest.raises(argparse.ArgumentTypeError, match="expected 0, or 30 to 86400 seconds, for example"):
        _interval(given)


SUMMARIES = [
    (Result("a", CLEAN_REPORT), "flowing"),
    (Result("a", BARE), "held (nginx-proxy-buffering"),
    (Result("a", BARE, Verdict.HELD), ", as expected"),
    (Result("a", CLEAN_REPORT, Verdict.HELD), "flowing, expected held"),
    (Result("a", NOTHING), "unknown"),
]


@pytest.mark.parametrize(("result", "expected"), SUMMARIES)
def test_the_log_says_what_was_found(result, expected):
    assert expected in summary(result)


def test_a_run_measures_and_keeps_to_the_shorter_limit():
    with scripted_server(HELD) as url:
        entry = TargetEntry("shop", url, options=("--quick", "--only", "chunked"), expected=Verdict.HELD)
        found = measured(entry, 20.0)
    assert found["is_as_expected"] is True
    names = [name for name, *_ in found["families"]]
    assert "flushcheck_hold_seconds" in names
    assert json.loads(json.dumps(found)) == found


def test_options_that_are_possible_no_longer_are_no_traceback():
    entry = TargetEntry("shop", "https://x", options=("--cacert", "/none/ca.pem"))
    assert measured(entry, 20.0) == {"failed": "its options cannot be used"}


def test_a_run_takes_no_longer_than_the_exporter_says():
    def silent(client: Client) -> None:
        client.sock.recv(1)

    with scripted_server(silent) as url:
        began_s = time.monotonic()
        found = measured(TargetEntry("shop", url, options=("--quick", "--only", "chunked")), 1.0)
    assert time.monotonic() - began_s < 20, "the time of a run by itself is 30 s"
    assert found["is_as_expected"] is False


@contextmanager
def exporter(path: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """The command on a free port; its process, its address, and the file with its log."""
    log = Path(f"{path}.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, "exporter", "--targets", path, "--listen", "127.0.0.1:0", *options],
            env=ENVIRON, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    try:
        until(lambda: "listening on port " in log.read_text() or process.poll() is not None, log)
        port = log.read_text().partition("listening on port ")[2].split()[0]
        yield process, f"http://127.0.0.1:{port}", log
    finally:
        process.kill()
        process.wait()


def until(is_so: object, log: Path) -> None:
    ends_s = time.monotonic() + WITHIN_S
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < ends_s, log.read_text()
        time.sleep(0.02)


def children(process: subprocess.Popen[str]) -> list[int]:
    """Its processes: Linux lists them with the thread that started them."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]


def ran(log: Path) -> bool:
    return "shop: " in log.read_text()


@pytest.mark.slow
def test_the_command_serves_reloads_and_keeps_its_secrets(tmp_path):
    with scripted_server(CLEAN) as url:
        port = url.rpartition(":")[2]
        options = f"[--quick, --only, chunked, -H, 'Authorization: Bearer {SECRET}', -u, 'alice:{SECRET}']"
        path = written(
            tmp_path,
            f"- {{name: shop, url: 'http://127.0.0.1:{port}/', options: {options}}}\n"
            f"- {{name: asked, url: 'http://localhost:{port}/', interval: 0, options: {options}}}\n",
        )
        with exporter(path) as (process, address, log):
            until(lambda: ran(log), log)
            metrics = requests.get(f"{address}/metrics", timeout=10).text
            assert 'probe_success{target="shop"} 1\n' in metrics
            assert 'flushcheck_verdict{target="shop",verdict="flowing"} 1\n' in metrics
            assert 'probe_success{target="asked"}' not in metrics
            probe = requests.get(f"{address}/probe?target=asked", timeout=WITHIN_S)
            assert probe.status_code == 200
            assert 'flushcheck_flow{transport="chunked",flow="' in probe.text
            Path(path).write_text(f"- {{name: shop, url: 'http://x', options: [-H, '{SECRET}']}}\n")
            process.send_signal(signal.SIGHUP)
            failed = "flushcheck_exporter_config_last_reload_successful 0\n"
            until(lambda: failed in requests.get(f"{address}/metrics", timeout=10).text, log)
            pages = [
                requests.get(address + page, timeout=10).text for page in ("/", "/metrics", "/probe?target=x")
            ]
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN_S) == 0
        shown = "\n".join([log.read_text(), metrics, probe.text, *pages])
    assert "the targets in force stay: " in shown
    assert shown.rstrip().endswith(("asked\n", "asked", "shop"))
    assert SECRET not in shown
    assert log.read_text().endswith("stopped\n")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_ends_with_the_exporter_and_its_arguments_show_no_secret(number, tmp_path):
    def silent(client: Client) -> None:
        client.sock.recv(1)
        client.sock.settimeout(60)
        client.sock.recv(1_000_000)

    with scripted_server(silent) as url:
        path = written(tmp_path, f"- {{name: shop, url: '{url}', options: [-H, 'X-Key: {SECRET}']}}\n")
        with exporter(path) as (process, _, log):
            until(lambda: children(process), log)
            (run,) = children(process)
            command = Path(f"/proc/{run}/cmdline").read_bytes() + Path(f"/proc/{run}/environ").read_bytes()
            began_s = time.monotonic()
            process.send_signal(number)
            assert process.wait(WITHIN_S) == (-9 if number == signal.SIGKILL else 0)
            until(lambda: not Path(f"/proc/{run}").exists(), log)
            if number != signal.SIGKILL:  # a run that has just started sees only then that its pipe is closed
                assert time.monotonic() - began_s < WITHIN_S / 2
    assert SECRET.encode() not in command


@pytest.mark.slow
def test_no_signal_is_lost(tmp_path):
    path = written(tmp_path, "- {url: http://127.0.0.1:9, interval: 0}")
    with exporter(path) as (process, _, log):
        for count in range(1, 101):
            process.send_signal(signal.SIGHUP)
            until(lambda count=count: log.read_text().count("read again") == count, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0


def test_a_port_that_is_taken_is_wrong_usage(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        path = written(tmp_path, "- http://127.0.0.1:9")
        assert main(["exporter", "--targets", path, "--listen", listen]) == 2
    assert f"--listen {listen}: Address already in use" in capsys.readouterr().err


def test_a_run_imports_the_package_of_the_exporter(tmp_path):
    """Also from another folder, with none of its files on the way."""
    (tmp_path / "flushcheck").mkdir()
    (tmp_path / "flushcheck" / "__init__.py").write_text("raise SystemExit('another package')")
    from flushcheck.cli.exporter import _LOADER, _import_path

    done = subprocess.run(
        [sys.executable, "-P", "-c", _LOADER, *_import_path()], cwd=tmp_path, capture_output=True, text=True,
        input=json.dumps({"task": json.loads(task_of(TargetEntry("a", "http://127.0.0.1:9", options=("--quick",)))), "timeout_s": 5}) + "\n",
        timeout=60, check=False, env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert "another package" not in done.stderr


def test_wrong_files_are_errors(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load(str(tmp_path / "none"), 300.0)
