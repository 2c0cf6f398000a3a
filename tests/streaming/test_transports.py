"""Encoder and decoder of each transport: one table of values and bytes for both, cut anywhere."""

import json
from itertools import pairwise

import pytest
import sseclient
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import EndRecord, Framing, Piece, RequestAtApp, Transport
from flushcheck.streaming.transports import Malformed, decoder, encoder, events, polling, records
from flushcheck.streaming.transports.events import Event, EventParser

SEEN = RequestAtApp(protocol="HTTP/1.1", via="1.1 é", forwarded=("via", "x-real-ip"), concurrent=2)
STREAMED = (Transport.CHUNKED, Transport.EVENTS)

TEXTS = [
    "Water",
    " in",
    "",
    "  two spaces",
    "two\nlines",
    "CR\rCRLF\r\nLF\n",
    "\n",
    ":colon",
    "data: x",
    "水在管子里",
    "👩\u200d🚀 e\u0301",
    "\u2028\u2029\x85\x0b\x0c\x1c",
    "\ufeffBOM",
    '"quotes" \\ and \t tabs',
]

PIECES = [
    # transport, framing, Piece, bytes
    (Transport.CHUNKED, Framing.PLAIN, Piece(3, 0.5, " 水\n"), " 水\n".encode()),
    (
        Transport.CHUNKED,
        Framing.DELTA,
        Piece(3, 0.5, "水\n"),
        '{"seq":3,"at_s":0.5,"delta":"水\\n"}\n'.encode(),
    ),
    (Transport.EVENTS, Framing.PLAIN, Piece(3, 0.5, " in"), b"id: 3\ndata:  in\n\n"),
    (Transport.EVENTS, Framing.PLAIN, Piece(0, 0, ""), b"id: 0\ndata: \n\n"),
    (
        Transport.EVENTS,
        Framing.PLAIN,
        Piece(1, 0, "a\r\nb\rc\n"),
        b"id: 1\ndata: a\ndata: b\ndata: c\ndata: \n\n",
    ),
    (Transport.EVENTS, Framing.PLAIN, Piece(1, 0, "a\u2028b"), "id: 1\ndata: a\u2028b\n\n".encode()),
    (
        Transport.EVENTS,
        Framing.DELTA,
        Piece(3, 0.1234567, " in"),
        b'id: 3\nevent: delta\ndata: {"seq":3,"at_s":0.123457,"delta":" in"}\n\n',
    ),
    (Transport.WEBSOCKET, Framing.PLAIN, Piece(3, 0.5, " 水\n"), " 水\n".encode()),
    (Transport.WEBSOCKET, Framing.DELTA, Piece(3, 0.5, ""), b'{"seq":3,"at_s":0.5,"delta":""}'),
]


@pytest.mark.parametrize(("transport", "framing", "piece", "expected"), PIECES)
def test_a_piece_is_encoded(transport, framing, piece, expected):
    assert encoder(transport, framing, "none").piece(piece) == expected


ENDS = [
    # transport, framing, end, bytes; b"" for a stream that ends without a word
    (Transport.CHUNKED, Framing.PLAIN, "none", b""),
    (Transport.CHUNKED, Framing.PLAIN, "END", b"END"),
    (Transport.CHUNKED, Framing.PLAIN, "done", b"done"),
    (Transport.CHUNKED, Framing.DELTA, "none", b""),
    (Transport.CHUNKED, Framing.DELTA, "[DONE]", b"[DONE]\n"),
    (Transport.EVENTS, Framing.PLAIN, "none", b""),
    (Transport.EVENTS, Framing.PLAIN, "END", b"data: END\n\n"),
    (Transport.EVENTS, Framing.PLAIN, "[DONE]", b"data: [DONE]\n\n"),
    (Transport.EVENTS, Framing.PLAIN, "imouttahere", b"event: imouttahere\ndata: 7\n\n"),
    (Transport.EVENTS, Framing.DELTA, "END", b"data: END\n\n"),
    (Transport.WEBSOCKET, Framing.PLAIN, "none", b""),
    (Transport.WEBSOCKET, Framing.PLAIN, "END", b"END"),
]


@pytest.mark.parametrize(("transport", "framing", "end", "expected"), ENDS)
def test_an_end_is_encoded(transport, framing, end, expected):
    assert encoder(transport, framing, end).end(EndRecord(7)) == expected


@pytest.mark.parametrize("transport", [*STREAMED, Transport.WEBSOCKET])
def test_the_end_of_a_delta_stream_carries_the_request_at_the_app(transport):
    frame = encoder(transport, Framing.DELTA, "done").end(EndRecord(7, 1.5, SEEN))
    assert decoder(transport).feed(frame) == [EndRecord(7, 1.5, SEEN)]


