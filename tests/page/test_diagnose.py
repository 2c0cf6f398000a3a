"""The test of the connection: verdict, culprit and fix, and the files and texts to take away."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Flow, Report, Transport, Verdict
from flushcheck.prober import saved
from tests.live import nginxconf, servers
from tests.page.conftest import PASS
from tests.page.diagnosis import begin, diagnose, finished, panel
from tests.page.rendered import leaning, lines


def flows(report: Report) -> dict[Transport, Flow]:
    return {verdict.transport: verdict.flow for verdict in report.transports}


# Streams held only where a client takes compressed ones: the browser asks once without encodings.
GZIP = nginxconf.site(
    "proxy_pass http://127.0.0.1:8000;\nproxy_http_version 1.1;\nproxy_set_header Connection '';\n"
    "gzip_types text/plain text/event-stream;"
)


@pytest.fixture(scope="module")
def reports(browser, origin, good, bare) -> Iterator[dict[str, Page]]:
    """Three diagnoses, made at once."""
    with servers.start_nginx(GZIP, upstreams={8000: origin.port}) as gzip:
        urls = {"flowing": good.url, "held": bare.url, "gzip": gzip.url}
        contexts = {name: browser.new_context(viewport={"width": 1280, "height": 900}) for name in urls}
        contexts["held"].grant_permissions(["clipboard-read", "clipboard-write"], origin=bare.url)
        pages = {name: begin(contexts[name].new_page(), url) for name, url in urls.items()}
        yield {name: finished(page) for name, page in pages.items()}
        for context in contexts.values():
            context.close()


def test_a_path_that_flows(reports):
    page = reports["flowing"]
    expect(page.locator(".verdict")).to_have_text("Flowing")
    expect(page.locator(".headline")).to_have_text("flowing on all four transports")
    for transport in Transport:
        expect(panel(page, transport).locator(".chip")).to_have_text("flowing")
        drawn = lines(panel(page, transport))
        assert len(drawn) >= 10
        assert leaning(drawn) < 0.3
    assert page.locator("[data-culprit]").count() == 0
    expect(page.locator("[data-part=vantages] .chip")).to_have_text(["flowing", "flowing"])
    notes = page.locator("[data-part=browser-checks]")
    expect(notes).to_contain_text("speak HTTP/1.1")
    expect(notes).to_contain_text("XMLHttpRequest holds text/plain without nosniff")
    expect(notes).to_contain_text("6 of 7 streams opened at once")
    expect(notes).not_to_contain_text("extension")


@pytest.fixture(scope="module")
def held(reports, tmp_path_factory) -> dict[str, Any]:
    """nginx with its defaults, and the files and texts from its report."""
    page = reports["held"]
    folder = tmp_path_factory.mktemp("taken")
    taken: dict[str, Any] = {"page": page}
    for name in ("html", "json"):
        with page.expect_download() as download:
            page.click(f"#save-{name}")
        assert download.value.suggested_filename == f"flushcheck-held.{name}"
        taken[name] = folder / download.value.suggested_filename
        download.value.save_as(taken[name])
    page.click("#copy-run")
    expect(page.locator("#long-link")).to_contain_text("mail programs and chats cut links of more than 2,000")
    expect(page.locator("#save-run")).to_be_focused()
    with page.expect_download() as download:
        page.click("#save-run")
    assert download.value.path().read_bytes() == taken["json"].read_bytes()
    for name in ("copy-long-link", "copy-text", "copy-ticket"):
        page.click(f"#{name}")
        expect(page.locator(f"#{name}")).to_have_text("Copied")
        taken[name] = page.evaluate("navigator.clipboard.readText()")
    return taken


def test_nginx_with_its_defaults_is_named_with_its_fix(held):
    page = held["page"]
    expect(page.locator(".verdict")).to_have_text("Held")
    culprit = page.locator("[data-culprit=nginx-proxy-buffering]")
    expect(culprit).to_contain_text("certain")
    # What was tried on this path stands first.
    expect(culprit.locator("pre").first).to_have_text("X-Accel-Buffering: no")
    expect(culprit.locator("pre").nth(1)).to_have_text("proxy_buffering off;")
    expect(page.locator("[data-part=vantages] .chip")).to_have_text(["held", "flowing"])
    expect(page.locator("[data-part=vantages]")).to_contain_text(
        "The app is fine. Something between the app and your browser delays the data."
    )
    for transport in ("chunked", "events"):
        expect(panel(page, transport).locator(".chip")).to_have_text("held")
        below = [end for _, end in lines(panel(page, transport))]
        assert max(below) - min(below) < 30
    expect(panel(page, "polling").locator(".chip")).to_have_text("flowing")
    expect(panel(page, "websocket").locator(".chip")).to_have_text("failed")
    # Here a stream opens only after its end, so connections cannot be counted; and no extension is at fault.
    assert not re.search("extension|opened at once", page.locator("#report").inner_text())


def test_the_saved_run_gives_the_command_the_same_verdict(held):
    report = judge(saved.load(str(held["json"])))
    assert report.verdict is Verdict.HELD
    assert "nginx-proxy-buffering" in [culprit_report.culprit.id for culprit_report in report.culprits]
    assert flows(report)[Transport.CHUNKED] is Flow.HELD
    assert held["page"].locator(".headline").inner_text() == report.headline


def test_the_saved_file_opens_from_disk_and_needs_nothing(held, new_page: Callable[[], Page]):
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(Path(held["html"]).as_uri())
    expect(page.locator("h1")).to_have_text(held["page"].locator(".headline").inner_text())
    expect(page.locator("pre", has_text="proxy_buffering off;").first).to_be_visible()
    assert page.locator("svg").count() == 3  # the WebSocket has nothing to show
    assert len(lines(page.locator("section").nth(1))) == 20
    assert page.evaluate("getComputedStyle(document.querySelector('section')).borderRadius") != "0px"
    assert len(asked) == 1


def test_a_link_shares_the_run_without_the_service_keeping_it(held, page, origin):
    link = held["copy-long-link"]
    assert len(link) < 16_000
    # The link may be opened on another service, which judges the run again.
    page.goto(link.replace(link.partition("/?")[0], origin.url))
    expect(page.locator(".banner")).to_contain_text("A shared run")
    expect(page.locator(".verdict")).to_have_text("Held")
    expect(page.locator("[data-culprit=nginx-proxy-buffering]")).to_be_visible()
    assert len(lines(panel(page, "chunked"))) == 20
    # Without its fragment the link says what it is, and what it has lost.
    short = link.partition("#")[0].replace(link.partition("/?")[0], origin.url)
    page.goto("about:blank")
    page.goto(short)
    expect(page).to_have_title("Held: streamed text does not arrive piece by piece")
    expect(page.locator("#report .problem")).to_contain_text("This link has lost its report")


def test_a_link_that_is_short_is_copied_at_once(page, origin, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin.url)
    observation = {
        "probe": {"transport": "chunked"},
        "outcome": "unreachable",
        "detail": "",
        "status": 0,
        "headers": [],
    }
    run = {"target": "http://example.org/", "observations": [observation]}
    page.goto(f"{origin.url}/#run={packed(run)}")
    page.click("#copy-run")
    expect(page.locator("#copy-run")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{origin.url}/?report=")
    assert len(link) < 2000


def test_the_text_for_an_issue_is_the_commands_own(held):
    assert held["copy-text"].startswith("HELD  http://127.0.0.1:")
    assert "proxy_buffering off;" in held["copy-text"]


def test_the_ticket_asks_for_the_line(held):
    assert "proxy_buffering off;" in held["copy-ticket"]
    assert held["copy-ticket"] != held["copy-text"]


def test_a_hold_by_compression_is_not_taken_for_plain_buffering(reports):
    page = reports["gzip"]
    expect(page.locator(".verdict")).to_have_text("Held")
    assert page.locator("[data-culprit]").first.get_attribute("data-culprit") == "nginx-gzip"
    assert page.locator("[data-culprit=nginx-proxy-buffering]").count() == 0


def packed(run: object) -> str:
    """A run as a link has it."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = squeeze.compress(json.dumps(run).encode()) + squeeze.flush()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


