"""A stream of the visitor's own: what the page says of it, and where what was typed goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Verdict
from flushcheck.prober import saved
from tests.live import nginxconf, servers
from tests.page.own_app import COUNT, OwnApp

WITHIN_MS = 60_000
TRIES = 3
DECIDED = ("Flowing", "Held", "Broken")
APP = 8001  # the visitor's own app, beside the service

# One host with the service and the app behind it; each location passes to the app in its own way.
SITE = nginxconf.site(
    "proxy_pass http://127.0.0.1:8000; }\n"
    f"location /held/ {{ proxy_pass http://127.0.0.1:{APP}/; }}\n"
    f"location /flows/ {{ proxy_pass http://127.0.0.1:{APP}/; proxy_buffering off; proxy_http_version 1.1;"
)


@pytest.fixture(scope="module")
def app() -> Iterator[OwnApp]:
    """An app that lets no page of another origin read it."""
    with OwnApp() as own:
        yield own


@pytest.fixture(scope="module")
def open_app() -> Iterator[OwnApp]:
    """An app that lets every page read it."""
    with OwnApp("*") as own:
        yield own


@pytest.fixture(scope="module")
def site(origin: servers.Service, app: OwnApp) -> Iterator[servers.Nginx]:
    """The service and the app behind one nginx."""
    with servers.start_nginx(SITE, upstreams={8000: origin.port, APP: app.port}) as nginx:
        yield nginx


def begin(page: Page, site: str, url: str, **fields: str) -> Page:
    """Open the page, fill in the form and press the button."""
    page.goto(site)
    fill(page, url, **fields)
    page.click("[data-action=watch]")
    return page


def fill(
    page: Page, url: str, *, method: str = "GET", headers: str = "", body: str = "", limit: str = "30"
) -> None:
    page.fill("#watch-url", url)
    page.locator("#watch-form summary").click()
    page.select_option("#watch-method", method)
    page.fill("#watch-headers", headers)
    page.fill("#watch-body", body)
    page.fill("#watch-limit", limit)


def finished(page: Page, verdict: str = "") -> Page:
    """Wait for the report.

    On a busy machine the browser may get too little time for a verdict. Where another one is expected, the stream is
    watched again, as a person would.
    """
    result = page.locator("#watch-report .verdict")
    for _ in range(TRIES):
        expect(result).to_be_visible(timeout=WITHIN_MS)
        if not verdict or result.inner_text() in (verdict, *DECIDED):
            break
        page.click("[data-action=watch]")
        expect(result).to_have_count(0)
    return page


def watch(page: Page, site: str, url: str, **fields: str) -> Page:
    return finished(begin(page, site, url, **fields))


def headline(page: Page) -> str:
    return page.locator("#watch-report .headline").inner_text()


def number(page: Page, name: str) -> str:
    return page.locator(f"[data-part=stream] [data-number='{name}']").inner_text()


@dataclass(frozen=True)
class Case:
    """One stream, and what the page says of it."""

    url: str
    verdict: str
    headline: str
    culprit: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


# {app} and {open} are other origins: the second one lets this page read it.
CASES = {
    "a model's": Case("/flows/chat", "Flowing", "flowing: the events arrive one by one"),
    "in nginx's blocks": Case("/held/big", "Held", "held on events: nginx proxy_buffering holds", "nginx-proxy-buffering"),
    "held to the end": Case("/held/events", "Could not tell", "all at once after"),
    "by a compressor": Case("/flows/packed", "Held", "held on events: a compressor holds the stream", "compressor"),
    "another origin's": Case("{open}/chat", "Flowing", "flowing: the events arrive one by one"),
    "perhaps by a compressor": Case("{open}/packed", "Could not tell", "all at once after"),
    "no permission": Case("{app}/events", "Could not tell", "responds, but it does not let this page read the response (CORS:"),
    "nothing there": Case("http://127.0.0.1:9/", "Could not tell", "the browser got no response from 127.0.0.1:9: it is not reachable"),
    "a login": Case("/flows/private", "Could not tell", "it asks for a login (status 401)"),
    "a login page": Case("{open}/moved", "Could not tell", "it redirects to a page (text/html; charset=utf-8), as to a login page"),
    "cut": Case("/flows/cut", "Broken", "broken on events"),
    "without an end": Case("/flows/endless", "Flowing", "flowing: the events arrive one by one", fields=(("limit", "2"),)),
    "no stream": Case("/flows/small", "Could not tell", "1 record, all at once after"),
}  # fmt: skip
AT_ONCE = 8  # tabs: they mostly wait


@pytest.fixture(scope="module")
def reports(
    browser: Browser, site: servers.Nginx, app: OwnApp, open_app: OwnApp
) -> Iterator[dict[str, Page]]:
    """A tab for each case, some at once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    pages: dict[str, Page] = {}
    names = list(CASES)
    for some in (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)):
        for name in some:
            case = CASES[name]
            url = case.url.format(app=app.url, open=open_app.url)
            pages[name] = begin(context.new_page(), site.url, url, **dict(case.fields))
        for name in some:
            finished(pages[name], CASES[name].verdict)
    yield pages
    context.close()


