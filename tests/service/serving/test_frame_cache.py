"""Frames made once for all streams of a kind: the same bytes as made anew, and no more memory than said."""

from dataclasses import replace

import pytest

from flushcheck.model import Framing, Piece, Transport
from flushcheck.service.serving.frame_cache import MAX_CACHED_BYTES, frame_cache
from flushcheck.service.serving.http_connection import chunk
from flushcheck.service.serving.websocket_protocol import message
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import Params
from flushcheck.streaming.source import source
from flushcheck.streaming.transports import encoder

STREAMED = (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET)


def whole(**params):
    return source(Params(**params), own_text="", limits=Limits())


@pytest.mark.parametrize("framing", Framing)
@pytest.mark.parametrize("transport", STREAMED)
def test_a_frame_is_what_the_encoder_makes_however_often_it_is_asked_for(transport, framing):
    text = whole(text="zh", count=500)
    said, coder = frame_cache(text, transport, framing, "END"), encoder(transport, framing, "END")
    for at_s in (0.25, 0.5):  # a moment is told in the delta framing, and then it is this stream's own
        for seq in range(text.count):
            frame = coder.piece(Piece(seq, at_s, text.text(seq)))
            assert said.piece(seq, at_s) == frame
            for wrap in (chunk, message):
                assert said.framed(wrap).piece(seq, at_s) == wrap(frame)


def test_streams_of_a_kind_share_their_frames():
    one, other = (frame_cache(whole(count=9), Transport.EVENTS, Framing.PLAIN, "END") for _ in range(2))
    assert one.piece(3, 0.1) is other.piece(3, 0.7)
    assert one is not frame_cache(whole(count=9), Transport.EVENTS, Framing.PLAIN, "done")


@pytest.mark.parametrize("size", [0, 20_000])
def test_what_is_kept_is_bounded(size):
    text = whole(count=3000, size_bytes=size, interval_s=0)
    said = frame_cache(text, Transport.CHUNKED, Framing.PLAIN, "none").framed(chunk)
    kept = [frame for seq in range(3000) if (frame := said.piece(seq, 0.0)) is said.piece(seq, 0.0)]
    assert kept
    assert sum(map(len, kept)) <= MAX_CACHED_BYTES


def test_a_piece_without_text_is_no_chunk():
    # "0\r\n\r\n" would end the response in the middle of the stream.
    said = frame_cache(replace(whole(), units=("",)), Transport.CHUNKED, Framing.PLAIN, "none")
    assert said.framed(chunk).piece(0, 0.0) == b""
