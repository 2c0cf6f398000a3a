"""`--config` compares a run with the block that its address leads to, and with no other one of the file."""

import json
from pathlib import Path

import pytest

from flushcheck.cli import main
from flushcheck.configs.findings import Server
from flushcheck.files import read_dump

RECORDING = Path(__file__).parents[1] / "recordings" / "nginx-buffering.json"
FIVE = "".join(
    f"server {{ listen {port}; server_name {name}; location / {{ {lines} proxy_pass http://127.0.0.1:8000; }} }}\n"
    for port, name, lines in [
        (8081, "a.example.org", "proxy_buffering off;"),
        (8082, "a.example.org", "proxy_http_version 1.0;"),
        (8083, "a.example.org", "proxy_buffering off; proxy_read_timeout 1h;"),
        (8083, "b.example.org", "proxy_http_version 1.0;"),
        (8084, "a.example.org", "proxy_http_version 1.0; proxy_buffers 8 32k;"),
    ]
)

CHOICES = [
    # URL, and the lines of the findings that hold a stream
    ("http://a.example.org:8081", []),
    ("http://a.example.org:8082/", [2]),
    ("http://a.example.org:8083", []),
    ("http://b.example.org:8083", [4]),
    ("http://B.example.org:8084/app", [5]),
    ("http://a.example.org:9999", []),  # of the three with its name the first
    ("http://c.example.org:9999", [2, 4, 5]),
]


@pytest.mark.parametrize(("url", "lines"), CHOICES)
def test_a_run_is_compared_with_the_server_that_listens_there(url, lines, tmp_path, capsys):
    run, site = tmp_path / "run.json", tmp_path / "site.conf"
    run.write_text(json.dumps({**json.loads(RECORDING.read_text()), "target": url}))
    site.write_text(FIVE)
    assert main(["judge", str(run), "--config", str(site), "--json"]) == 1
    config = json.loads(capsys.readouterr().out)["config"]
    assert [one["line"] for one in config["findings"] if one["id"] == "nginx-proxy-buffering"] == lines


def test_the_text_says_which_server_an_unknown_port_leads_to(tmp_path, capsys):
    run, site = tmp_path / "run.json", tmp_path / "site.conf"
    run.write_text(json.dumps({**json.loads(RECORDING.read_text()), "target": "http://b.example.org:9999"}))
    site.write_text(FIVE)
    main(["judge", str(run), "--config", str(site)])
    text = " ".join(capsys.readouterr().out.split())
    assert "no server here listens on port 9999: chosen by its name alone" in text


REFUSED = [
    (["--running", "nginx", "--ticket"], "--ticket with --running: expected one of the two"),
    (["--config", "x", "--ticket"], "--ticket with --config: expected one of the two"),
    (["--config", "x", "--running", "nginx"], "--config with --running nginx: expected one of the two"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_options_that_contradict_each_other_are_refused(arguments, message, capsys):
    assert main(["judge", str(RECORDING), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_running_server_is_compared_as_a_file_is(monkeypatch, tmp_path, capsys):
    def running(server, *, version=()):
        assert (server, version) == (Server.NGINX, ())
        return read_dump({"nginx.conf": FIVE}, server=server, version=(1, 22))

    monkeypatch.setattr("flushcheck.cli.check.read_running", running)
    run = tmp_path / "run.json"
    run.write_text(json.dumps({**json.loads(RECORDING.read_text()), "target": "http://b.example.org:8083"}))
    main(["judge", str(run), "--running", "nginx", "--json"])
    config = json.loads(capsys.readouterr().out)["config"]
    assert [one["line"] for one in config["findings"] if one["id"] == "nginx-proxy-buffering"] == [4]
