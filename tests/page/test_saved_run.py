"""A run of the command, opened on the page: where the fault lies, who stands on the path, which silences pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.live import nginxconf, servers
from tests.page.conftest import PASS
from tests.page.diagnosing import panel


@pytest.fixture(scope="module")
def saved(origin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`flushcheck diagnose --direct --idle --save`, with an nginx in between that holds, and cuts what is silent."""
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
        told = subprocess.run(argv, capture_output=True, text=True, timeout=120, env=servers.child_env())
        assert told.returncode == 1, told.stderr
    return file


@pytest.fixture
def shown(saved, page: Page, origin) -> Page:
    page.goto(origin.url)
    page.set_input_files("#run-file", saved)
    expect(page.locator("#report .banner")).to_contain_text("A run that was saved")
    return page


def test_where_the_fault_lies(shown):
    expect(shown.locator("[data-part=located]")).to_contain_text("the fault is on the path, not in the app")
    expect(shown.locator("[data-part=located] li").first).to_contain_text("chunked: ")


def test_who_stands_on_the_path_each_with_its_evidence(shown):
    hops = shown.locator("[data-part=hops] li")
    asks = hops.filter(has_text="a proxy that speaks HTTP/1.0")
    expect(asks.locator(".soft")).to_contain_text("the app was called over HTTP/1.0")
    for hop in hops.all():
        expect(hop.locator(".soft")).not_to_be_empty()


def test_which_silences_pass(shown):
    row = shown.locator("[data-part=silences] tbody tr").filter(has_text="Server-sent events")
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
    for name in ("located", "hops", "silences"):
        part = shown.locator(f"[data-part={name}]")
        title = part.locator("h3").inner_text()
        kept = page.locator("section", has=page.get_by_role("heading", name=title))
        for item in part.locator("li, tbody td").all():
            expect(kept).to_contain_text(item.inner_text().partition("\n")[0])


WRONG = [
    # name             what is in the file                          what is said
    ("no JSON",        "HELD  http://example.org",                  "holds no run that can be read"),
    ("no run",         '{"verdict": "held"}',                       "not a run"),
    ("half a run",     '{"target": 1, "observations": []}',         "expected"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "told"), WRONG, ids=[name for name, _, _ in WRONG])
def test_a_file_that_holds_none_is_told(name, text, told, page, origin, tmp_path):
    file = tmp_path / "other.json"
    file.write_text(text)
    page.goto(origin.url)
    page.set_input_files("#run-file", file)
    expect(page.locator("#report .problem")).to_contain_text("other.json")
    expect(page.locator("#report .problem")).to_contain_text(told)