PREAMBLES = [
    (Transport.CHUNKED, 0, b""),
    (Transport.CHUNKED, 3, b"   \n\n"),
    (Transport.EVENTS, 0, b""),
    (Transport.EVENTS, 3, b":   \n\n"),
    (Transport.WEBSOCKET, 3, b""),
]


@pytest.mark.parametrize(("transport", "pad", "expected"), PREAMBLES)
def test_a_decoder_ignores_a_preamble(transport, pad, expected):
    preamble = encoder(transport, Framing.DELTA, "none").preamble(pad)
    assert preamble == expected
    assert transport is Transport.WEBSOCKET or decoder(transport).feed(preamble) == []


RECORDS: list[Piece | EndRecord] = [
    *(Piece(seq, seq / 8, text) for seq, text in enumerate(TEXTS)),
    EndRecord(len(TEXTS), 2.0, SEEN),
]


def wire(transport: Transport) -> bytes:
    coder = encoder(transport, Framing.DELTA, "done")
    frames = [
        coder.end(record) if isinstance(record, EndRecord) else coder.piece(record) for record in RECORDS
    ]
    head = events.retry(2.0) if transport is Transport.EVENTS else b""
    beat = events.HEARTBEAT if transport is Transport.EVENTS else b"\n"
    return coder.preamble(5) + head + beat.join(frames)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 10**6])
@pytest.mark.parametrize("transport", STREAMED)
def test_a_decoder_takes_bytes_cut_anywhere(transport, step):
    records_of = decoder(transport)
    data = wire(transport)
    decoded = [record for at in range(0, len(data), step) for record in records_of.feed(data[at : at + step])]
    assert decoded == RECORDS


@given(st.lists(st.integers(0, 2500), max_size=6).map(sorted), st.sampled_from(STREAMED))
def test_a_decoder_returns_only_complete_records(cuts, transport):
    records_of, data = decoder(transport), wire(transport)
    decoded = [record for a, b in pairwise([0, *cuts]) for record in records_of.feed(data[a:b])]
    assert decoded == RECORDS[: len(decoded)]
    rest = records_of.feed(data[cuts[-1] if cuts else 0 :])
    assert [*decoded, *rest] == RECORDS


def test_a_websocket_keeps_its_messages_whole():
    coder, records_of = encoder(Transport.WEBSOCKET, Framing.DELTA, "END"), decoder(Transport.WEBSOCKET)
    pieces = [record for record in RECORDS if isinstance(record, Piece)]
    assert [record for piece in pieces for record in records_of.feed(coder.piece(piece))] == pieces
    assert records_of.feed(b"END") == []


FOREIGN = [
    # transport, bytes that are no stream of ours
    (Transport.CHUNKED, b"<html>502 Bad Gateway</html>\n"),
    (Transport.CHUNKED, b"[]\n"),
    (Transport.CHUNKED, b"null\n"),
    (Transport.CHUNKED, b"{}\n"),
    (Transport.CHUNKED, b'{"seq":"x","at_s":0,"delta":""}\n'),
    (Transport.CHUNKED, b'{"end":"x"}\n'),
    (Transport.CHUNKED, b"\xff\xfe\n"),
    (Transport.CHUNKED, b"[" * 100_000 + b"\n"),
    (Transport.CHUNKED, b"x" * (records.MAX_PENDING_BYTES + 1)),
    (Transport.EVENTS, b"data: hello\n\n"),
    (Transport.EVENTS, b"data: " + b"x" * (records.MAX_PENDING_BYTES + 1)),
    (Transport.EVENTS, b"data: xxxxxxxxx\n" * 40_000),
    (Transport.WEBSOCKET, b"hello"),
]


@pytest.mark.parametrize(("transport", "data"), FOREIGN)
def test_other_data_is_malformed(transport, data):
    with pytest.raises(Malformed):
        decoder(transport).feed(data)


# Which events a client that follows the specification makes of the bytes.