EVIL = "<img src=x onerror=alert(1)>"
LINKS = [
    ("no run at all", "nonsense!", "no readable run"),
    ("JSON of another kind", packed([1, 2]), "not a run"),
    ("a bomb", packed("0" * 30_000_000), "too large"),
    ("a wrong field", packed({"target": EVIL, "observations": [{"probe": 1}]}), "expected an object"),
]


@pytest.mark.parametrize(("name", "fragment", "expected"), LINKS, ids=[name for name, _, _ in LINKS])
def test_a_link_that_holds_no_run_says_so(name, fragment, expected, page, origin):
    page.goto(f"{origin.url}/#run={fragment}")
    expect(page.locator("#report .problem")).to_contain_text(expected)


def test_a_shared_run_with_markup_in_it_is_text(page, origin):
    probe = {"transport": "chunked"}
    headers = [["via", EVIL], ["server", EVIL]]
    observation = {"probe": probe, "outcome": "refused", "detail": EVIL, "status": 200, "headers": headers}
    run = {"target": EVIL, "tool": EVIL, "observations": [observation], "notes": [EVIL]}
    page.goto(f"{origin.url}/#run={packed(run)}")
    expect(page.locator("#report .banner")).to_contain_text(EVIL)
    assert page.locator("#report img").count() == 0


