"""The rule: which pieces had passed a tap when the next one was made."""

import pytest

from flushcheck.taps.recorder import Layer
from flushcheck.testing.order import TapChunks, stream_order

A, B, C = Layer("A"), Layer("B"), Layer("C")


def tap(layer: Layer, *chunks: tuple[int, int], encoding: str = "") -> TapChunks:
    """A tap with chunks of (moment, bytes of content)."""
    return TapChunks(layer, tuple(at for at, _ in chunks), tuple(size for _, size in chunks), encoding)


MADE = ((0, 10), (2, 20), (4, 30))

WAITING = [
    # name                                          chunks at the server                     waiting
    ("each leaves before the next one is made", ((1, 10), (3, 20), (5, 30)), 0),
    ("each leaves with the next one", ((3, 10), (5, 20), (6, 30)), 1),
    ("all leave at the end", ((5, 60),), 2),
    ("the first leaves, the rest at the end", ((1, 10), (5, 50)), 1),
    ("a piece leaves but for its last byte", ((1, 9), (3, 21), (5, 30)), 1),
    ("a piece leaves in two chunks", ((1, 10), (3, 15), (3, 5), (5, 30)), 0),
    ("a chunk without content is no piece", ((1, 0), (5, 60)), 2),
    # Other content: any chunk counts as all pieces before it.
    ("changed content, each leaves", ((1, 7), (3, 9), (5, 11)), 0),
    ("changed content, all at the end", ((5, 7),), 2),
    ("changed content, one leaves late", ((1, 7), (5, 9)), 1),
    ("nothing leaves", (), 2),
]


@pytest.mark.parametrize(("name", "left", "waiting"), WAITING, ids=[row[0] for row in WAITING])
def test_pieces_that_wait(name, left, waiting) -> None:
    order = stream_order([tap(A, *MADE), tap(B, *left)])
    assert order.waiting == waiting
    assert [(layer.layer, layer.waiting) for layer in order.layers] == [(A, waiting)]


def test_the_innermost_layer_above_the_limit_is_guilty() -> None:
    late, later = ((1, 10), (5, 50)), ((6, 60),)
    order = stream_order([tap(A, *MADE), tap(B, *late), tap(C, *later)])
    assert [layer.layer for layer in order.guilty(0)] == [A]
    assert [(layer.layer, layer.waiting) for layer in order.guilty(1)] == [(A, 1), (B, 1)]
    assert order.guilty(2) == ()


def test_the_encoding_that_a_layer_adds_is_its_own() -> None:
    taps = [tap(A, *MADE), tap(B, (5, 60), encoding="gzip"), tap(C, (6, 60), encoding="gzip")]
    assert [layer.content_encoding for layer in stream_order(taps).layers] == ["gzip", ""]


def test_counts_and_order() -> None:
    order = stream_order([tap(A, *MADE), tap(B, (1, 10), (2, 0), (5, 50))])
    assert (order.pieces, order.deliveries, order.order) == (3, 2, "ioiio")
    assert [(layer.pieces_in, layer.pieces_out) for layer in order.layers] == [(3, 2)]


def test_a_single_tap_hands_out_what_it_gets() -> None:
    order = stream_order([tap(A, *MADE)])
    assert (order.pieces, order.deliveries, order.waiting, order.layers, order.order) == (3, 3, 0, (), "iii")
