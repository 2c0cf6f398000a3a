"""Runs of `flushcheck watch` with real apps, judged again: see README.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flushcheck import judge
from flushcheck.model import Confidence, Report, Verdict
from flushcheck.model.run_schema import run_from_json

HERE = Path(__file__).parent
CERTAIN, LIKELY, POSSIBLE = Confidence
HELD, FLOWING, BROKEN, UNKNOWN = Verdict.HELD, Verdict.FLOWING, Verdict.BROKEN, Verdict.UNKNOWN

TABLE = [
    # recording,               verdict,  culprits,                               among the headline and the notes
    ("django-gzip-wsgi",       HELD,     {"django-gzip-middleware": LIKELY},     "only clients that accept compression are affected"),
    ("django-gzip-asgi",       BROKEN,   {"gzip-members": CERTAIN},              "browsers read only the first one"),
    ("django-sync-generator",  UNKNOWN,  {},                                     "a slow app, or held to the end"),
    ("django-gzip-asgi-60",    HELD,     {"django-gzip-middleware": LIKELY},     "only clients that accept compression are affected"),
    ("django-gzip-wsgi-61",    FLOWING,  {},                                     "the events arrive one by one"),
    ("starlette-gzip-045",     HELD,     {"compressor": CERTAIN},                "only clients that accept compression are affected"),
    ("starlette-gzip",         FLOWING,  {},                                     "the records arrive one by one"),
    ("starlette-joined",       HELD,     {"joined-response": CERTAIN},           "in the app, a middleware or a proxy"),
    ("waitress-send-bytes",    HELD,     {"byte-buffer": LIKELY},                "a buffer of a fixed size"),
    ("flask-pipe",             HELD,     {"byte-buffer": LIKELY},                "a buffer of a fixed size"),
    ("flask-compress-113",     HELD,     {"compressor": CERTAIN},                "only clients that accept compression are affected"),
    ("flask-plain",            FLOWING,  {},                                     "the events arrive one by one"),
    ("flask-compress",         HELD,     {"compressor": CERTAIN},                "does not flush after each piece"),
    ("flask-joined",           HELD,     {"joined-response": CERTAIN},           "in the app, a middleware or a proxy"),
    ("flask-accel-off",        FLOWING,  {},                                     "X-Accel-Buffering: off, which nginx ignores"),
    ("flask-late",             FLOWING,  {},                                     "the header arrived with the first record, after 1.1 s"),
    ("flask-slow",             HELD,     {"joined-response": CERTAIN},           "in the app, a middleware or a proxy"),
    ("gunicorn-sync",          FLOWING,  {"gunicorn-sync-worker": LIKELY},       "the app serves only a few streams at once"),
    ("node-compression",       HELD,     {"compressor": CERTAIN},                "does not flush after each piece"),
    ("node-compression-gzip-flush", HELD, {"compressor": CERTAIN},               "does not flush after each piece"),
    ("node-compression-both-flush", FLOWING, {},                                 "the events arrive one by one"),
    ("php-no-flush",           UNKNOWN,  {},                                     "a slow app, or held to the end"),
    ("php-flush-alone",        HELD,     {"php-output-buffering": LIKELY},       "PHP holds the output in its own buffer"),
    ("php-flush-both",         FLOWING,  {},                                     "the events arrive one by one"),
    ("apache-proxy-fcgi",      HELD,     {"apache-proxy-fcgi": LIKELY},          "until it has 4096 bytes"),
    ("apache-mod-ssl",         HELD,     {"apache-proxy-fcgi": LIKELY},          "until it has 4096 bytes"),
    ("lighttpd-direct",        HELD,     {"lighttpd-stream-response-body": POSSIBLE, "buffering-hop": LIKELY}, "lighttpd collects the whole response"),
    ("caddy-direct",           HELD,     {"buffering-hop": LIKELY},              "a proxy in front of the app holds the response"),
    ("haproxy-http2",          HELD,     {"haproxy-http-delay": LIKELY},         "held for HTTP/1.1 clients on events: HAProxy holds each chunk"),
    ("haproxy-opening",        HELD,     {"buffering-hop": LIKELY},              "a proxy in front of the app holds the response"),
    ("middlebox-ticks",        HELD,     {"buffering-hop": LIKELY},              "something collects them"),
    ("nginx-cache",            HELD,     {"response-cache": CERTAIN},            "a cache responds with an older stream"),
    ("nginx-php-no-flush",     HELD,     {"php-output-buffering": LIKELY},       "PHP holds the output in its own buffer"),
    ("nginx-php-zlib",         HELD,     {"php-output-buffering": POSSIBLE, "php-zlib": POSSIBLE}, "PHP compresses its own output"),
    ("nginx-direct",           HELD,     {"buffering-hop": LIKELY},              "a proxy in front of the app holds the response"),
    ("nginx-large",            HELD,     {"nginx-proxy-buffering": POSSIBLE, "nginx-uwsgi-buffering": POSSIBLE, "nginx-scgi-buffering": POSSIBLE, "byte-buffer": POSSIBLE}, "nginx proxy_buffering holds the response"),
]  # fmt: skip


def report_on(name: str) -> Report:
    return judge(run_from_json(json.loads((HERE / f"{name}.json").read_text())))


@pytest.mark.parametrize(("name", "verdict", "culprits", "words"), TABLE, ids=[row[0] for row in TABLE])
def test_a_recording_is_judged_right(name, verdict, culprits, words):
    report = report_on(name)
    assert report.verdict is verdict, report.headline
    assert {found.id: found.confidence for found in report.culprits} == culprits
    assert words in f"{report.headline}; {'; '.join(report.notes)}"


def test_every_recording_is_in_the_table():
    assert {path.stem for path in HERE.glob("*.json")} == {name for name, *_ in TABLE}


def test_every_recording_says_how_it_was_made():
    readme = (HERE / "README.md").read_text()
    missing = [name for name, *_ in TABLE if f"`{name}`" not in readme]
    assert not missing, f"tests/watched/README.md: add {missing}"
