"""A run of the command, opened on the page: where the fault is, the servers on the path, the idle timeouts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.live import nginxconf, servers
from tests.page.conftest import PASS
from tests.page.diagnosis import panel


@pytest.fixture(scope="module")
def saved(origin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`flushcheck diagnose --direct --idle --save`, behind an nginx that holds, and cuts idle streams."""
    file = tmp_path_factory.mktemp("saved") / "run.json"
    with servers.start_nginx(
        nginxconf.site(f"{PASS}\nproxy_read_timeout 2s;"), upstreams={8000: origin.port}
    ) as nginx:
        argv = [
            sys.executable,
            "-m",
            "flushcheck",
            "diagnose",
            nginx.url,
            "--only",
            "chunked,events",
            "--quick",
        ]
        argv += ["--direct", origin.url, "--idle", "1,4", "--save", str(file)]
        run = subprocess.run(argv, capture_output=True, text=True, timeout=120, env=servers.child_env())
        assert run.returncode == 1, run.stderr
    return file


@pytest.fixture
def shown(saved, page: Page, origin) -> Page:
    page.goto(origin.url)
    page.set_input_files("#run-file", saved)
    expect(page.locator("#report .banner")).to_contain_text("A saved run")
    return page


def test_where_the_fault_is(shown):
    expect(shown.locator("[data-part=fault-location]")).to_contain_text(
        "the fault is on the path, not in the app"
    )
    expect(shown.locator("[data-part=fault-location] li").first).to_contain_text("chunked: ")


def test_the_servers_on_the_path_each_with_its_evidence(shown):
    hops = shown.locator("[data-part=hops] li")
    asks = hops.filter(has_text="a proxy that speaks HTTP/1.0")
    expect(asks.locator(".soft")).to_contain_text("the app was called over HTTP/1.0")
    for hop in hops.all():
        expect(hop.locator(".soft")).not_to_be_empty()


def test_the_idle_timeouts(shown):
    row = shown.locator("[data-part=idle-timeouts] tbody tr").filter(has_text="Server-sent events")
    expect(row.locator("td").nth(0)).to_have_text("1 s")
    assert 1.5 < float(row.locator("td").nth(1).inner_text().removesuffix(" s")) < 4
    expect(row.locator("td").nth(2)).to_have_text("–")
    expect(panel(shown, "events").locator(".chip").last).to_have_text("cut")


def test_the_file_made_of_it_says_the_same(shown, new_page):
    with shown.expect_download() as download:
        shown.click("#save-html")
    file = download.value.path().rename(download.value.path().with_suffix(".html"))
    page = new_page()
    page.goto(file.as_uri())
    for name in ("fault-location", "hops", "idle-timeouts"):
        part = shown.locator(f"[data-part={name}]")
        for item in part.locator("li, tbody td").all():
            expect(page.locator("main")).to_contain_text(item.inner_text().partition("\n")[0])


WRONG = [
    # name             what is in the file                          the error
    ("no JSON",        "HELD  http://example.org",                  "no readable run"),
    ("no run",         '{"verdict": "held"}',                       "not a run"),
    ("half a run",     '{"target": 1, "observations": []}',         "expected"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), WRONG, ids=[name for name, _, _ in WRONG])
def test_a_file_without_a_run_is_an_error(name, text, expected, page, origin, tmp_path):
    file = tmp_path / "other.json"
    file.write_text(text)
    page.goto(origin.url)
    page.set_input_files("#run-file", file)
    expect(page.locator("#report .problem")).to_contain_text("other.json")
    expect(page.locator("#report .problem")).to_contain_text(expected)
