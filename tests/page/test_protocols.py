"""The protocol of each stream on the page, in real Chromium: over HTTP/1.1, HTTP/2 and HTTP/3 with TLS.

One configuration answers differently: nginx that buffers what it gets over HTTP/1.1 sends each piece on to HTTP/2
clients, and collects 16 kB for HTTP/1.1 clients over TLS.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Client, Run, Transport
from flushcheck.model.run_schema import run_to_json
from flushcheck.prober import saved
from flushcheck.reports.clients import asked_as
from tests.deploy import hosts
from tests.deploy.shipped import text_of, with_tls
from tests.diagnosis.test_clients import HELD_BY_NGINX, by, h2, over
from tests.lab.tls import HOST, authority
from tests.measurement.streams import saw
from tests.page.conftest import CHROMIUM, SWITCHES
from tests.page.diagnosis import begin, finished, panel

# The shipped nginx file without the line that frees a stream, with and without HTTP/2.
HTTP2 = with_tls(text_of("nginx/flushcheck.conf")).replace("proxy_buffering off;", "gzip off;")
HTTP1 = HTTP2.replace(" ssl http2;", " ssl;")
assert HTTP1 != HTTP2 != with_tls(text_of("nginx/flushcheck.conf"))

STREAMS = ("polling", "chunked", "events")
CHUNKED, EVENTS, HTTP1_CLIENT = Transport.CHUNKED, Transport.EVENTS, Client.HTTP1


def pin() -> str:
    """The hash of the throw-away certificate's key, as Chromium is told to trust it."""
    argv = ["openssl", "x509", "-in", str(authority().cert), "-noout", "-pubkey"]
    pem = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def trusting(browser: Browser, folder: Path, *, quic_port: int = 0) -> Any:
    """A browser of its own that trusts the certificate; with a port it asks there over HTTP/3 from the first request."""
    switches = [f"--ignore-certificate-errors-spki-list={pin()}"]
    if quic_port:
        switches += ["--enable-quic", f"--origin-to-force-quic-on={HOST}:{quic_port}"]
    others = [switch for switch in SWITCHES if not (quic_port and switch == "--disable-quic")]
    return browser.browser_type.launch_persistent_context(
        folder, executable_path=CHROMIUM, args=[*others, *switches], viewport={"width": 1280, "height": 900}
    )


@pytest.fixture(scope="module")
def reports(browser, origin, tmp_path_factory) -> Iterator[dict[str, Page]]:
    """Three diagnoses, made at once: nginx over HTTP/1.1 and HTTP/2, Caddy over HTTP/3."""
    authority()
    with ExitStack() as stack:
        http1, http2 = (
            stack.enter_context(hosts.start("nginx", text, origin=origin, tls=True))
            for text in (HTTP1, HTTP2)
        )
        caddy = stack.enter_context(
            hosts.start("caddy", with_tls(text_of("vps/Caddyfile")), origin=origin, tls=True)
        )
        over_tcp = trusting(browser, tmp_path_factory.mktemp("tcp"))
        stack.callback(over_tcp.close)
        over_quic = trusting(browser, tmp_path_factory.mktemp("quic"), quic_port=caddy.port)
        stack.callback(over_quic.close)
        pages = {
            "1.1": begin(over_tcp.new_page(), http1.url),
            "2": begin(over_tcp.new_page(), http2.url),
            "3": begin(over_quic.new_page(), caddy.url),
        }
        yield {version: finished(page) for version, page in pages.items()}


