"""Forged runs and records are analyzed or refused, never a server error, and delay no stream."""

from __future__ import annotations

import copy
import json
import os
import time
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from flushcheck.model import EndRecord, Piece, Transport
from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.transports import Malformed, decoder, polling
from tests.live.servers import Service
from tests.service.wire import WITHIN_S, OriginServer, read_until

LONG = "LONG" in os.environ

CLIENT = create_app(Limits()).test_client()
RECORDING = json.loads((Path(__file__).parents[1] / "recordings" / "nginx-gzip.json").read_text())
PATHS = ["/diagnostics/judge", "/diagnostics/plan", "/diagnostics/report"]

# Replacements for a value: the edges of numbers, other types, and nesting.
EDGES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([0, -1, 1, 0.5, -0.0, 1e-300, 1e12, -1e12, 2**53, 2**63, 10**400, float("nan"), float("inf"), -float("inf")]),
    st.sampled_from(["", "x", "chunked", "path", "\ud800", "\0", "[DONE]", None, True, [], {}, [[]], [{}], [None] * 50]),
    st.floats(-10, 400),
    st.integers(-5, 200),
    st.text(max_size=8),
)  # fmt: skip


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (holder, key) in a JSON document."""
    pairs = []
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            pairs += [(data, key), *places(data[key])]
    return pairs


@st.composite
def runs(draw: st.DrawFn) -> Any:
    """The recording of a real run, with a few values changed, removed, duplicated or reordered."""
    run = {
        "target": RECORDING["target"],
        "observations": copy.deepcopy(draw(st.lists(st.sampled_from(RECORDING["observations"]), max_size=6))),
    }
    for _ in range(draw(st.integers(0, 12))):
        holder, key = draw(st.sampled_from(places(run) or [(run, "target")]))
        change = draw(st.sampled_from(["replace", "remove", "duplicate", "reverse"]))
        if change == "replace":
            holder[key] = copy.deepcopy(draw(EDGES))
        elif change == "remove" and isinstance(holder, dict):
            holder.pop(key, None)
        elif change == "duplicate" and isinstance(holder, list) and len(holder) < 500:
            holder.insert(0, copy.deepcopy(holder[key]))
        elif change == "reverse" and isinstance(holder, list):
            holder.reverse()
    return run


@given(runs(), st.sampled_from(PATHS))
@settings(max_examples=3000 if LONG else 250)
def test_a_forged_run_is_analyzed_or_refused_with_a_reason(run, path):
    # With NaN and Infinity, which Python's json module writes and reads.
    response = CLIENT.post(path, data=json.dumps(run), content_type="application/json")
    assert response.status_code in (200, 400), response.text
    if response.status_code == 400:
        assert json.loads(response.data)["error"]
    elif "json" in response.content_type:
        json.loads(response.data, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@given(
    st.recursive(
        EDGES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    ),
    st.sampled_from(PATHS),
)
@settings(max_examples=100)
def test_any_json_is_analyzed_or_refused(data, path):
    response = CLIENT.post(path, data=json.dumps(data), content_type="application/json")
    assert response.status_code in (200, 400), response.text


@given(
    st.binary(max_size=300),
    st.sampled_from([*PATHS, "/check", "/check?server=nginx"]),
    st.sampled_from(["application/json", "text/plain", ""]),
)
@settings(max_examples=150)
def test_any_bytes_are_analyzed_or_refused(body, path, kind):
    assert CLIENT.post(path, data=body, content_type=kind).status_code in (200, 400, 429)


RECORDS = ['{"seq": NaN, "at_s": 0, "delta": ""}', '{"seq": 1, "at_s": NaN, "delta": ""}', '{"seq": 1, "at_s": Infinity, "delta": ""}',
           '{"seq": -1, "at_s": 0, "delta": ""}', f'{{"seq": {10**300}, "at_s": 0, "delta": ""}}', '{"end": "x", "count": NaN}']  # fmt: skip


@pytest.mark.parametrize("record", RECORDS)
def test_a_number_out_of_bounds_makes_a_record_malformed(record):
    with pytest.raises(Malformed):
        decoder(Transport.WEBSOCKET).feed(record.encode())


@given(
    st.dictionaries(
        st.sampled_from(["seq", "at_s", "delta", "end", "count", "cnt", "message", "request_at_app"]), EDGES
    )
)
def test_any_record_is_decoded_or_malformed(data):
    for read in (decoder(Transport.WEBSOCKET).feed, lambda text: [polling.read_body(text)]):
        try:
            (record,) = read(json.dumps(data).encode())
        except Malformed:
            continue
        assert isinstance(record, Piece | EndRecord)
        assert record.at_s == record.at_s


def test_no_stream_waits_while_a_run_is_analyzed(brief: Service):
    many = RECORDING["observations"] * (
        Limits().max_judge_bytes // len(json.dumps(RECORDING["observations"]))
    )
    body = json.dumps({"target": "", "observations": many})
    took_s: list[float] = []

    def judge() -> None:
        began_s = time.monotonic()
        response = requests.post(
            f"{brief.url}/diagnostics/judge",
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=60,
        )
        assert response.status_code == 200
        took_s.append(time.monotonic() - began_s)

    origin = OriginServer(brief)
    judging = [Thread(target=judge) for _ in range(3)]
    for thread in judging:
        thread.start()
    worst_s, streams = 0.0, 0
    while any(thread.is_alive() for thread in judging):
        with closing(origin.ask("/stream/chunked?count=20&interval=0.02&format=delta")) as stream:
            data = read_until(stream, b"\r\n0\r\n\r\n")
        records = [json.loads(line) for line in data.split(b"\r\n") if line.startswith(b"{")]
        worst_s = max(worst_s, *(record["at_s"] - 0.02 * record["seq"] for record in records))
        streams += 1
    for thread in judging:
        thread.join(WITHIN_S)
    assert len(took_s) == 3
    assert streams
    # Analyzed in the loop of the streams, each run would delay them by its whole time.
    assert worst_s < min(took_s) / 2
