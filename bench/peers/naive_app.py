"""The same streams as the field's Flask examples have them: a generator that sleeps between two Pieces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/healthz")
def alive() -> dict[str, str]:
    """That it is up."""
    return {"status": "alive"}


@app.get("/stream/chunked")
def chunked() -> Response:
    """Plain text."""
    say = request.args["say"]
    return Response(pieces(lambda seq: say), content_type="text/plain")


@app.get("/stream/events")
def events() -> Response:
    """Server-sent events."""
    say = request.args["say"]
    return Response(pieces(lambda seq: f"id: {seq}\ndata: {say}\n\n"), content_type="text/event-stream")


@app.get("/stream/polling")
def polling() -> dict[str, object]:
    """One Piece."""
    count, cnt = int(request.args["count"]), int(request.args["cnt"])
    return {"message": request.args["say"], "cnt": cnt, "count": count}


def pieces(frame: Callable[[int], str]) -> Iterator[str]:
    """The body: a frame, a sleep, and so on."""
    count, interval = int(request.args["count"]), float(request.args["interval"])

    def body() -> Iterator[str]:
        for seq in range(count):
            yield frame(seq)
            time.sleep(interval)

    return body()