EXPECTED = [
    # version  verdict    headline                                                            measured as
    ("1.1",    "Held",    re.compile("^held on chunked, events: nginx proxy_buffering"),      None),
    ("2",      "Flowing", "flowing in browsers over HTTP/2 on all four transports",           "measured as a browser over HTTP/2"),
    ("3",      "Flowing", "flowing in browsers over HTTP/3 on all four transports",           "measured as a browser over HTTP/3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "verdict", "headline", "measured"), EXPECTED, ids=[row[0] for row in EXPECTED]
)
def test_the_report_says_over_which_protocol_it_was_measured(version, verdict, headline, measured, reports):
    page = reports[version]
    expect(page.locator(".verdict")).to_have_text(verdict)
    expect(page.locator(".headline")).to_have_text(headline)
    said = page.locator("[data-part=measured-as]")
    expect(said).to_have_text([measured] if measured else [])
    for transport in STREAMS:
        expect(panel(page, transport).locator("[data-part=protocol]")).to_have_text(f"over HTTP/{version}")
    expect(panel(page, "websocket").locator("[data-part=protocol]")).to_have_text(
        "protocol unknown: browsers do not report it for WebSockets"
    )
    notes = page.locator("[data-part=browser-checks]")
    expect(notes).to_contain_text(f"speak HTTP/{version}")
    expect(notes.filter(has_text="asks as one too")).to_have_count(0 if version == "1.1" else 1)
    expect(notes.filter(has_text="streams opened at once")).to_have_count(0)


def saved_run(page: Page, folder: Path) -> Run:
    with page.expect_download() as download:
        page.click("#save-json")
    file = folder / "run.json"
    download.value.save_as(file)
    return saved.load(str(file))


ALPN = {"1.1": "", "2": "h2", "3": "h3"}


@pytest.mark.parametrize("version", ALPN)
def test_the_saved_run_has_the_protocol_of_each_stream(version, reports, tmp_path):
    run = saved_run(reports[version], tmp_path)
    spoken = {
        (seen.probe.transport.value, seen.http_version, seen.alpn)
        for seen in run.observations
        if seen.probe.vantage == "path"
    }
    assert spoken == {*((name, version, ALPN[version]) for name in STREAMS), ("websocket", "", "")}
    # The command has the same words for it.
    assert judge(run).headline == reports[version].locator(".headline").inner_text()


@pytest.mark.parametrize("version", ALPN)
def test_each_card_names_its_protocol(version, reports):
    page = reports[version]
    page.click(".settings > summary")
    page.fill("#c-count", "5")
    page.click("#controls [data-action=start-all]")
    for transport, protocol in [
        *((name, f"HTTP/{version}") for name in STREAMS),
        ("websocket", "not reported"),
    ]:
        expect(page.locator(f"#card-{transport} [data-part=protocol]")).to_have_text(protocol)


def test_over_http_a_websocket_is_http1(page, origin):
    page.goto(f"{origin.url}/#count=3&interval=0.02")
    page.click("#card-websocket [data-action=toggle]")
    expect(page.locator("#card-websocket [data-part=protocol]")).to_have_text("HTTP/1.1")


def test_a_run_of_the_command_says_what_each_client_got(page, origin, tmp_path):
    made = Run(
        "https://example.org",
        (*h2(saw(CHUNKED), saw(EVENTS)), *by(HTTP1_CLIENT, *over("1.1", *HELD_BY_NGINX))),
    )
    (tmp_path / "run.json").write_text(json.dumps(run_to_json(made)))
    page.goto(origin.url)
    page.set_input_files("#run-file", tmp_path / "run.json")
    expect(page.locator(".headline")).to_have_text(judge(made).headline)
    expect(page.locator("[data-part=measured-as]")).to_have_text(asked_as(judge(made)))
    chunked = panel(page, "chunked")
    expect(chunked.locator("[data-part=protocol]")).to_have_text(["over HTTP/2", "over HTTP/1.1"])
    expect(chunked.locator("h4")).to_contain_text("For HTTP/1.1 clients")
    expect(chunked).to_contain_text("with the response header X-Accel-Buffering: no the stream flows")
    expect(page.locator("[data-culprit=nginx-proxy-buffering]")).to_contain_text(
        "on chunked, for HTTP/1.1 clients"
    )


def test_a_saved_run_shows_its_protocols_again(reports, page, origin, tmp_path):
    saved_run(reports["2"], tmp_path)
    page.goto(origin.url)
    page.set_input_files("#run-file", tmp_path / "run.json")
    expect(panel(page, "chunked").locator("[data-part=protocol]")).to_have_text("over HTTP/2")