@pytest.mark.parametrize("stage", ["The same with one change at a time", "What only a browser sees"])
def test_stop_ends_the_probes_at_any_time(stage, page, origin):
    page.goto(origin.url)
    page.click("[data-action=diagnose]")
    expect(page.locator("#progress-text")).to_contain_text(stage)
    page.click("[data-action=stop-diagnosis]")
    expect(page.locator("#report .problem")).to_have_text("Stopped.")
    expect(page.locator("[data-action=diagnose]")).to_be_enabled()
    page.click("#card-chunked [data-action=toggle]")
    expect(page.locator("#open-count")).to_have_text("1")  # this stream, and none of the probes


def test_a_service_that_is_gone_is_reported_at_once(page, good, context):
    page.goto(good.url)
    page.route(re.compile("/diagnostics/plan"), lambda route: route.abort())
    page.click("[data-action=diagnose]")
    expect(page.locator("#report .problem")).to_contain_text(
        "no longer responds. Is the service still running?"
    )
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#progress-text")).to_contain_text("Streams of every kind")
    page.click("[data-action=stop-diagnosis]")


def test_the_next_test_says_what_changed_since_the_one_before(page, origin):
    with servers.start_nginx(nginxconf.site(PASS), upstreams={8000: origin.port}) as nginx:
        diagnose(page, nginx.url)
        assert page.locator("[data-part=comparison]").count() == 0
        nginx.apply_fix("proxy_buffering off;")
        # Reloading keeps the run in the tab, as a change of a server often makes necessary.
        diagnose(page, nginx.url)
        comparison = page.locator("[data-part=comparison]")
        expect(comparison).to_have_attribute("data-trend", "better")
        expect(comparison).to_contain_text("no longer found: nginx-proxy-buffering")
        row = comparison.locator("tr", has_text="Chunked HTTP")
        expect(row.locator("td").first).to_have_text(re.compile(r"was held, \d\.\d\d s, now flowing"))
        expect(comparison.locator("tr", has_text="WebSocket")).to_contain_text("was failed, now failed")
        page.click("[data-action=diagnose]")
        finished(page)
        expect(comparison).to_have_attribute("data-trend", "same")


BUSY = [
    # status, what the page says at the end
    (503, "The service is full (status 503): Too many runs; retry in 2 s."),
    (429, "Too many requests (status 429): Too many runs; retry in 2 s."),
]


@pytest.mark.parametrize(("status", "sentence"), BUSY, ids=[str(status) for status, _ in BUSY])
def test_a_service_that_is_busy_is_asked_again_and_then_called_that(status, sentence, page, origin):
    asked: list[str] = []

    def refuse(route):
        asked.append(route.request.url)
        body = json.dumps({"error": "Too many runs; retry in 2 s"})
        route.fulfill(
            status=status, body=body, headers={"Retry-After": "0.1"}, content_type="application/json"
        )

    page.goto(origin.url)
    page.route(re.compile("/diagnostics/plan"), refuse)
    page.click("[data-action=diagnose]")
    expect(page.locator("#report .problem")).to_have_text(sentence)
    assert len(asked) == 4


def test_a_proxy_without_its_service_is_called_that(page, origin):
    page.goto(origin.url)
    page.route(
        re.compile("/diagnostics/plan"), lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>")
    )
    page.click("[data-action=diagnose]")
    expect(page.locator("#report .problem")).to_have_text(
        "Status 502 from a proxy: the service behind it gives no valid response."
    )
