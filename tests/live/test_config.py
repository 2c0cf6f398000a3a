"""A live diagnosis beside the files of the path: the culprit at its line, and a file that is not the one in force."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.live import nginxconf
from tests.live.servers import GOOD_SITE, ROOT, child_env

BARE = nginxconf.site("proxy_pass http://127.0.0.1:8000;")
MORE = nginxconf.site(
    "proxy_pass http://127.0.0.1:8000;", server="proxy_buffers 8 16k;\nproxy_buffer_size 16k;"
)


def diagnose(url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return flushcheck("diagnose", url, "--only", "chunked", *arguments)


def flushcheck(*arguments: object, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flushcheck", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**child_env(), "COLUMNS": "100", **(env or {})},
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def flat(text: str) -> str:
    """Without its line breaks: where they fall depends on how long a path is."""
    return " ".join(text.split())


def test_the_guilty_file_agrees_and_shows_its_line(origin, nginx, tmp_path):
    front = nginx(MORE, upstreams={8000: origin.port})
    guilty = 1 + front.text.splitlines().index("    location / {")
    saved = tmp_path / "run.json"
    done = diagnose(front.url, "--json", "--save", saved, "--config", front.main)  # which includes the site
    assert (done.returncode, done.stderr) == (1, "")
    config = json.loads(done.stdout)["config"]
    assert [(one["id"], one["found_by"]) for one in config["cross_checks"]] == [
        ("nginx-proxy-buffering", "both")
    ]
    (finding,) = config["cross_checks"][0]["findings"]
    assert (finding["file"], finding["line"]) == (str(front.config), guilty)
    assert config["files"][:1] == [str(front.main)]
    told = flushcheck("judge", saved, "--config", front.main.parent)  # the folder, as `check` takes it
    assert told.returncode == 1
    assert f"- agree nginx-proxy-buffering: both show it: {front.config}:{guilty} " in flat(told.stdout)
    # The line that the file's own finding prints is the one that frees the path.
    front.apply_fix(finding["fix"]["change"])
    freed = json.loads(diagnose(front.url, "--quick", "--json", "--config", front.main).stdout)
    assert (freed["verdict"], freed["config"]["cross_checks"]) == ("flowing", [])


def test_a_file_that_is_not_in_force_is_a_disagreement(origin, nginx, tmp_path):
    front = nginx(BARE, upstreams={8000: origin.port})
    done = diagnose(front.url, "--config", GOOD_SITE)
    assert done.returncode == 1
    assert "- path only nginx-proxy-buffering: seen on the path only" in flat(done.stdout)
    assert "or the server runs with another configuration" in flat(done.stdout)
    assert "- passed: " in done.stdout
    # And the other way round: what the file holds, the path does not.
    other = tmp_path / "site.conf"
    other.write_text(front.text)
    front.apply_fix("proxy_buffering off;")
    flows = diagnose(front.url, "--quick", "--config", other)
    assert flows.returncode == 0
    assert f"- file only nginx-proxy-buffering: in the file only ({other}:" in flat(flows.stdout)


def test_a_running_nginx_is_asked_what_it_uses(origin, nginx, tmp_path):
    front = nginx(BARE, upstreams={8000: origin.port})
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    # The real one, with the files of this test instead of the machine's own.
    asked = tmp_path / "nginx"
    asked.write_text(f'#!/bin/sh\nexec {program} -p {front.prefix} -c {front.main} "$@"\n')
    asked.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = flushcheck("check", "--json", "--running", "nginx", env={"PATH": path})
    document = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert [(one["id"], one["file"]) for one in document["findings"] if one["level"] == "error"] == [
        ("nginx-proxy-buffering", str(front.config))
    ]
    assert {str(front.main), str(front.config)} <= set(document["files"])


def test_a_running_gunicorn_is_found_with_its_settings(origin):
    done = flushcheck("check", "--json", "--running", "gunicorn")
    document = json.loads(done.stdout)
    shipped = str(ROOT / "deploy" / "gunicorn.conf.py")
    assert shipped in document["files"]
    assert any(f"gevent ({shipped}:" in one["reason"] for one in document["passed"])


BAD = [
    # name                  what stands in the file      words
    ("not there",           None,                        "no such file or folder"),
    ("not a text",          b"server {\0}",              "not a text file"),
    ("an unknown format",   b"root:x:0:0\n",             "cannot tell which server this file is for"),
    ("an empty folder",     "folder",                    "there is no file in this folder"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), BAD, ids=[name for name, *_ in BAD])
def test_a_bad_file_is_told_before_anything_is_asked(name, content, words, tmp_path):
    bad = tmp_path / "bad"
    if content == "folder":
        bad.mkdir()
    elif content is not None:
        bad.write_bytes(content)
    good = Path(tmp_path, "nginx.conf")
    good.write_text(BARE)
    # Nothing listens there: a diagnosis would be exit 3.
    done = diagnose("http://127.0.0.1:9", "--config", good, "--config", bad)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--config {bad}: " in done.stderr
    assert words in done.stderr
    assert "for example /etc/nginx/nginx.conf" in done.stderr


def test_a_ticket_has_no_place_for_files(tmp_path):
    done = diagnose("http://127.0.0.1:9", "--ticket", "--config", GOOD_SITE)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected one of the two" in done.stderr
