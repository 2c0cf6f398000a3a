"""The engine off, or not fitting: said in the log, in /metrics and by the doctor, and the stream is the same."""

from __future__ import annotations

import json

import pytest
import requests

from flushcheck.cli import main
from flushcheck.model import EndRecord, Transport
from flushcheck.streaming.transports import decoder
from tests.live import servers
from tests.service.serving.test_app_server import assert_websocket_exact, server
from tests.service.wire import WITHIN_S

# The app under a gevent whose loop lacks something.
UNFIT = """
from flushcheck.service.serving import internals
internals.LOOP_METHODS += ("io_uring",)
from wsgi import app
"""
MISSING = "gevent's loop has no method io_uring"

WAYS = [
    # name, settings, whether the engine writes, the levels of the doctor's remarks, its exit code
    ("on", {}, True, [], 0),
    ("off", {"FLUSHCHECK_ENGINE": "off"}, False, ["note"], 0),
    ("unfit", {}, False, ["warning"], 1),
]


@pytest.mark.parametrize(("name", "settings", "active", "levels", "code"), WAYS, ids=[row[0] for row in WAYS])
def test_whether_the_engine_writes_is_told_and_changes_no_byte(
    tmp_path, capsys, name, settings, active, levels, code
):
    (tmp_path / "unfit.py").write_text(UNFIT)
    app = "unfit:app" if name == "unfit" else "wsgi:app"
    with servers.start_origin(env=settings, app=app, chdir=tmp_path) as service:
        metrics = requests.get(f"{service.url}/metrics", timeout=WITHIN_S).text
        assert f"flushcheck_engine_active {float(active)}" in metrics.splitlines()
        remarks = [
            remark for remark in server(service.url)["remarks"] if "engine" in remark["sentence"].lower()
        ]
        assert [remark["level"] for remark in remarks] == levels
        assert main(["doctor", service.url]) == code
        said = " ".join(capsys.readouterr().out.split())
        for text in (said, service.output()):
            assert (MISSING in text) is (name == "unfit")
        for path, transport in (("chunked", Transport.CHUNKED), ("events", Transport.EVENTS)):
            url = f"{service.url}/stream/{path}?count=40&interval=0.01&format=delta&end=done"
            response = requests.get(url, timeout=WITHIN_S)
            *pieces, end = decoder(transport).feed(response.content)
            assert [piece.seq for piece in pieces if not isinstance(piece, EndRecord)] == list(range(40))
            assert isinstance(end, EndRecord)
        assert_websocket_exact(service.url, "interval=0.01&count=40")
        ended = [json.loads(line) for line in service.output().splitlines() if line.startswith("{")]
        assert {line["ended"] for line in ended if line["transport"]} == {"done"}


def test_the_doctor_knows_before_the_start(monkeypatch, capsys):
    monkeypatch.setattr("flushcheck.service.serving.internals.misfits", lambda: (MISSING,))
    assert main(["doctor", "--", "gunicorn", "-k", "gevent", "wsgi:app"]) == 1
    assert MISSING in " ".join(capsys.readouterr().out.split())
    assert main(["doctor", "--", "gunicorn", "-k", "gthread", "--threads", "1000", "wsgi:app"]) == 0


def test_an_error_of_the_service_is_raised_in_its_request(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    with servers.start_origin(app="broken:app", chdir=tmp_path) as service:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.get(f"{service.url}/stream/chunked?count=3&interval=0.05&end=done", timeout=WITHIN_S)
        assert "ZeroDivisionError: of the service" in service.output()
        assert requests.get(f"{service.url}/healthz", timeout=WITHIN_S).ok


BROKEN = """
from flushcheck.service.routes import streams

def broken(*args, **kwargs):
    raise ZeroDivisionError("of the service")

streams.request_at_app = broken
from wsgi import app
"""