DISPATCHED = [
    # name, bytes, the events that a client dispatches (WHATWG HTML, 9.2.6)
    ("two lines", b"data: YHOO\ndata: +2\ndata: 10\n\n", [Event("message", "YHOO\n+2\n10")]),
    (
        "the specification's second example",
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [
            Event("message", "first event"),
            Event("message", "second event"),
            Event("message", " third event"),
        ],
    ),
    ("its third", b"data\n\ndata\ndata\n\ndata:", [Event("message", ""), Event("message", "\n")]),
    (
        "its fourth",
        b"data:test\n\ndata: test\n\n",
        [Event("message", "test"), Event("message", "test")],
    ),
    ("all ends of line", b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", [Event("message", c) for c in "abc"]),
    ("no data, no event", b"event: done\n\n", []),
    ("a name", b"event: done\ndata: 7\n\n", [Event("done", "7")]),
    (
        "the name is used once",
        b"event: x\ndata: 1\n\ndata: 2\n\n",
        [Event("x", "1"), Event("message", "2")],
    ),
    ("an id is no data", b"id: 4\ndata: a\n\ndata: b\n\n", [Event("message", "a"), Event("message", "b")]),
    ("a byte order mark", b"\xef\xbb\xbfdata: a\n\n", [Event("message", "a")]),
    ("U+2028 ends no line", "data: a\u2028b\n\n".encode(), [Event("message", "a\u2028b")]),
    ("unfinished", b"data: a\n", []),
]


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
@pytest.mark.parametrize(("name", "data", "expected"), DISPATCHED, ids=[name for name, _, _ in DISPATCHED])
def test_the_parser_dispatches_the_events_of_the_specification(name, data, expected, step):
    parser = EventParser()
    assert [e for at in range(0, len(data), step) for e in parser.feed(data[at : at + step])] == expected


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        ([b"data: a\r", b"\r", b"data: b\r\r"], [0, 1, 1]),
        ([b"data: a\r\n\r", b"\ndata: b\r\n\r", b"\n"], [1, 1, 0]),
        ([b"data: a\r", b"", b"\n", b"\n"], [0, 0, 0, 1]),
    ],
)
def test_an_event_does_not_wait_for_the_line_feed_behind_a_carriage_return(parts, counts):
    parser = EventParser()
    assert [len(parser.feed(part)) for part in parts] == counts


def with_line_feeds(text: str) -> str:
    """A text as a client gets it: every end of line arrives as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_every_text_survives_the_own_parser():
    coder, parser = encoder(Transport.EVENTS, Framing.PLAIN, "none"), EventParser()
    data = b"".join(coder.piece(Piece(seq, 0, text)) for seq, text in enumerate(TEXTS))
    assert [event.data for event in parser.feed(data)] == [with_line_feeds(text) for text in TEXTS]


def test_every_text_survives_sseclient():
    coder = encoder(Transport.EVENTS, Framing.PLAIN, "done")
    frames = [coder.piece(Piece(seq, 0, text)) for seq, text in enumerate(TEXTS)]
    received = list(sseclient.SSEClient(iter([*frames, coder.end(EndRecord(len(TEXTS)))])).events())
    # sseclient-py 1.9 takes an event with empty data for one without, and cuts at VT, FF and FS.
    texts = {seq: with_line_feeds(text) for seq, text in enumerate(TEXTS) if text and "\x0b" not in text}
    assert {int(event.id): event.data for event in received if event.id} | texts == {
        int(event.id): event.data for event in received if event.id
    }
    assert [(event.event, event.data) for event in received[-1:]] == [("done", str(len(TEXTS)))]


def test_every_text_survives_in_the_delta_framing_unchanged():
    coder = encoder(Transport.EVENTS, Framing.DELTA, "done")
    frames = [coder.piece(Piece(seq, 0, text)) for seq, text in enumerate(TEXTS)]
    received = list(sseclient.SSEClient(iter(frames)).events())
    assert [json.loads(event.data)["delta"] for event in received] == TEXTS


POLLS = [
    # body, record
    (polling.piece_body(Piece(3, 0.5, " 水\n"), count=9, pad_bytes=0), Piece(3, 0.0, " 水\n")),
    (polling.piece_body(Piece(3, 0.5, ""), count=9, pad_bytes=100), Piece(3, 0.0, "")),
    (polling.end_body("9", count=9, origin=SEEN), EndRecord(9, 0.0, SEEN)),
    (polling.end_body("<script>" * 100, count=9, origin=SEEN), EndRecord(9, 0.0, SEEN)),
]


@pytest.mark.parametrize(("body", "expected"), POLLS)
def test_a_poll_response_is_decoded(body, expected):
    assert polling.read_body(body) == expected


def test_a_poll_response_has_the_keys_of_existing_clients():
    assert json.loads(polling.piece_body(Piece(3, 0.5, "x"), count=9, pad_bytes=5))["message"] == "x"
    assert "cnt=9: expected 0 to 8" in json.loads(polling.end_body("9", count=9, origin=SEEN))["error"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"<html>", b'{"message":1}', b"[" * 100_000, b"\xff"]
)
def test_another_poll_response_is_malformed(body):
    with pytest.raises(Malformed):
        polling.read_body(body)


@given(st.sampled_from(["en", "zh"]), st.sampled_from(["char", "word", "token"]), st.integers(0, 40))
def test_no_frame_cuts_a_character(text, unit, size):
    from flushcheck.model import Unit
    from flushcheck.streaming.limits import Limits
    from flushcheck.streaming.params import Params
    from flushcheck.streaming.source import source

    params = Params(text=text, unit=Unit(unit), size_bytes=size, count=20)
    stream = source(params, own_text="", limits=Limits())
    for transport in (*STREAMED, Transport.WEBSOCKET):
        for framing in Framing:
            for piece in stream.pieces():
                encoder(transport, framing, "none").piece(piece).decode()
