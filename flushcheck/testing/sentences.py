"""Why an app does not stream, in words: the message of a failed assertion."""

from __future__ import annotations

from flushcheck.taps.recorder import Layer
from flushcheck.testing.known_layers import advice
from flushcheck.testing.order import LayerOrder, StreamOrder

MAX_ORDER = 60  # letters of the order that are shown


def failure(
    order: StreamOrder, *, url: str, status: int, unreadable: str, min_pieces: int, max_waiting: int
) -> str:
    """Return the message; "" if the response streams.

    Args:
        order: of the pieces.
        url: that was asked for.
        status: of the response; 0 if there was none.
        unreadable: why a browser cannot read the body to its end; "" if it can.
        min_pieces: so many are expected.
        max_waiting: so many may wait.
    """
    if not 200 <= status < 300:
        got = f"the app responded with status {status}" if status else "the app sent no response"
        return f"{url}: {got}; expected a stream"
    if unreadable:
        return "\n".join((f"{url} cannot be read to its end: {unreadable}", *_table(order)))
    if guilty := order.guilty(max_waiting):
        names = " and ".join(layer.layer.name for layer in guilty)
        waiting = guilty[0].waiting if len(guilty) == 1 else order.waiting
        head = f"{url} does not stream: {names} made {_pieces(waiting)} wait"
        return "\n".join((head, *_table(order), *(advice(layer.layer) for layer in guilty)))
    if order.pieces < min_pieces:
        return (
            f"{url}: the app made {_pieces(order.pieces)}; expected {min_pieces} at least. A body that is "
            "made as a whole is one piece: yield each part when it is ready. What has no tap may join the "
            "parts, too: a decorator of the view, the framework itself"
        )
    return ""


def second_header(order: StreamOrder, url: str, layer: Layer) -> str:
    """Return the message of a response whose header comes more than once.

    Args:
        order: of the pieces.
        url: that was asked for.
        layer: that sends it.
    """
    head = (
        f"{url} is broken: {layer.name} sent a second http.response.start, and a server ends the response "
        "there"
    )
    fix = "  fix: send http.response.start once, before the first http.response.body"
    return "\n".join((head, *_table(order), fix))


def nothing_passed(order: StreamOrder, late: str, layer: Layer) -> str:
    """Return the message of a response that a layer keeps, and that has no end.

    Args:
        order: of the pieces.
        late: that it was not at its end in time.
        layer: that has passed on no header.
    """
    head = f"{late}. {layer.name} has passed on nothing of {_pieces(order.pieces)}"
    return "\n".join((head, *_table(order), advice(layer)))


def _table(order: StreamOrder) -> list[str]:
    rows = [("made by the app", order.pieces, "")]
    rows += [(f"after {layer.layer.name}", layer.pieces_out, _added(layer)) for layer in order.layers]
    width = max(len(name) for name, _, _ in rows)
    lines = [
        f"  {name:<{width}}  {count:>4} {'chunk' if count == 1 else 'chunks'}{note}"
        for name, count, note in rows
    ]
    shown = order.order if len(order.order) <= MAX_ORDER else order.order[:MAX_ORDER] + "…"
    return [*lines, f"  order: {shown}  (i: a piece was made, o: a chunk was handed to the server)"]


def _added(layer: LayerOrder) -> str:
    return f", {layer.content_encoding}" if layer.content_encoding else ""


def _pieces(count: int) -> str:
    return f"{count} piece" if count == 1 else f"{count} pieces"
