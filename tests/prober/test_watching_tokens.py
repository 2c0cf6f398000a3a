"""Each wire format over a real connection: the right count, the right times, the right end.

A scripted server thinks, then sends one record after the other, as the service of the format does.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from flushcheck.cli import main
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Ending, StreamReport, Verdict
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from tests.prober.peers import Client, scripted_server

pytestmark = pytest.mark.usefixtures("undisturbed")

TOKENS = 12
THINK_S, GAP_S = 0.4, 0.1
WORDS = [f"w{number} " for number in range(TOKENS)]


def sse(*records: object, name: str = "") -> list[bytes]:
    head = f"event: {name}\n" if name else ""
    texts = (record if isinstance(record, str) else json.dumps(record) for record in records)
    return [f"{head}data: {text}\n\n".encode() for text in texts]


def typed(*records: dict[str, Any]) -> list[bytes]:
    return [event for record in records for event in sse(record, name=record["type"])]


def lines(*records: object) -> list[bytes]:
    return [json.dumps(record).encode() + b"\n" for record in records]


def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def candidate(text: str) -> dict[str, Any]:
    found = {
        "content": {"parts": [{"text": text}]},
        **({"finishReason": "STOP"} if text == WORDS[-1] else {}),
    }
    return {"candidates": [found], "modelVersion": "m"}


def ollama(**members: object) -> dict[str, Any]:
    return {"model": "m", "done": False, **members}


EVENTS, NDJSON, TEXT, JSON = (
    "text/event-stream",
    "application/x-ndjson",
    "text/plain; charset=utf-8",
    "application/json",
)
OLLAMA_END = ollama(message={"role": "assistant", "content": ""}, done=True, eval_count=TOKENS)
FORMATS = [
    # format, content type, what is sent before the thinking, each token, what is sent last, its end
    ("OpenAI chat completions", EVENTS, sse(chunk({"role": "assistant", "content": ""})), sse(*(chunk({"content": w}) for w in WORDS)),
     sse(chunk({}, "stop"), {"object": "chat.completion.chunk", "choices": [], "usage": {"completion_tokens": TOKENS}}, "[DONE]"), Ending.COMPLETE),
    ("OpenAI responses", EVENTS, typed({"type": "response.created"}, {"type": "response.in_progress"}),
     typed(*({"type": "response.output_text.delta", "delta": w} for w in WORDS)),
     typed({"type": "response.output_text.done"}, {"type": "response.completed", "response": {"usage": {"output_tokens": TOKENS}}}), Ending.COMPLETE),
    ("Anthropic messages", EVENTS, typed({"type": "message_start"}, {"type": "content_block_start", "content_block": {"text": ""}}, {"type": "ping"}),
     typed(*({"type": "content_block_delta", "delta": {"type": "text_delta", "text": w}} for w in WORDS)),
     typed({"type": "content_block_stop"}, {"type": "message_delta", "usage": {"output_tokens": TOKENS}}, {"type": "message_stop"}), Ending.COMPLETE),
    ("Gemini generateContent", EVENTS, [], sse(*map(candidate, WORDS)), [], Ending.COMPLETE),
    ("Gemini generateContent", JSON, [], [(b",\r\n" if number else b"[") + json.dumps(candidate(w), indent=1).encode() for number, w in enumerate(WORDS)], [b"\n]"], Ending.COMPLETE),
    ("Ollama chat", NDJSON, [], lines(*(ollama(message={"role": "assistant", "content": w}) for w in WORDS)), lines(OLLAMA_END), Ending.COMPLETE),
    ("Ollama generate", NDJSON, [], lines(*(ollama(response=w) for w in WORDS)), lines(ollama(response="", done=True)), Ending.COMPLETE),
    ("Vercel data stream", TEXT, [b'f:{"messageId":"m"}\n'], [f"0:{json.dumps(w)}\n".encode() for w in WORDS],
     [b'e:{"finishReason":"stop"}\n', b'd:{"finishReason":"stop"}\n'], Ending.COMPLETE),
    ("Vercel UI message stream", EVENTS, sse({"type": "start"}, {"type": "start-step"}, {"type": "text-start", "id": "0"}),
     sse(*({"type": "text-delta", "id": "0", "delta": w} for w in WORDS)), sse({"type": "text-end", "id": "0"}, {"type": "finish"}, "[DONE]"), Ending.COMPLETE),
    ("LangServe", EVENTS, sse({"run_id": "r"}, name="metadata"), sse(*(json.dumps(w) for w in WORDS), name="data"), [b"event: end\n\n"], Ending.COMPLETE),
    ("MCP streamable HTTP", EVENTS, [b"id: 0\ndata:\n\n"], sse(*({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"message": w}} for w in WORDS[1:])),
     sse({"jsonrpc": "2.0", "id": 1, "result": {"content": []}}), Ending.COMPLETE),
    ("server-sent events", EVENTS, [b": thinking\n\n"], sse(*WORDS), [], Ending.UNMARKED),
    ("JSON lines", TEXT, [], lines(*({"row": w} for w in WORDS)), [], Ending.UNMARKED),
    ("JSON array", JSON, [], [(b"," if number else b"[") + json.dumps({"row": w}).encode() for number, w in enumerate(WORDS)], [b"]"], Ending.COMPLETE),
    ("JSON values", JSON, [], [json.dumps({"row": w}).encode() for w in WORDS], [], Ending.UNMARKED),
    ("JSON text sequence", "application/json-seq", [], [b"\x1e" + line for line in lines(*WORDS)], [], Ending.UNMARKED),
    ("multipart/x-mixed-replace", "multipart/x-mixed-replace; boundary=f", [b"--f\r\n"],
     [b"Content-Type: image/jpeg\r\nContent-Length: 3\r\n\r\njpg\r\n--f\r\n"] * TOKENS, [], Ending.UNMARKED),
    ("plain text", TEXT, [], [w.encode() for w in WORDS], [], Ending.UNMARKED),
    ("plain text", JSON, [], [json.dumps(w).encode() + b"," if number else b'{"rows": [' for number, w in enumerate(WORDS)], [], Ending.UNMARKED),
    ("plain text", JSON, [], [b'{"rows": ["a"' if not number else b"]}" if number == TOKENS - 1 else b',"a"' for number in range(TOKENS)], [], Ending.UNMARKED),
    ("server-sent events", EVENTS, [], [f"id: {number}\rdata: {w}\r\r".encode() for number, w in enumerate(WORDS)], [], Ending.UNMARKED),
    ("OpenAI chat completions", EVENTS, [], sse(*(chunk({"content": w}) for w in WORDS)), [], Ending.MISSING),
    ("OpenAI chat completions", EVENTS, [], sse(*(chunk({"content": w}) for w in WORDS)), sse({"error": {"message": "overloaded"}}, "[DONE]"), Ending.ERROR),
]  # fmt: skip


Watched = tuple[StreamReport, list[float], float]


def sent(content_type: str, first: list[bytes], tokens: list[bytes], last: list[bytes]) -> Watched:
    """Watch a stream that thinks after `first`, and writes the others one by one.

    Returns: what was seen, when the server wrote each token (a busy machine writes late), and for how long the
    observer was kept from running meanwhile (then it reads late, and several tokens at once).
    """
    moments_s: list[float] = []

    def script(client: Client) -> None:
        moments_s.clear()
        client.send(
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        for part in first:
            client.chunk(part)
        for number, at_s in client.paced(round(THINK_S / GAP_S) + len(tokens), GAP_S):
            if (place := number - round(THINK_S / GAP_S)) >= 0:
                client.chunk(tokens[place])
                moments_s.append(at_s)
        for part in last:
            client.chunk(part)
        client.send(b"0\r\n\r\n")

    with scripted_server(script) as url:
        run = watch(watch_request(url), timeout_s=30, repeat=False)
    report = judge(run)
    assert report.stream is not None
    return report.stream, moments_s, run.observations[0].stall_s


@pytest.fixture(scope="module")
def streams() -> list[Watched]:
    sent(*FORMATS[0][1:5])  # what the first one imports would make it late
    with ThreadPoolExecutor(5) as pool:
        return list(pool.map(lambda row: sent(*row[1:5]), FORMATS))


@pytest.mark.parametrize("number", range(len(FORMATS)), ids=[f"{row[0]}-{row[5]}" for row in FORMATS])
def test_a_format_has_the_right_count_times_and_end(number, streams):
    name, _, _, _, _, ending = FORMATS[number]
    stream, moments_s, stall_s = streams[number]
    assert stream.format == name
    assert stream.tokens.ending is ending
    joined = stall_s / GAP_S  # tokens that one read may have brought together
    # In plain text each read is a token.
    fewest = TOKENS - 1 - joined if name == "plain text" else TOKENS
    assert fewest <= stream.tokens.tokens <= TOKENS
    # Not of what came before the thinking, and not of a token after the first one was read.
    assert moments_s[0] - 0.001 <= stream.tokens.ttft_s <= moments_s[1] + 0.5 + stall_s
    assert stream.tokens.gap_s is not None
    # The response of MCP follows its last notification at once.
    gap_s = median(after_s - before_s for before_s, after_s in pairwise(moments_s))
    assert stream.tokens.gap_s.p50 == pytest.approx(gap_s, abs=0.05 + stall_s)
    assert 1.0 <= stream.records_per_delivery < 2.5 + joined


def record(content: str = "", finish: str | None = None) -> bytes:
    return sse(chunk({"content": content}, finish))[0]


DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
ENDS = [
    # name,                     records behind the tokens,               verdict,         exit status
    ("whole",                   [record(finish="stop"), DONE],          Verdict.FLOWING, 0),
    ("without its end",         [],                                       Verdict.BROKEN,  1),
    ("the model stopped",       [record(finish="stop")],                Verdict.FLOWING, 0),
    ("stopped beside a token",  [record("x", "stop")],                   Verdict.FLOWING, 0),
    ("the model went on",       [record(finish="stop"), record("x")],   Verdict.BROKEN,  1),
    ("an error inside a 200",   [ERROR],                                  Verdict.BROKEN,  1),
    ("an error, then the end",  [ERROR, DONE],                            Verdict.BROKEN,  1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "last", "verdict", "status"), ENDS, ids=[row[0] for row in ENDS])
def test_how_a_stream_ends_shows_in_the_exit_status(name, last, verdict, status, capsys):
    def script(client: Client) -> None:
        client.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for number, _ in client.paced(6, GAP_S):
            client.chunk(record(f"w{number} "))
        for part in last:
            client.chunk(part)
        client.send(b"0\r\n\r\n")

    with scripted_server(script) as url:
        assert main(["watch", url, "--once"]) == status
    text = capsys.readouterr().out
    assert f"\n{verdict.upper()}  " in text
    assert ("the stream reports an error: overloaded" in text) is (ERROR in last)