@pytest.mark.parametrize("name", CASES)
def test_the_page_says_how_it_arrives_and_what_holds_it(name, reports):
    page, case = reports[name], CASES[name]
    assert page.locator("#watch-report .verdict").inner_text() == case.verdict
    assert case.headline in headline(page)
    culprits = page.locator("#watch-report [data-culprit]")
    if case.culprit:
        assert culprits.first.get_attribute("data-culprit") == case.culprit
        expect(culprits.first.locator("pre").first).to_be_visible()
    else:
        expect(culprits).to_have_count(0)
    expect(page).to_have_title(f"{case.verdict} · {page.evaluate('location.host')} · flushcheck")


def test_the_tokens_of_a_model_are_counted(reports):
    page = reports["a model's"]
    assert (number(page, "tokens"), number(page, "records")) == (str(COUNT), str(COUNT + 2))
    assert 1.0 <= float(number(page, "records per delivery")) < 1.5  # a busy machine joins some
    stream = page.locator("[data-part=stream]")
    expect(stream).to_contain_text("OpenAI chat completions, ended with its end marker after")
    expect(stream).to_contain_text(f"{COUNT} tokens, first token after")
    expect(stream).to_contain_text("between tokens: median")


def test_the_text_and_the_deliveries_are_shown(reports):
    page = reports["a model's"]
    text = page.locator("#watch-text").text_content() or ""
    assert text.count('"content": "word') == COUNT
    label = page.locator("#watch-report .timeline svg").get_attribute("aria-label")
    deliveries = re.match("Server-sent events: ([0-9]+) deliveries", label or "")
    assert deliveries
    assert COUNT // 2 < int(deliveries[1]) <= COUNT + 2


def test_what_is_held_to_the_end_names_the_step_that_would_tell(reports):
    page = reports["held to the end"]
    assert "add --direct http://localhost:PORT/" in headline(page)
    host = page.evaluate("location.host")
    expect(page.locator("#watch-command pre")).to_have_text(f"flushcheck watch 'http://{host}/held/events'")


def test_what_a_page_cannot_see_of_another_origin_is_said_and_not_claimed(reports):
    notes = reports["perhaps by a compressor"].locator("#watch-report [data-part=notes]")
    expect(notes).to_contain_text("a page can read some of its headers only")
    assert "Servers found" not in reports["another origin's"].locator("#watch-report").inner_text()


def test_one_small_record_is_called_no_stream(reports):
    expect(reports["no stream"].locator("#watch-report [data-part=notes]")).to_contain_text("is no stream")


def test_the_saved_run_gives_the_command_the_same_verdict(reports, app, tmp_path):
    page = reports["in nginx's blocks"]
    with page.expect_download() as download:
        page.click("#save-json")
    file = tmp_path / "run.json"
    download.value.save_as(file)
    report = judge(saved.load(str(file)))
    assert (report.verdict, report.headline) == (Verdict.HELD, headline(page))
    assert report.observer.startswith("a browser on")
    sent = {request[2].get("X-Request-ID") for request in app.requests if request[1] == "/big"}
    assert sent == {report.marker}


KEY, PROMPT, IN_QUERY = "sk-typed-0123456789", "a prompt that is private", "query-secret-77"


