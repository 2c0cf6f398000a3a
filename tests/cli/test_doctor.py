"""The command `flushcheck doctor`, on gunicorn's own reading of settings, and on running services."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from flushcheck.cli import main
from flushcheck.configs.server_setup import AppServer, ServerSetup
from flushcheck.diagnosis.app_server import examine
from flushcheck.reports.app_server import server_report_document
from tests.docs.pages import example, names, rows
from tests.live import servers
from tests.live.servers import ROOT, Service

SHIPPED = str(ROOT / "deploy" / "gunicorn.conf.py")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def doctor_json(capsys, *args: str):
    """The exit code, and the report as JSON."""
    code = main(["doctor", "--json", *args])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


LOCAL = [
    # name, settings file, command line, GUNICORN_CMD_ARGS, worker, streams, remarks, exit code
    ("no settings at all", None, ["--", "gunicorn", "wsgi:app"], "", "sync", 1, ["gunicorn-sync-worker"], 1),
    ("as it ships", SHIPPED, [], "", "gevent", 900, [], 0),
    ("the file of the folder", "worker_class = 'gevent'", [], "", "gevent", 900, [], 0),
    ("the line wins", SHIPPED, ["--", "gunicorn", "-k", "sync"], "", "sync", 1, ["gunicorn-sync-worker"], 1),
    ("a path", None, ["--", "/usr/bin/gunicorn", "-k", "gevent", "wsgi:app"], "", "gevent", 900, [], 0),
    ("the environment counts", None, [], "-k gevent -w 3", "gevent", 2700, [], 0),
    ("threads make gthread", "threads = 4", [], "", "gthread", 4, ["gunicorn-sync-worker"], 1),
    ("a dotted class", "worker_class = 'gunicorn.workers.ggevent.GeventWorker'", [], "", "gevent", 900, [], 0),
    ("preload", "worker_class = 'gevent'\npreload_app = True", [], "", "gevent", 900, ["gunicorn-preload-app"], 1),
    ("few connections", "worker_class = 'gevent'\nworker_connections = 10 * 5", [], "", "gevent", 50, ["gunicorn-worker-connections"], 1),
    ("uvicorn's worker", None, ["--", "gunicorn", "-k", "uvicorn.workers.UvicornWorker", "app:app"], "", "uvicorn", 0, [], 0),
    ("an own class", None, ["--", "gunicorn", "-k", "my.own.Worker", "app:app"], "", "my.own.Worker", 0, [""], 3),
    ("tornado", None, ["--", "gunicorn", "-k", "tornado", "app:app"], "", "tornado", 0, ["joined-response"], 1),
    ("connections below threads", None, ["--", "gunicorn", "--threads", "40", "--worker-connections", "20"], "", "gthread", 20, ["app-server-limit"], 0),
    ("a file that prints", "print('hello')\nworker_class = 'gevent'", [], "", "gevent", 900, [], 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "settings", "line", "environ", "worker", "streams", "remarks", "code"),
    LOCAL,
    ids=[row[0] for row in LOCAL],
)
def test_the_local_gunicorn_is_examined(
    tmp_path, monkeypatch, capsys, name, settings, line, environ, worker, streams, remarks, code
):
    monkeypatch.setenv("GUNICORN_CMD_ARGS", environ)
    options = ["-c", settings] if settings == SHIPPED else []
    if settings and not options:
        # gunicorn reads this file by default.
        (tmp_path / "gunicorn.conf.py").write_text(settings)
    exit_code, checkup = doctor_json(capsys, *options, *line)
    assert exit_code == code
    assert (checkup["runs_under"], checkup["worker"], checkup["streams"]) == ("gunicorn", worker, streams)
    assert [remark["id"] for remark in checkup["remarks"]] == remarks


def test_settings_in_the_environment_are_applied(monkeypatch, capsys):
    monkeypatch.setenv("FLUSHCHECK_MAX_STREAMS", "1200")
    monkeypatch.setenv("FLUSHCHECK_HEARTBEATS", "1")
    code, checkup = doctor_json(capsys, "--", "gunicorn", "-k", "gevent")
    assert code == 1
    assert {remark["id"] for remark in checkup["remarks"]} == {"gunicorn-worker-connections", ""}
    monkeypatch.setenv("FLUSHCHECK_MAX_STREAMS", "many")
    code, checkup = doctor_json(capsys, "-c", SHIPPED)
    assert code == 1
    assert "FLUSHCHECK_MAX_STREAMS=many" in checkup["remarks"][0]["sentence"]


FOLDERS = [
    # name,              file,               its text,                                           runs under, streams, exit code
    ("a Procfile",       "Procfile",         "release: ./migrate\nweb: uvicorn app:app --port $PORT\n", "uvicorn", 0, 0),
    ("a Dockerfile",     "Dockerfile",       'ENTRYPOINT ["waitress-serve"]\nCMD ["--threads=20", "a:b"]\n', "waitress", 20, 0),
    ("a systemd unit",   "app.service",      "[Service]\nExecStart=/venv/bin/daphne app:app\n",   "daphne",   0, 0),
    ("gunicorn's file",  "gunicorn.conf.py", "threads = 200",                                    "gunicorn", 200, 0),
    ("gunicorn inside",  "Procfile",         "web: gunicorn -k asgi a:b",                        "gunicorn", 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "file", "text", "server", "streams", "code"), FOLDERS, ids=[row[0] for row in FOLDERS]
)
@pytest.mark.parametrize("named", [False, True])
def test_a_file_of_the_folder_says_what_starts(
    tmp_path, monkeypatch, capsys, name, file, text, server, streams, code, named
):
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    (tmp_path / file).write_text(text)
    given = ([] if file != "gunicorn.conf.py" else ["-c"]) + [file] if named else []
    exit_code, report = doctor_json(capsys, *given)
    assert (exit_code, report["runs_under"], report["streams"]) == (code, server, streams)


@pytest.mark.parametrize("file", [None, "Procfile"])
def test_a_folder_that_starts_no_known_server_is_said_so(tmp_path, monkeypatch, capsys, file):
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    if file:
        (tmp_path / file).write_text("worker: celery -A app worker\n")
    assert main(["doctor"]) == 3
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith("flushcheck: nothing in this folder starts an app server that is known")


def test_without_gunicorn_its_settings_are_not_guessed(monkeypatch, capsys):
    monkeypatch.setattr("flushcheck.cli.doctor.find_spec", lambda name: None)
    assert main(["doctor", "--", "gunicorn", "wsgi:app"]) == 3
    assert "pip install 'flushcheck[serve]'" in capsys.readouterr().err


def test_the_settings_file_of_uwsgi_counts(tmp_path, capsys):
    (tmp_path / "uwsgi.ini").write_text("[uwsgi]\nprocesses = 3\nthreads = 20\n")
    assert doctor_json(capsys, "--", "uwsgi", "--ini", "uwsgi.ini")[1]["streams"] == 60
    # The command line wins.
    assert doctor_json(capsys, "--", "uwsgi", "uwsgi.ini", "--threads", "5")[1]["streams"] == 15
    assert doctor_json(capsys, "--", "uwsgi", "--ini=missing.ini")[1]["streams"] == 1


def test_the_settings_file_of_hypercorn_counts(tmp_path, capsys):
    (tmp_path / "hypercorn.toml").write_text('bind = "0.0.0.0:80"\nworkers = 3\n')
    (tmp_path / "plain.toml").write_text("keep_alive_timeout = 5\n")

    def processes(*words: str) -> int:
        return int(doctor_json(capsys, "--", "hypercorn", *words, "a:b")[1]["processes"])

    assert processes("-c", "hypercorn.toml") == 3
    assert processes("--config=toml:hypercorn.toml") == 3
    # The command line wins.
    assert processes("-c", "hypercorn.toml", "-w", "2") == 2
    assert processes("-c", "plain.toml") == 1
    assert processes("-c", "missing.toml") == 0


MISUSED = [
    # arguments, in the message
    (
        ["-c", "nowhere.py"],
        "gunicorn does not start with these arguments: 'nowhere.py' doesn't exist; expected",
    ),
    (
        ["--", "gunicorn", "--no-such-option"],
        "gunicorn does not start with these arguments: unrecognized arguments: --no-such-option; expected",
    ),
    (["--", "gunicorn", "-w", "some"], "gunicorn does not start with these arguments"),
    (["--", "gunicorn", "--version"], "gunicorn does not start with these arguments"),
    (
        ["nonsense"],
        "nonsense: expected a URL, a file that starts a server, or after -- the command of a server",
    ),
    (["-c", "x.py", "--", "uvicorn", "app:app"], "uvicorn: expected a URL"),
    (["http://localhost:1", "more"], "expected the URL alone"),
    (["http://"], "expected"),
    (["--timeout", "0"], "expected more than 0"),
]


@pytest.mark.parametrize(("args", "message"), MISUSED)
def test_misuse_is_named(capsys, args, message):
    assert main(["doctor", *args]) == 2
    assert message in capsys.readouterr().err


def test_an_endless_settings_file_is_stopped(tmp_path, capsys):
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)\n")
    assert main(["doctor", "-c", "endless.py", "--timeout", "2"]) == 2
    assert "not finished within 2 s" in capsys.readouterr().err


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with servers.start_origin() as service:
        yield service


def test_a_running_service_reports_its_server(service, capsys):
    code, checkup = doctor_json(capsys, service.url)
    assert code == 0
    assert (checkup["worker"], checkup["streams"]) == ("gevent", 900)
    assert main(["doctor", f"{service.url}/", "--timeout", "5"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("gunicorn ")
    assert "900 at once" in text


def test_another_service_or_none_gives_exit_code_3(service, capsys):
    assert main(["doctor", f"{service.url}/elsewhere"]) == 3
    assert "status 404: not a flushcheck service" in capsys.readouterr().err
    assert main(["doctor", f"http://127.0.0.1:{servers.free_port()}"]) == 3
    assert "nothing listens" in capsys.readouterr().err


RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[[[[[",
    b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"\\u001b[m"',
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",  # and then nothing
    b"nonsense\r\n\r\n",
    b"",
]


@pytest.mark.parametrize("response", RESPONSES)
def test_an_invalid_response_gives_exit_code_3_and_no_traceback(capsys, response):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(response)
                connection.recv(4096)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        assert main(["doctor", f"http://127.0.0.1:{listener.getsockname()[1]}", "--timeout", "1"]) == 3
        thread.join(5)
    err = capsys.readouterr().err
    assert err.startswith("flushcheck: http://127.0.0.1:")
    assert "\x1b" not in err


def test_the_documented_example_happens_as_shown(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    command, documented = example("doctor-output", "console").split("\n", 1)
    assert main(command.split()[2:]) == 1
    # Which gunicorn is installed is not part of the example.
    text = capsys.readouterr().out
    assert text.replace(text.split()[1], documented.split()[1], 1) == documented


def test_every_field_is_documented():
    listed = {name for cells in rows("field of doctor") for name in names(cells[0])}
    fields = set(server_report_document(examine(ServerSetup(AppServer.UNKNOWN))))
    missing = sorted(fields - listed)
    assert not missing, f"add {missing} to the table of doctor in docs/json.md"
    assert listed == fields
