"""Records out of the bytes of any stream, cut anywhere."""

from __future__ import annotations

import json

import pytest

from flushcheck.watching.records import Framing, Record, RecordKind, RecordParser

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
        f"{head}data: {record if isinstance(record, str) else json.dumps(record)}\n\n" for record in data
    ).encode()


def lines(*data: object) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in data).encode()


STREAMS = [
    # name, content type, bytes, format, texts, whether the end marker came
    ("events", "text/event-stream", sse("one", "two"), Framing.EVENTS, ["one", "two"], False),
    ("events by their first bytes", "text/plain", b": hello\n\n" + sse("one"), Framing.EVENTS, ["one"], False),
    ("an OpenAI chat", "text/event-stream", sse(*OPENAI, "[DONE]"), Framing.EVENTS, ["Hel", "lo", "[DONE]"], True),
    ("an Anthropic chat", "text/event-stream", sse(*ANTHROPIC, name="content_block_delta"), Framing.EVENTS, ["Hel", "lo"], False),
    ("JSON lines", "application/x-ndjson", lines(*OLLAMA), Framing.LINES, ["Hel", "lo"], False),
    ("JSON lines by their first bytes", "text/plain; charset=utf-8", lines({"a": 1}, {"response": "x"}), Framing.LINES, ['{"a": 1}', "x"], False),
    ("the last line without its end", "application/jsonl", b'{"text": "a"}\n{"text": "b"}', Framing.LINES, ["a", "b"], False),
    ("text", "text/plain", "Wörter".encode(), Framing.PLAIN, ["Wörter"], False),
    ("pretty JSON is not a line", "application/json", b'{\n "a": 1\n}\n', Framing.PLAIN, ['{\n "a": 1\n}\n'], False),
    ("short", "", b"da", Framing.PLAIN, ["da"], False),
    ("nothing", "text/plain", b"", None, [], False),
    ("U+2028 ends no line", "application/x-ndjson", '{"text": "a\u2028b"}\n'.encode(), Framing.LINES, ["a\u2028b"], False),
    ("bytes that are not text", "text/plain", b"\xff\xfe", Framing.PLAIN, ["\ufffd\ufffd"], False),
]  # fmt: skip


def parse(content_type: str, *parts: bytes) -> tuple[RecordParser, list[Record]]:
    parser = RecordParser(content_type)
    records = [record for part in parts for record in parser.feed(part)]
    return parser, [*records, *parser.finish()]


@pytest.mark.parametrize(
    ("name", "content_type", "data", "framing", "texts", "done"),
    STREAMS,
    ids=[row[0] for row in STREAMS],
)
def test_records_come_out_whole_however_the_bytes_are_cut(name, content_type, data, framing, texts, done):
    parser, records = parse(content_type, data)
    assert (parser.framing, [record.text for record in records]) == (framing, texts)
    assert any(record.kind is RecordKind.DONE for record in records) is done
    assert parser.mid_record is False
    bytewise, again = parse(content_type, *(data[at : at + 1] for at in range(len(data))))
    assert bytewise.framing is framing
    if framing is Framing.PLAIN:  # each read is a record; a half character waits for its other half
        assert "".join(record.text for record in again) == "".join(texts)
    else:
        assert again == records


@pytest.mark.parametrize(
    ("content_type", "part", "mid_record"),
    [
        ("text/event-stream", b"data: on", True),
        ("text/event-stream", b"data: one\n", True),
        ("text/event-stream", b"data: one\n\n", False),
        ("application/x-ndjson", b'{"a"', True),
        ("text/plain", b"word", False),
    ],
)
def test_the_parser_knows_whether_it_is_in_the_middle_of_a_record(content_type, part, mid_record):
    parser = RecordParser(content_type)
    parser.feed(part)
    assert parser.mid_record is mid_record


def test_a_record_that_grows_past_the_limit_makes_the_stream_plain():
    for content_type in ("text/event-stream", "application/x-ndjson"):
        parser = RecordParser(content_type)
        for _ in range(10):
            parser.feed(b"x" * 65536)
        assert parser.framing is Framing.PLAIN


@pytest.mark.parametrize(
    ("parts", "feeds_ago"),
    [
        ([b'{"rows": [', b'"a", ', b'"b"', b"]\n"], [3, 2, 1, 0]),  # one document: each read is a record
        ([b'{"rows": [', b'"a"]}', b"\n{}\n"], [0, 0]),  # a line: complete with its last byte
        ([b"da", b"rk", b"ness"], [1, 0, 0]),
        ([b"da", b"ta: x\n\n"], [0]),
    ],
)
def test_the_first_reads_of_a_plain_stream_are_dated_back(parts, feeds_ago):
    _, records = parse("", *parts)
    assert [record.feeds_ago for record in records] == feeds_ago


DOCUMENTS = [
    # feeds,                                         whether it is one document
    ([b'{"rows": [', b'"a", ', b'"b"]}'],            True),
    ([b'{"rows": [', b'"a"]}', b"\n"],                True),
    ([b'{"rows": ["a", "b"]}'],                      False),  # in one read, as a line is
    ([b'{"rows": [', b'"a"]}\n', b'{"rows": []}\n'], False),  # lines
    ([b'{"model": "m", "response": "a", ', b'"done": true}'], False),  # of a known format
    ([b"data: a", b"\n\n"],                          False),
]  # fmt: skip


def test_a_single_line_of_a_response_that_promises_lines_is_a_record():
    parser, records = parse("application/x-ndjson; charset=utf-8", b'{"a": ', b"1}")
    assert (parser.framing, parser.is_document, len(records)) == (Framing.LINES, False, 1)


@pytest.mark.parametrize(("parts", "is_document"), DOCUMENTS)
def test_one_json_value_in_several_reads_is_a_document_and_no_record(parts, is_document):
    parser, _ = parse("application/json", *parts)
    assert parser.is_document is is_document
    assert (parser.framing is Framing.PLAIN) is is_document
