"""`flushcheck tap` on Express and Connect: guilty layers and innocent twins, with the file of `origin write node-taps`."""

from __future__ import annotations

import http.client
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flushcheck.origins.writing import origin_file
from flushcheck.tapping.notes import notes_from_json
from tests.lab.launchers import NODE_MODULES
from tests.live import servers
from tests.live.test_taps import CODES, tap

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not os.environ.get("CI") and not (shutil.which("node") and NODE_MODULES.exists()),
        reason="Node and the laboratory's libraries are not installed",
    ),
]

TOKEN = "0123456789abcdef"
APPS = Path(__file__).parents[1] / "taps" / "apps" / "express_apps.cjs"


@pytest.fixture(scope="module", params=["express", "express4"])
def node(request: pytest.FixtureRequest) -> Iterator[servers.Service]:
    folder = servers.new_folder("node-taps")
    (folder / "flushcheck-taps.mjs").write_text(origin_file("node-taps", TOKEN, "2099-12-31"))
    shutil.copy(APPS, folder / "apps.cjs")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    port = servers.free_port()
    argv = ["node", str(folder / "apps.cjs"), str(port), request.param]
    with servers.start_program("node-taps", argv, port=port, cwd=folder, ready=None) as service:
        yield service


BR, GZIP, PLAIN = "br, gzip", "gzip", "identity"
ROWS = [
    # path                            the client offers  verdict    layers            where they are defined
    ("clean/chat",                    BR,                "flowing", [],               []),
    ("compression/chat",              BR,                "held",    ["compression"],  ["compression"]),
    ("compression/chat",              GZIP,              "held",    ["compression"],  ["compression"]),
    ("compression/chat",              PLAIN,             "flowing", [],               []),
    ("compression/chat?no-transform", BR,                "flowing", [],               []),
    # What is often written: it frees gzip, and browsers offer br.
    ("compression-gzip/chat",         BR,                "held",    ["compression"],  ["compression"]),
    ("compression-gzip/chat",         GZIP,              "flowing", [],               []),
    ("compression-both/chat",         BR,                "flowing", [],               []),
    ("joined/chat",                   PLAIN,             "held",    ["joinBody"],     [""]),
    ("namesake/chat",                 PLAIN,             "held",    ["compression"],  [""]),
    ("router/chat",                   PLAIN,             "held",    ["joinBody"],     [""]),
    ("late/chat",                     PLAIN,             "held",    ["joinBody"],     [""]),
    ("connect/chat",                  BR,                "held",    ["compression"],  ["compression"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "offers", "verdict", "names", "defined"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS]
)
def test_the_layer_is_named(path, offers, verdict, names, defined, node, capsys):
    code, report = tap(f"{node.url}/{path}", capsys, "-H", f"Accept-Encoding: {offers}", "--once")
    assert (report["verdict"], code) == (verdict, CODES[verdict]), report["headline"]
    assert [layer["name"] for layer in report["layers"]] == names
    assert [layer["layer"] for layer in report["layers"]] == defined
    if names:
        assert report["place"] == "app"
        assert ("express-compression" in report["fix"]) is (defined == ["compression"])
        assert bool(report["layers"][0]["version"]) is (defined == ["compression"])


def test_the_ladder_has_the_names_of_all_layers(node, capsys):
    _, report = tap(f"{node.url}/router/chat", capsys, "--once")
    assert [rung["name"] for rung in report["rungs"]] == ["view", "logger", "joinBody", "logger", "reader"]
    assert report["server"].startswith("Node/")


OTHERS = [
    # name                 headers
    ("none",               {}),
    ("an id alone",        {"X-Flushcheck-Tap": "0" * 32}),
    ("a wrong token",      {"X-Flushcheck-Tap": "0" * 32, "X-Flushcheck-Token": TOKEN[:-1] + "!"}),
    ("a wrong id",         {"X-Flushcheck-Tap": "../x", "X-Flushcheck-Token": TOKEN}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "headers"), OTHERS, ids=[row[0] for row in OTHERS])
def test_others_get_the_apps_own_404(name, headers, node):
    status, body, _ = get(node, f"/clean/no?fc=tap&id={'0' * 32}", headers)
    assert status == 404
    assert b"Cannot GET /no" in body


def get(node: servers.Service, path: str, headers: dict[str, str]) -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    return response.status, response.read(), response.headers.get("Cache-Control", "")


def test_notes_are_kept_within_limits_and_read_once(node):
    ids = [f"{number:032x}" for number in range(20)]
    tapped = [{"X-Flushcheck-Tap": tap_id, "X-Flushcheck-Token": TOKEN} for tap_id in ids]
    with ThreadPoolExecutor(len(ids)) as pool:
        assert {status for status, _, _ in pool.map(lambda own: get(node, "/clean/chat", own), tapped)} == {
            200
        }
    found = [
        get(node, f"/clean/chat?fc=tap&id={tap_id}", own) for tap_id, own in zip(ids, tapped, strict=True)
    ]
    assert sorted(status for status, _, _ in found) == [200] * 16 + [404] * 4
    body, cached = next((body, cached) for status, body, cached in found if status == 200)
    assert cached == "no-store"
    assert [place.name for place in notes_from_json(json.loads(body)).places] == ["view", "logger"]
    assert get(node, f"/clean/chat?fc=tap&id={ids[0]}", tapped[0])[0] == 404


def test_nothing_is_installed_before_the_token_is_set(tmp_path):
    import subprocess

    text = (Path(__file__).parents[2] / "flushcheck" / "origins" / "files" / "node-taps.mjs").read_text()
    (tmp_path / "taps.mjs").write_text(text)
    script = "import('./taps.mjs').then(({install}) => { const a = {handle: 1}; install(a); console.log(a.handle) })"
    done = subprocess.run(["node", "-e", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
