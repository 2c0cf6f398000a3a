"""`assert_url_streams`: `watch` as an assertion."""

from __future__ import annotations

import time

import pytest

from flushcheck.model import UsageError, Verdict
from flushcheck.testing import assert_url_streams
from tests.prober.peers import Client, scripted_server
from tests.prober.stalls import undisturbed  # noqa: F401  # a fixture
from tests.prober.test_watching import LAST, SSE, chat, events

pytestmark = pytest.mark.usefixtures("undisturbed")


def post(client: Client) -> None:
    assert client.request.startswith(b"POST /chat")
    assert client.header("content-type") == "application/json"
    assert client.header("x-own") == "1"
    chat(client)


def held(client: Client) -> None:
    time.sleep(0.5)
    body = b"".join(b"data: %d\n\n" % number for number in range(7))
    client.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    client.send(body)


def short(client: Client) -> None:
    client.send(SSE)
    events(client, 4, 0.05)
    client.send(LAST)


def test_a_stream_that_arrives_piece_by_piece_passes():
    with scripted_server(post) as url:
        report = assert_url_streams(f"{url}/chat", json={"stream": True}, headers={"X-Own": "1"})
    assert report.verdict is Verdict.FLOWING
    assert report.stream is not None
    assert (report.stream.method, report.stream.records) == ("POST", 6)


def test_a_joined_stream_fails_with_its_report():
    with scripted_server(held) as url, pytest.raises(AssertionError) as error:
        assert_url_streams(url, once=True)
    assert str(error.value).startswith(f"{url} does not stream:\nHELD  {url}")
    assert "joined-response" in str(error.value)


def test_too_few_records_fail():
    with scripted_server(short) as url:
        assert_url_streams(url, once=True, min_records=4)
        with pytest.raises(AssertionError, match=r": 4 records arrived; expected 5 at least$"):
            assert_url_streams(url, once=True, min_records=5)


def test_a_server_that_is_not_there_fails():
    with pytest.raises(AssertionError, match="does not stream"):
        assert_url_streams("http://127.0.0.1:1/", once=True)


WRONG = [
    ({"url": "/chat"}, "expected an address that begins with http"),
    ({"url": "http://a/", "min_records": 0}, "min_records=0: expected 1 or more"),
    ({"url": "http://a/", "timeout_s": 0}, "timeout"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_wrong_arguments_are_told(arguments, words):
    with pytest.raises(UsageError, match=words):
        assert_url_streams(**arguments)
