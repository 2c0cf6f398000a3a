"""The shipped .cgi and .htaccess under the host's mod_cgid: a process for each request."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from flushcheck.configs.findings import Server
from flushcheck.model import Flow, Transport
from tests.deploy import shared
from tests.deploy.shared import Account
from tests.deploy.shipped import SUB_PATH
from tests.live.servers import Service

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with shared.hosting() as account:
        for folder in ("public_html", f"public_html{SUB_PATH}"):
            account.put("cgi/flushcheck.cgi", folder)
            account.put("cgi/.htaccess", folder)
        yield account


@pytest.fixture(scope="module")
def apache(account: Account) -> Iterator[Service]:
    with shared.apache(account, "rewrite cgid", server="ScriptSock /run/lab/cgisock\n") as apache:
        yield apache


# Each request costs a start of Python: few of them, and the root is told by its own address.
@pytest.mark.parametrize("mount", ["", SUB_PATH], ids=["root", "sub-path"])
def test_it_knows_its_address_and_texts_are_exact(apache, mount):
    if mount:
        shared.assert_right_below(apache.url + mount, texts=shared.TEXTS[:1])
    else:
        shared.assert_exact(apache.url, shared.TEXTS[1])
        shared.assert_doctor_says(apache.url, "cgi", processes=0, streams=1)


def test_it_streams_once_its_process_has_begun_and_that_delay_is_no_culprit(account, apache):
    assert shared.found(shared.shipped("cgi/.htaccess"), Server.APACHE, ".htaccess") == set()
    (report,) = shared.diagnosed(apache.url, only=[Transport.CHUNKED, Transport.WEBSOCKET], looks=1)
    verdicts = {verdict.transport: verdict for verdict in report.transports}
    # It begins late, by as long as a Python takes to begin; then the pieces keep their pace.
    assert verdicts[Transport.CHUNKED].flow in (Flow.FLOWING, Flow.LATE)
    assert verdicts[Transport.CHUNKED].complete
    assert shared.culprit_ids(report) == {"gateway-websocket"}


def test_a_reader_that_leaves_ends_the_process(account, apache):
    script = str(account.home / "public_html" / "flushcheck.cgi")
    with urlopen(f"{apache.url}/stream/chunked?count=2000&interval=0.05", timeout=60) as response:
        assert response.read1(10)
        assert shared.running(script)
    shared.wait_until(lambda: not shared.running(script), apache)


def test_a_library_that_prints_does_not_break_the_answer(account, apache):
    line = 'app.before_request(lambda: print("hello", flush=True))\n'
    text = shared.shipped("cgi/flushcheck.cgi").replace("serve_cgi(app)", f"{line}serve_cgi(app)")
    account.put("cgi/.htaccess", "public_html/printing")
    account.put("cgi/flushcheck.cgi", "public_html/printing", text)
    assert shared.get(f"{apache.url}/printing/healthz") == (200, '{"status": "alive"}\n')
    assert "hello" in apache.output()
