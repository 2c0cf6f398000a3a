"""What the running process knows of its own server, on real ones; the shared hosts' are in tests/deploy/."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websocket import create_connection

from flushcheck.configs.server_setup import AppServer, ServerSetup
from flushcheck.service.serving.app_server import CONCURRENCY, setup_at_load, setup_of_request
from flushcheck.streaming.limits import Limits
from tests.deploy import shared
from tests.live import servers
from tests.live.servers import ROOT, Service

WORKERS = [
    # gunicorn's arguments,            worker, streams in a process, remarks, the line at its start
    (["-w", "2"], "gevent", 900, [], "gevent worker, 2 processes: 1800 at once, 900 at once in each process"),
    (
        ["-k", "gthread", "--threads", "20"],
        "gthread",
        20,
        ["app-server-limit"],
        "gthread worker, 1 process: 20 at once",
    ),
    (
        ["-k", "sync", "-w", "2"],
        "sync",
        1,
        ["gunicorn-sync-worker"],
        "error: a sync worker serves one stream at a time",
    ),
    (
        ["--preload"],
        "gevent",
        900,
        ["gunicorn-preload-app"],
        "error: preload_app loads the app before gevent has patched",
    ),
    (
        ["--worker-connections", "50"],
        "gevent",
        50,
        ["gunicorn-worker-connections"],
        "warning: worker_connections 50 is not above",
    ),
]


@pytest.mark.parametrize(
    ("args", "worker", "streams", "remarks", "line"), WORKERS, ids=[args[0] for args, *_ in WORKERS]
)
def test_gunicorn_is_told_by_its_worker_and_texts_are_exact_under_each(args, worker, streams, remarks, line):
    with servers.start_origin(args=args) as service:
        told = server(service.url)
        assert (told["runs_under"], told["worker"], told["streams_per_process"]) == (
            "gunicorn",
            worker,
            streams,
        )
        assert [remark["id"] for remark in told["remarks"]] == remarks
        assert told["websocket"] is True
        assert f"flushcheck: runs under gunicorn {told['version']}, " in service.output()
        assert line in service.output()
        for query in shared.TEXTS:
            shared.assert_exact(service.url, query)
            assert_websocket_exact(service.url, query)


def test_a_misspelt_setting_is_told_with_the_right_name():
    with servers.start_origin(env={"FLUSHCHECK_MAX_STREEMS": "5"}) as service:
        (remark,) = server(service.url)["remarks"]
        assert remark["level"] == "warning"
        assert "FLUSHCHECK_MAX_STREEMS" in remark["sentence"]
        assert "FLUSHCHECK_MAX_STREAMS?" in remark["sentence"]


OWN_SETTINGS = [
    # gunicorn's arguments without the shipped file, remarks, whether the log has the line
    (["-k", "gevent"], [], True),
    (["-k", "gevent", "--preload"], ["gunicorn-preload-app"], False),
]


@pytest.mark.parametrize(
    ("args", "remarks", "logged"), OWN_SETTINGS, ids=["loaded by the worker", "preloaded"]
)
def test_without_the_shipped_hook_the_worker_is_found(tmp_path, args, remarks, logged):
    own = tmp_path / "own.conf.py"
    own.write_text("control_socket_disable = True\n")
    port = servers.free_port()
    argv = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(own),
        "wsgi:app",
        "--bind",
        f"127.0.0.1:{port}",
        *args,
    ]
    with servers.start_program("gunicorn", argv, port=port, cwd=ROOT, ready="/healthz") as service:
        report = server(service.url)
        assert (report["runs_under"], report["worker"]) == ("gunicorn", "gevent")
        assert [remark["id"] for remark in report["remarks"]] == remarks
        assert ("runs under gunicorn" in service.output()) is logged
        shared.assert_exact(service.url, shared.TEXTS[0])
        assert_websocket_exact(service.url, shared.TEXTS[0])


def test_a_websocket_over_tls_goes_by_the_plain_path(tmp_path):
    key, certificate = servers.certificate(tmp_path, "localhost")
    port = servers.free_port()
    argv = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"), "wsgi:app"]
    argv += ["--bind", f"127.0.0.1:{port}", "--keyfile", str(key), "--certfile", str(certificate)]
    with servers.start_program("gunicorn", argv, port=port, cwd=ROOT):
        ws = create_connection(
            f"wss://localhost:{port}/stream/ws?count=20&interval=0.01&text=zh",
            timeout=30,
            sslopt={"ca_certs": str(certificate)},
        )
        messages = []
        while message := ws.recv():
            messages.append(str(message))
            ws.ping("between")
        assert len(messages) == 20
        ws.close()


def test_werkzeugs_own_server_is_told():
    with werkzeug() as service:
        assert_websocket_exact(service.url, "count=20&interval=0.01")
        told = server(service.url)
        assert (told["runs_under"], told["streams"]) == ("werkzeug", 900)
        assert [remark["id"] for remark in told["remarks"]] == ["werkzeug-server"]


def test_diagnostics_says_it_too(client):
    told = client.get("/diagnostics?quick=1", headers={"Accept": "application/json"}).get_json()
    # Flask's test client is no server at all.
    assert told["server"]["runs_under"] == "unknown"
    assert told["server"] == client.get("/diagnostics/server").get_json()


LIES = {
    "HTTP_SERVER_SOFTWARE": "gunicorn",
    "HTTP_WERKZEUG_SOCKET": "x",
    "HTTP_GATEWAY_INTERFACE": "CGI/1.1",
    "HTTP_VIA": "uWSGI",
}

REQUESTS = [
    # the server's part of the environ, runner, places
    ({}, AppServer.UNKNOWN, 0),
    (LIES, AppServer.UNKNOWN, 0),
    ({"GATEWAY_INTERFACE": "CGI/1.1"}, AppServer.FASTCGI, 0),
    ({"GATEWAY_INTERFACE": "CGI/1.1", CONCURRENCY: 200}, AppServer.FASTCGI, 200),
    ({"werkzeug.socket": object(), "wsgi.multithread": True}, AppServer.WERKZEUG, 900),
    ({"werkzeug.socket": object(), "wsgi.multithread": False}, AppServer.WERKZEUG, 1),
]


@pytest.mark.parametrize(("environ", "runner", "places"), REQUESTS)
def test_where_the_process_does_not_tell_the_servers_words_do_and_never_a_visitors(environ, runner, places):
    found = setup_of_request(ServerSetup(AppServer.UNKNOWN, max_streams=900), environ)
    assert (found.server, found.concurrency) == (runner, places)


def test_what_the_process_knows_wins():
    known = ServerSetup(AppServer.UWSGI, concurrency=4)
    assert setup_of_request(known, {"GATEWAY_INTERFACE": "CGI/1.1"}) == known


def test_a_cgis_own_environment_tells():
    assert (
        setup_at_load(Limits(), {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET"}).server
        is AppServer.CGI
    )
    assert setup_at_load(Limits(), dict(os.environ)).server is AppServer.UNKNOWN


def server(root: str):
    return json.loads(shared.get(f"{root}/diagnostics/server")[1])


def assert_websocket_exact(root: str, query: str) -> None:
    ws = create_connection(f"ws{root.removeprefix('http')}/stream/ws?{query}", timeout=30)
    got = []
    while message := ws.recv():
        got.append(str(message))
    ws.close()
    assert "".join(got) == shared.get(f"{root}/stream/chunked?{query}")[1]


@contextmanager
def werkzeug() -> Iterator[Service]:
    port = servers.free_port()
    argv = [sys.executable, "-m", "flask", "--app", "wsgi", "run", "--port", str(port)]
    with servers.start_program("werkzeug", argv, port=port, cwd=ROOT, ready="/healthz") as service:
        yield service
