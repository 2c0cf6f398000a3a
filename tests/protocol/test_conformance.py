"""Each rule of docs/protocol.md has a check: it passes for an origin that keeps it, and fails for one that does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from flushcheck.protocol.capabilities import read_capabilities
from flushcheck.protocol.conformance import CHECKS, MARKER, Reply, Result, run_check
from flushcheck.protocol.origin import Origin, Request
from tests.docs.pages import TEXTS

TOKEN = "0123456789abcdef"
# Made by the prober: they are about the connection.
OF_THE_PROBER = {"websocket", "get-only", "silent-without-token", "silent-with-wrong-token"}
# Of the document, and no check: a file may be unable to count its streams.
NOT_CHECKED = {"full"}

Change = Callable[[str, Reply], Reply]


def ask(change: Change = lambda _, reply: reply) -> Callable[[str], Reply]:
    """An origin without a server; `change` breaks its replies."""
    origin = Origin(token=TOKEN, until="2099-01-01", streams=1000)

    def reply(query: str) -> Reply:
        found = origin.respond(
            Request("GET", query, {"x-flushcheck-token": TOKEN}, "HTTP/1.1", "test"), "2026-11-28"
        )
        assert found is not None
        body, took_s = found.body, 0.0
        if found.stream:
            for due_s, write in found.stream.writes():
                body, took_s = body + write(due_s), due_s
        headers = tuple((name.lower(), value) for name, value in found.headers)
        return change(query, Reply(found.status, headers, body, took_s=took_s))

    return reply


CAPABILITIES = read_capabilities(ask()("fc=1").body)


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_an_origin_that_keeps_the_rules_passes(check):
    result = run_check(check, ask(), CAPABILITIES)
    expected = Result.SKIPPED if check.name == "flush" else Result.PASSED
    assert result.result is expected, result


def swap(old: bytes, new: bytes) -> Change:
    return lambda _, reply: replace(reply, body=reply.body.replace(old, new))


def header(name: str, value: str) -> Change:
    """With this header in place of others of the same name; "" takes it away."""

    def change(_: str, reply: Reply) -> Reply:
        rest = tuple(pair for pair in reply.headers if pair[0] != name)
        return replace(reply, headers=(*rest, *([(name, value)] if value else [])))

    return change


def regular(_: str, reply: Reply) -> Reply:
    return replace(
        reply,
        body=re.sub(
            rb'"delta": "([0-9a-f]*)"', lambda found: b'"delta": "' + b"a" * len(found[1]) + b'"', reply.body
        ),
    )


def lenient(_: str, reply: Reply) -> Reply:
    return replace(reply, status=200) if reply.status == 400 else reply


def echoing(query: str, reply: Reply) -> Reply:
    return replace(reply, body=reply.body.replace(b'"error": "', b'"error": "' + query.encode()))


BROKEN = [
    # the check          what is wrong with the origin
    ("capabilities",     header("cache-control", "")),
    ("capabilities",     header("content-type", "text/html")),
    ("capabilities",     swap(b"{", b" " * 20_000 + b"{")),
    ("chunked",          swap(b'"seq": 3', b'"seq": 4')),
    ("chunked",          swap(b'"end"', b'"fin"')),
    ("chunked",          swap(b"\n", b"")),
    ("chunked",          swap(b"delta", b"text")),
    ("chunked",          header("content-type", "text/html; charset=utf-8")),
    ("chunked",          lambda _, reply: replace(reply, trouble="the connection ended")),
    ("chunked",          lambda _, reply: replace(reply, status=500)),
    ("chunked",          lambda _, reply: replace(reply, body=b"\xff\xfe")),
    ("chunked",          lambda _, reply: replace(reply, body=b"[" * 100_000 + b"\n")),
    ("chunked",          lambda _, reply: replace(reply, body=b"")),
    ("events",           swap(b"event: delta\n", b"")),
    ("events",           swap(b"id: ", b"no: ")),
    ("events",           swap(b"event: done", b"event: delta")),
    ("events",           header("content-type", "text/plain")),
    ("polling",          swap(b"message", b"text")),
    ("polling",          lenient),
    ("polling",          swap(b"request_at_app", b"origin")),
    ("end-record",       swap(b"request_at_app", b"origin")),
    ("end-record",       swap(b'"server"', b'"program"')),
    ("end-record",       swap(b'"end": "done"', b'"end": "fin"')),
    ("paced",            lambda _, reply: replace(reply, body=re.sub(rb'"at_s": [0-9.e-]+', b'"at_s": 0.5', reply.body))),
    ("paced",            lambda _, reply: replace(reply, body=re.sub(rb'"at_s": ', b'"at_s": -', reply.body))),
    ("sizes",            swap(b'"delta": "', b'"delta": "\xc3\xbc')),
    ("sizes",            lambda _, reply: replace(reply, body=re.sub(rb'"delta": "[0-9a-f]{2,30}"', b'"delta": "0123456789abcdef"', reply.body))),
    ("incompressible",   regular),
    ("plain-headers",    header("x-accel-buffering", "no")),
    ("plain-headers",    header("content-length", "1234")),
    ("xab",              header("x-accel-buffering", "")),
    ("cache",            header("cache-control", "no-cache")),
    ("nosniff",          header("x-content-type-options", "")),
    ("pad",              swap(b" " * 100, b" " * 99)),
    ("type",             header("content-type", "text/plain")),
    ("delay",            lambda _, reply: replace(reply, took_s=0.1)),
    ("ignores-unknown",  lambda query, reply: replace(reply, status=400) if "something" in query else reply),
    ("refuses-bounds",   lenient),
    ("refuses-bounds",   swap(b"error", b"problem")),
    ("refuses-html",     lenient),
    ("no-echo",          echoing),
    ("no-echo",          lambda query, reply: replace(reply, headers=(("x-query", query),))),
    ("taps",             lenient),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), BROKEN, ids=[row[0] for row in BROKEN])
def test_an_origin_that_breaks_a_rule_fails_its_check(name, change):
    (check,) = (check for check in CHECKS if check.name == name)
    result = run_check(check, ask(change), CAPABILITIES)
    assert result.result is Result.FAILED
    assert result.expected
    assert len(result.got) <= 300
    assert result.got.isprintable()


def test_every_check_has_an_origin_that_fails_it():
    assert {row[0] for row in BROKEN} == {check.name for check in CHECKS} - {"flush"}


def test_each_way_to_flush_gives_a_whole_stream():
    (check,) = (check for check in CHECKS if check.name == "flush")
    flushing = replace(CAPABILITIES, flush=("never", "both"))
    assert run_check(check, ask(), flushing).result is Result.PASSED

    def fails(query: str, reply: Reply) -> Reply:
        return replace(reply, status=400) if "flush=never" in query else reply

    assert run_check(check, ask(fails), flushing).result is Result.FAILED


def test_what_is_not_offered_is_not_checked():
    bare = replace(CAPABILITIES, params=(), transports=CAPABILITIES.transports[-1:])
    skipped = {check.name for check in CHECKS if run_check(check, ask(), bare).result is Result.SKIPPED}
    assert skipped == {
        "chunked",
        "polling",
        "xab",
        "cache",
        "nosniff",
        "pad",
        "type",
        "delay",
        "flush",
        "refuses-html",
    }


def test_the_document_names_every_check_and_no_other():
    groups = re.findall(
        r"\[((?:[a-z]+(?:-[a-z]+)*)(?:, [a-z]+(?:-[a-z]+)*)*)\](?!\()", TEXTS["docs/protocol.md"]
    )
    named = {name for group in groups for name in group.split(", ")}
    assert named - NOT_CHECKED == {check.name for check in CHECKS} | OF_THE_PROBER


def test_the_marker_is_no_part_of_an_honest_reply():
    assert MARKER.encode() not in json.dumps([ask()("fc=1").body.decode()]).encode()