def test_what_was_typed_goes_to_that_address_and_nowhere_else(new_page, context, site, origin, app, tmp_path):
    sent: list[str] = []

    def on_request(request: Request) -> None:
        if not request.url.startswith(f"{site.url}/flows/"):
            sent.append(f"{request.url} {request.headers} {request.post_data or ''}")

    context.on("request", on_request)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    page = new_page()
    body = json.dumps({"messages": [{"content": PROMPT}]})
    url = f"/flows/echo?token={IN_QUERY}&n=1"
    page.goto(site.url)
    fill(page, url, method="POST", headers=f"Authorization: Bearer {KEY}", body=body)
    page.check("#watch-repeat")
    page.click("[data-action=watch]")
    finished(page)
    reached = [request for request in app.requests if request[1] == f"/echo?token={IN_QUERY}&n=1"]
    assert len(reached) >= 2  # with the repeats
    for _, _, headers, received in reached:
        assert headers["Authorization"] == f"Bearer {KEY}"
        assert received.decode() == body
    page.click("#copy-run")
    expect(page.locator("#copy-run")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.click("#save-json")
    download.value.save_as(tmp_path / "run.json")
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    shared = new_page()
    shared.goto(link)
    expect(shared.locator("#report .verdict")).to_have_text("Flowing")
    kept = {
        "other requests": "\n".join(sent),
        "the file": (tmp_path / "run.json").read_text(),
        "the shared report": shared.content(),
        "storage": stored,
        "the report": page.locator("#watch-report").inner_html(),
        "the command": page.locator("#watch-command").inner_text(),
        "the service's log": origin.tail(),
    }
    assert "diagnostics/observation" in kept["other requests"]
    for place, text in kept.items():
        for secret in (KEY, PROMPT, IN_QUERY):
            assert secret not in text, place


def test_a_post_is_made_once_unless_the_visitor_wants_repeats(page, site, app):
    page.goto(site.url)
    fill(page, "/flows/chat?once", method="POST", body="{}")
    expect(page.locator("#watch-repeat")).not_to_be_checked()
    page.click("[data-action=watch]")
    finished(page)
    assert [request[0] for request in app.requests if request[1] == "/chat?once"] == ["POST"]


def test_stop_ends_the_stream_and_judges_what_came(page, site, app):
    begin(page, site.url, "/flows/endless?stop")
    expect(page.locator("#watch-count")).to_contain_text("deliveries, ")
    expect(page.locator("#watch-text")).to_contain_text("data: 12")
    page.click("[data-action=stop-watch]")
    finished(page)
    expect(page.locator("[data-part=stream]")).to_contain_text("not followed to its end: stopped")
    expect(page.locator("[data-action=stop-watch]")).to_be_hidden()
    assert len([request for request in app.requests if request[1] == "/endless?stop"]) == 1


FORMS = [
    # name         address   headers      body   the sentence
    ("nothing",    "",       "",          "",    "Type the address of a stream"),
    ("a cookie",   "/a",     "Cookie: a", "",    "Cookies of this host are sent by the browser itself"),
    ("a body",     "/a",     "",          "x",   "A GET has no body"),
]  # fmt: skip


def test_a_form_that_cannot_be_sent_says_why(page, origin):
    page.goto(origin.url)
    page.locator("#watch-form summary").click()
    for name, url, headers, body, sentence in FORMS:
        for field, text in (("url", url), ("headers", headers), ("body", body)):
            page.fill(f"#watch-{field}", text)
        page.click("[data-action=watch]")
        expect(page.locator("#watch-status"), name).to_contain_text(sentence)
        expect(page.locator("#watch-terminal")).to_be_hidden()


def test_the_page_itself_can_reach_no_other_host(context, site, open_app):
    """The worker that may is a file of its own, and no script of the page can have it send what was typed here."""
    page = context.new_page()  # whose console may say that the policy was violated
    page.goto(site.url)
    refused = page.evaluate(
        "url => fetch(url).then(() => 'sent', (error) => error.name)", f"{open_app.url}/small"
    )
    assert refused == "TypeError"
    assert not [request for request in open_app.requests if request[1] == "/small"]
