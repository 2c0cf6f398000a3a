"""The same page in Debian's Firefox: another engine, another network stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.page.diagnosis import TRIES
from tests.page.firefox import FIREFOX, Firefox
from tests.page.own_app import COUNT, OwnApp

pytestmark = pytest.mark.skipif(
    FIREFOX is None, reason="firefox-esr is not installed (`make test` installs it)"
)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory) -> Iterator[Firefox]:
    with Firefox(tmp_path_factory.mktemp("firefox")) as driven:
        yield driven


def test_it_names_what_nginx_holds_with_its_defaults(firefox, bare):
    firefox.goto(bare.url)
    firefox.wait("() => document.documentElement.dataset.ready")
    result = "document.querySelector('#report .verdict, #report .problem')"
    verdict = ""
    for _ in range(TRIES):  # on a busy machine the browser may get too little time for a verdict
        firefox.ask("() => document.querySelector('[data-action=diagnose]').click()")
        if (verdict := firefox.wait(f"() => {result}?.textContent")) != "Could not tell":
            break
        firefox.ask(f"() => {result}.remove()")
    assert verdict == "Held"
    assert (
        firefox.ask("() => document.querySelector('[data-culprit] pre').textContent")
        == "X-Accel-Buffering: no"
    )
    assert firefox.ask("() => document.title").startswith("Held · 127.0.0.1:")
    provenance = firefox.ask("() => document.querySelector('[data-part=provenance]').textContent")
    assert "from a browser on Linux" in provenance
    assert "In access logs: nonce=" in provenance


def test_the_next_test_in_the_tab_is_compared_with_the_one_before(firefox):
    firefox.ask("() => document.querySelector('[data-action=diagnose]').click()")
    firefox.wait("() => document.querySelector('[data-part=comparison]')?.dataset.trend === 'same'")


def test_all_four_flow_through_the_shipped_file(firefox, good):
    firefox.goto("about:blank")
    firefox.goto(f"{good.url}/#count=20&interval=0.05")
    firefox.wait("() => document.documentElement.dataset.ready")
    firefox.ask("() => document.querySelector('#controls [data-action=start-all]').click()")
    texts = "() => [...document.querySelectorAll('.card .status')].map((status) => status.textContent)"
    firefox.wait(f"() => ({texts})().every((text) => /20 pieces/.test(text))")
    # A busy machine may make a piece late; a path that holds says so in another word.
    assert {text.partition(":")[0] for text in firefox.ask(texts)} <= {"Flowing", "Late"}


def test_a_pretended_hold_is_called_so(firefox, origin):
    firefox.goto("about:blank")
    firefox.goto(f"{origin.url}/#count=30&interval=0.05&size=700&pretend=blocks-4096")
    firefox.wait("() => document.documentElement.dataset.ready")
    firefox.ask("() => document.querySelector('#controls [data-action=start-all]').click()")
    texts = "() => [...document.querySelectorAll('.card .status')].map((status) => status.textContent)"
    firefox.wait(f"() => ({texts})().every((text) => /30 pieces/.test(text))")
    statuses = firefox.ask(texts)
    assert [text.startswith("Pretended. ") for text in statuses] == [False, True, True, False], statuses


FIRST = """() => new Promise((resolve) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", "/stream/chunked?count=20&size=64&interval=0.1&QUERY");
  xhr.onprogress = () => { if (xhr.responseText) { resolve(xhr.responseText.length); xhr.abort(); } };
  xhr.send();
})"""
QUERIES = ("nosniff=0", "nosniff=1", "nosniff=0&type=application/json", "nosniff=0&type=text/event-stream")


@pytest.mark.parametrize("query", QUERIES)
def test_it_never_holds_an_xhr(query, firefox, origin):
    firefox.goto(origin.url)
    assert 0 < firefox.ask(FIRST.replace("QUERY", query)) <= 128


def test_it_opens_six_streams_to_a_host_over_http11(firefox, origin):
    firefox.goto(origin.url)
    opened = firefox.ask(
        """async () => {
          const stop = new AbortController();
          let opened = 0;
          for (let n = 0; n < 7; n++) {
            fetch(`/stream/chunked?count=300&t=${n}`, { signal: stop.signal }).then(() => (opened += 1), () => {});
          }
          const wait = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));
          for (const ends = performance.now() + 8000; opened < 6 && performance.now() < ends; ) await wait(50);
          await wait(1000);  // in which a seventh would open
          stop.abort();
          return opened;
        }"""
    )
    assert opened == 6


def test_it_watches_a_stream_of_ones_own(firefox, origin):
    with OwnApp("*") as app:
        firefox.goto("about:blank")
        firefox.goto(origin.url)
        firefox.wait("() => document.documentElement.dataset.ready")
        firefox.ask(
            f"""() => {{
              document.querySelector("#watch-url").value = "{app.url}/chat";
              document.querySelector("[data-action=watch]").click();
            }}"""
        )
        verdict = "() => document.querySelector('#watch-report .verdict')?.textContent"
        assert firefox.wait(verdict) == "Flowing"
        stream = firefox.ask("() => document.querySelector('[data-part=stream]').innerText")
        assert "OpenAI chat completions, ended with its end marker" in stream
        assert f"{COUNT} tokens" in stream


def test_its_page_can_reach_no_other_host(firefox, origin):
    with OwnApp("*") as app:
        firefox.goto(origin.url)
        assert (
            firefox.ask(f"() => fetch('{app.url}/small').then(() => 'sent', (error) => error.name)")
            == "TypeError"
        )
        assert app.requests == []
