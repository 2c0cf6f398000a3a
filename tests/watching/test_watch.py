"""Any app's stream: records out of its bytes, and what its arrivals say and do not say."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from flushcheck.model import Arrival, ReceivedPiece, Verdict
from flushcheck.reports.watch import came_line, watch_document, watch_text
from flushcheck.watching.watch import (
    MAX_RECORDS,
    Ending,
    Follower,
    Kind,
    Pattern,
    Record,
    Watched,
    delta,
    judge,
    look,
)

OPENAI = [{"choices": [{"delta": {"content": text}, "index": 0}]} for text in ("Hel", "lo")]
ANTHROPIC = [
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}} for text in ("Hel", "lo")
]
OLLAMA = [
    {"model": "m", "message": {"role": "assistant", "content": text}, "done": False} for text in ("Hel", "lo")
]


def sse(*data: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return "".join(
        f"{head}data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in data
    ).encode()


def lines(*data: object) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in data).encode()


STREAMS = [
    # name, content type, bytes, kind, texts, whether it says that it is over
    ("events", "text/event-stream", sse("one", "two"), Kind.EVENTS, ["one", "two"], False),
    ("events by their look", "text/plain", b": hello\n\n" + sse("one"), Kind.EVENTS, ["one"], False),
    ("an OpenAI chat", "text/event-stream", sse(*OPENAI, "[DONE]"), Kind.EVENTS, ["Hel", "lo", "[DONE]"], True),
    ("an Anthropic chat", "text/event-stream", sse(*ANTHROPIC, name="content_block_delta"), Kind.EVENTS, ["Hel", "lo"], False),
    ("JSON lines", "application/x-ndjson", lines(*OLLAMA), Kind.LINES, ["Hel", "lo"], False),
    ("JSON lines by their look", "text/plain; charset=utf-8", lines({"a": 1}, {"response": "x"}), Kind.LINES, ['{"a": 1}', "x"], False),
    ("the last line without its end", "application/jsonl", b'{"text": "a"}\n{"text": "b"}', Kind.LINES, ["a", "b"], False),
    ("text", "text/plain", "Wörter".encode(), Kind.PLAIN, ["Wörter"], False),
    ("pretty JSON is no line", "application/json", b'{\n "a": 1\n}\n', Kind.PLAIN, ['{\n "a": 1\n}\n'], False),
    ("short", "", b"da", Kind.PLAIN, ["da"], False),
    ("nothing", "text/plain", b"", None, [], False),
    ("U+2028 ends no line", "application/x-ndjson", '{"text": "a\u2028b"}\n'.encode(), Kind.LINES, ["a\u2028b"], False),
    ("bytes that are no text", "text/plain", b"\xff\xfe", Kind.PLAIN, ["\ufffd\ufffd"], False),
]  # fmt: skip


def follow(kind: str, *parts: bytes) -> tuple[Follower, list[Record]]:
    follower = Follower(kind)
    records = [record for part in parts for record in follower.feed(part)]
    return follower, [*records, *follower.finish()]


@pytest.mark.parametrize(
    ("name", "content_type", "data", "kind", "texts", "done"), STREAMS, ids=[row[0] for row in STREAMS]
)
def test_records_come_out_whole_however_the_bytes_are_cut(name, content_type, data, kind, texts, done):
    follower, records = follow(content_type, data)
    assert (follower.kind, [record.text for record in records]) == (kind, texts)
    assert any(record.done for record in records) is done
    assert follower.midst is False
    bytewise, again = follow(content_type, *(data[at : at + 1] for at in range(len(data))))
    assert bytewise.kind is kind
    if kind is Kind.PLAIN:  # each read is a record; a half character waits for its other half
        assert "".join(record.text for record in again) == "".join(texts)
    else:
        assert again == records


@pytest.mark.parametrize(
    ("kind", "part", "midst"),
    [
        ("text/event-stream", b"data: on", True),
        ("text/event-stream", b"data: one\n", True),
        ("text/event-stream", b"data: one\n\n", False),
        ("application/x-ndjson", b'{"a"', True),
        ("text/plain", b"word", False),
    ],
)
def test_the_midst_of_a_record_is_told(kind, part, midst):
    follower = Follower(kind)
    follower.feed(part)
    assert follower.midst is midst


def test_what_grows_past_all_bounds_becomes_plain():
    for kind in ("text/event-stream", "application/x-ndjson"):
        follower = Follower(kind)
        for _ in range(10):
            follower.feed(b"x" * 65536)
        assert follower.kind is Kind.PLAIN


DELTAS = [
    (OPENAI[0], "Hel"), (ANTHROPIC[0], "Hel"), (OLLAMA[0], "Hel"), ({"delta": "x"}, "x"), ({"choices": []}, None),
    ({"text": ""}, ""), ({"a": "b"}, None), ([1], None), ("x", None), (None, None), ({"delta": {"delta": {"delta": {}}}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), DELTAS)
def test_the_text_of_a_record_is_found_where_chats_put_it(data, text):
    assert delta(data) == text


# --- What arrivals say.


def watched(
    groups: list[tuple[float, int]], *, midst: bool = False, record: int = 40, **changes: object
) -> Watched:
    """Groups of so many records at these moments."""
    seqs = iter(range(100_000))
    arrivals = tuple(
        Arrival(
            at_s,
            count * record,
            count * record,
            tuple(ReceivedPiece(next(seqs), 0.0, record) for _ in range(count)),
        )
        for at_s, count in groups
    )
    base = Watched(
        "http://app/stream",
        Ending.ENDED,
        status=200,
        headers=(("content-type", "text/event-stream"),),
        headers_s=groups[0][0] if groups else 0.01,
        ended_s=groups[-1][0] if groups else 1.0,
        kind=Kind.EVENTS,
        arrivals=arrivals,
        midst=(midst,) * len(arrivals),
    )
    whole = dataclasses.replace(base, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(whole, midst=(midst,) * len(whole.arrivals))


SINGLY = [(0.1 * n, 1) for n in range(40)]
ONCE = [(8.2, 40)]
BLOCKS = [(0.4 * n * (1 + n % 3), 10) for n in range(1, 6)]
TICKS = [(0.2 * n, 3 + n % 4) for n in range(12)]
_draw = random.Random(3)
JITTER = [(0.1 * n + 0.3 * _draw.random(), 1 + (n % 5 == 0)) for n in range(0, 40, 2)]

ALONE = [
    # name, what was seen, pattern, health, words
    ("one by one", watched(SINGLY), Pattern.SINGLY, Verdict.FLOWING, "nothing joins them"),
    ("two tokens are written at once", watched([(0.2 * n, 1 + n % 2 * (n % 4 == 1)) for n in range(20)]), Pattern.SINGLY, Verdict.FLOWING, "one by one"),
    ("all at once", watched(ONCE), Pattern.ONCE, Verdict.UNKNOWN, "all in one read after 8.2 s: held, or an app"),
    ("blocks between records", watched(BLOCKS), Pattern.BLOCKS, Verdict.UNKNOWN, "look alike"),
    ("blocks that cut records", watched(BLOCKS, midst=True), Pattern.BLOCKS, Verdict.HELD, "collects blocks of 400 bytes"),
    ("ticks", watched(TICKS), Pattern.TICKS, Verdict.UNKNOWN, "in ticks"),
    ("two groups", watched([(1.0, 20), (5.0, 20)]), Pattern.FEW, Verdict.UNKNOWN, "two or three"),
    ("one record is no stream", watched([(1.0, 1)]), Pattern.ONCE, Verdict.UNKNOWN, "all in one read"),
    ("nothing", watched([]), Pattern.NOTHING, Verdict.UNKNOWN, "nothing came"),
    ("cut", watched(SINGLY, ending=Ending.CUT, detail="the body broke off"), Pattern.SINGLY, Verdict.BROKEN, "cut after 3.9 s"),
    ("broken off behind its last word", watched(SINGLY, ending=Ending.CUT, done=True), Pattern.SINGLY, Verdict.FLOWING, "one by one"),
    ("refused", watched([], ending=Ending.REFUSED, detail="status 401"), Pattern.NOTHING, Verdict.UNKNOWN, "status 401"),
    ("stopped by hand", watched(SINGLY, ending=Ending.STOPPED, detail="stopped by hand"), Pattern.SINGLY, Verdict.FLOWING, "one by one"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "pattern", "health", "words"), ALONE, ids=[row[0] for row in ALONE])
def test_what_one_stream_says_and_no_more(name, seen, pattern, health, words):
    said = judge(seen)
    assert (said.looks[0].pattern, said.health) == (pattern, health), said.headline
    assert words in said.headline
    json.dumps(watch_document(said))
    assert said.headline.split()[0] in watch_text(said, width=80, color=False)


LATER = [(at_s + 3, count) for at_s, count in SINGLY]
BESIDE = [
    # name, at the public address, at the app's own port, health, words
    ("held", watched([(3.9, 40)]), watched(SINGLY), Verdict.HELD, "in 1 group here, in 40 at the other"),
    ("held, and another answer", watched([(5.0, 60)]), watched(SINGLY), Verdict.HELD, "held"),
    ("blocks", watched([(0.8 * n, 10) for n in range(1, 6)]), watched(SINGLY), Verdict.HELD, "in 5 groups"),
    ("ticks of 200 ms", watched([(0.2 * n, 2) for n in range(20)]), watched(SINGLY), Verdict.HELD, "in 20 groups"),
    ("both flow", watched(SINGLY), watched(SINGLY), Verdict.FLOWING, "nothing holds it"),
    ("jitter", watched(JITTER), watched(SINGLY), Verdict.UNKNOWN, "jitter"),
    ("a slow app", watched(ONCE), watched(ONCE), Verdict.UNKNOWN, "at both"),
    ("begins later", watched(LATER), watched(SINGLY), Verdict.UNKNOWN, "begins 3.0 s later"),
    ("the wrong way round", watched(SINGLY), watched([(3.9, 40)]), Verdict.UNKNOWN, "is it the app's own port"),
    ("other answers", watched([(1, 3)]), watched(SINGLY), Verdict.UNKNOWN, "differ too much (3 and 40"),
    ("nobody at the port", watched(SINGLY), watched([], ending=Ending.UNREACHABLE, detail="refused"), Verdict.FLOWING, "says nothing"),
    ("nobody in front", watched([], ending=Ending.REFUSED, detail="status 502"), watched(SINGLY), Verdict.UNKNOWN, "502"),
    ("plain, joined", watched([(3.9, 1)], kind=Kind.PLAIN), watched(SINGLY, kind=Kind.PLAIN), Verdict.HELD, "held"),
    ("quick, and joined by chance", watched([(0.2, 8)]), watched([(0.025 * n, 1) for n in range(8)]), Verdict.UNKNOWN, "jitter"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "public", "direct", "health", "words"), BESIDE, ids=[row[0] for row in BESIDE]
)
def test_two_addresses_tell_a_hold_from_a_slow_app(name, public, direct, health, words):
    said = judge(public, direct)
    assert said.health is health, said.headline
    assert words in said.headline.replace("to be compared ", "")


SAID = [
    # what was seen, one of the sentences
    (watched(ONCE, headers_s=0.1), "the header had come 8.1 s before"),
    (watched(ONCE, headers=(("content-length", "1600"),)), "Content-Length of 1600"),
    (watched(SINGLY, headers=(("content-encoding", "gzip"),)), "compressed as gzip"),
    (watched(ONCE, arrivals=(Arrival(0.1, 10, 0), Arrival(8.0, 90, 400, (ReceivedPiece(0, 0, 400),))), midst=False), "header: one that does not flush"),
    (watched([(0.0, 1), (5.0, 1), (5.1, 1), (5.2, 1)]), "nothing came: 5.0 s"),
    (watched(SINGLY, ending=Ending.CLOSED), "one that was cut would look the same"),
    (watched(SINGLY, ending=Ending.CLOSED, done=True), "with its own last word ([DONE])"),
    (watched(BLOCKS), "of 400 bytes each"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "sentence"), SAID, ids=[row[1][:30] for row in SAID])
def test_what_is_seen_is_said(seen, sentence):
    assert any(sentence in said for said in look(seen).sentences), look(seen).sentences


def test_no_strangers_text_steers_the_terminal_or_leaves_its_line():
    record = Record("\x1b[2J\u202e" + "x" * 500, 5)
    line = came_line(1.0, 0.1, 100, (record,), label="", width=60)
    assert len(line) < 60
    assert "\x1b" not in line
    hostile = watched(SINGLY, headers=(("content-type", "\x1b]0;x\x07"),), url="http://x/\x1b[2J")
    assert "\x1b" not in watch_text(judge(hostile), width=80, color=False)
    assert MAX_RECORDS > 0
