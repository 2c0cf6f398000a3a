"""Wire formats, on bytes as services send them: fixtures/ holds one response body a file.

The words of the bodies are ours, everything else is as the source in the table has it, line ends included.
"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest

from flushcheck.watching.formats import FORMATS, recognise
from flushcheck.watching.formats.generic import delta
from flushcheck.watching.formats.wire_format import Payload, RecordKind
from flushcheck.watching.framing import frame_parser
from flushcheck.watching.framing.frame import Framing
from flushcheck.watching.records import Record, RecordParser
from tests.watching.formats.sizes import size_of

FIXTURES = Path(__file__).parent / "fixtures"

KINDS = {
    "c": RecordKind.CONTENT, "r": RecordKind.REASONING, "t": RecordKind.TOOL, "s": RecordKind.START,
    "u": RecordKind.USAGE, "f": RecordKind.FINISH, "p": RecordKind.PING, "d": RecordKind.DONE,
    "e": RecordKind.ERROR, "o": RecordKind.OTHER, "j": RecordKind.DATA,
}  # fmt: skip

SSE, LINES, PLAIN = "text/event-stream", "application/x-ndjson", "text/plain; charset=utf-8"
EVENTS, ARRAY = Framing.EVENTS, Framing.ARRAY
SKY = "The sky is blue."
OPENAI = "OpenAI chat completions"
ANTHROPIC = "Anthropic messages"
GEMINI = "Gemini generateContent"
AWS, BEDROCK = "application/vnd.amazon.eventstream", "Amazon Bedrock Converse"

# What each record is (KINDS), the text of the content, whether its format's end came, tokens that the service counted.
ROWS = [
    # file                              content type         framing             format                       records            text                          end     usage  source
    ("openai_chat.sse",                 SSE,                 EVENTS,             OPENAI,                      "scccccfud",    SKY,                          True,   5),  # platform.openai.com/docs/api-reference/chat-streaming, stream_options.include_usage
    ("openai_chat_reasoning.sse",       SSE,                 EVENTS,             OPENAI,                      "srrrcccccfd",  SKY,                          True,   8),  # api-docs.deepseek.com/guides/reasoning_model; comments of openrouter.ai/docs/api-reference/streaming
    ("openai_chat_tools.sse",           SSE,                 EVENTS,             OPENAI,                      "tttfd",           "",                           True,   0),  # platform.openai.com/docs/guides/function-calling
    ("openai_chat_azure.sse",           SSE,                 EVENTS,             OPENAI,                      "occcccfd",        SKY,                          True,   0),  # learn.microsoft.com, Azure OpenAI, content streaming
    ("openai_chat_error.sse",           SSE,                 EVENTS,             OPENAI,                      "sced",            "The",                        True,   0),  # an error after the first token, as vLLM sends it
    ("openai_chat_mistral.sse",         SSE,                 EVENTS,             OPENAI,                      "srrcccccfd",      SKY,                          True,   7),  # docs.mistral.ai, reasoning: content is a list of parts
    ("openai_chat_groq.sse",            SSE,                 EVENTS,             OPENAI,                      "scccccfd",        SKY,                          True,   5),  # console.groq.com/docs: usage in x_groq
    ("openai_chat_openrouter.sse",      SSE,                 EVENTS,             OPENAI,                      "ced",             "The",                        True,   0),  # openrouter.ai/docs, errors while streaming: beside choices
    ("openai_completions.sse",          SSE,                 EVENTS,             OPENAI,                      "cccccfd",         SKY,                          True,   0),  # platform.openai.com/docs/api-reference/completions
    ("openai_responses.sse",            SSE,                 EVENTS,             "OpenAI responses",          "ssoocccccoood", SKY,                         True,   5),  # platform.openai.com/docs/api-reference/responses-streaming
    ("openai_responses_reasoning.sse",  SSE,                 EVENTS,             "OpenAI responses",          "srrrocccccd",     SKY,                          True,   8),
    ("openai_responses_failed.sse",     SSE,                 EVENTS,             "OpenAI responses",          "sce",             "The",                        True,   0),
    ("anthropic_messages.sse",          SSE,                 EVENTS,             ANTHROPIC,                   "sspcccccofd",     SKY,                          True,   5),  # docs.anthropic.com/en/docs/build-with-claude/streaming
    ("anthropic_messages_thinking.sse", SSE,                 EVENTS,             ANTHROPIC,                   "ssrrrooscccccosotofd", SKY,                  True,   40),
    ("anthropic_messages_error.sse",    SSE,                 EVENTS,             ANTHROPIC,                   "ssce",            "The",                        False,  0),
    ("bedrock_converse.bin",            AWS,                 Framing.AWS,        BEDROCK,                     "srrccccctofu",    SKY,                          True,   9),  # docs.aws.amazon.com/bedrock, ConverseStream
    ("bedrock_converse_error.bin",      AWS,                 Framing.AWS,        BEDROCK,                     "sce",             "The",                        False,  0),
    ("bedrock_invoke.bin",              AWS,                 Framing.AWS,        "AWS event stream",          "jj",              None,                         False,  0),  # the same, InvokeModelWithResponseStream
    ("gemini.sse",                      SSE,                 EVENTS,             GEMINI,                      "ccccc",           SKY,                          True,   5),  # ai.google.dev/api/generate-content, alt=sse
    ("gemini_thoughts.sse",             SSE,                 EVENTS,             GEMINI,                      "rccccc",          SKY,                          True,   5),
    ("gemini.json",                     "application/json",  ARRAY,              GEMINI,                      "cccccd",          SKY,                          True,   5),  # the same without alt=sse
    ("gemini_blocked.sse",              SSE,                 EVENTS,             GEMINI,                      "f",               "",                           True,   0),
    ("gemini_cut.sse",                  SSE,                 EVENTS,             GEMINI,                      "ce",              "The",                        False,  1),
    ("gemini_error.json",               "application/json",  ARRAY,              "JSON array",                "ed",              "",                           True,   0),
    ("ollama_chat.ndjson",              LINES,               Framing.LINES, "Ollama chat",               "cccccd",          SKY,                          True,   5),  # github.com/ollama/ollama, docs/api.md
    ("ollama_chat_thinking.ndjson",     PLAIN,               Framing.LINES, "Ollama chat",               "rrrccccctd",      SKY,                          True,   5),
    ("ollama_chat_error.ndjson",        LINES,               Framing.LINES, "Ollama chat",               "ce",              "The",                        False,  0),
    ("ollama_generate.ndjson",          LINES,               Framing.LINES, "Ollama generate",           "cccccd",          SKY,                          True,   5),
    ("ollama_generate_error.ndjson",    LINES,               Framing.LINES, "Ollama generate",           "ce",              "The",                        False,  0),
    ("vercel_data_stream.txt",          PLAIN,               Framing.LINES, "Vercel data stream",        "scccccfd",        SKY,                          True,   5),  # v4.ai-sdk.dev/docs/ai-sdk-ui/stream-protocol
    ("vercel_data_stream_reasoning.txt", PLAIN,              Framing.LINES, "Vercel data stream",        "srrrotttoccccce", SKY,                          False,  0),
    ("vercel_ui_message.sse",           SSE,                 EVENTS,             "Vercel UI message stream",  "jsscccccoffd",    SKY,                          True,   0),  # ai-sdk.dev/docs/ai-sdk-ui/stream-protocol
    ("vercel_ui_message_reasoning.sse", SSE,                 EVENTS,             "Vercel UI message stream",  "jssrrrottoooed",  "",                           True,   0),
    ("langserve.sse",                   SSE,                 EVENTS,             "LangServe",                 "scccccd",         SKY,                          True,   0),  # github.com/langchain-ai/langserve, api_handler.py
    ("langserve_messages.sse",          SSE,                 EVENTS,             "LangServe",                 "soccccctcd",      SKY + "!",                    True,   0),
    ("langserve_stream_log.sse",        SSE,                 EVENTS,             "LangServe",                 "occcccd",         SKY,                          True,   0),
    ("langserve_stream_events.sse",     SSE,                 EVENTS,             "LangServe",                 "occcccod",        SKY,                          True,   0),
    ("langserve_error.sse",             SSE,                 EVENTS,             "LangServe",                 "sce",             "The",                        False,  0),
    ("mcp.sse",                         SSE,                 EVENTS,             "MCP streamable HTTP",       "occccpc",         "step 1step 2step 3ready" + SKY, True, 0),  # modelcontextprotocol.io, specification, transports
    ("mcp_error.sse",                   SSE,                 EVENTS,             "MCP streamable HTTP",       "coe",             "",                           True,   0),
    ("events.sse",                      SSE,                 EVENTS,             "server-sent events",        "ccpc",            "41.2041.25\n+0.0541.30",     False,  0),  # html.spec.whatwg.org; no empty line behind the last event
    ("lines.ndjson",                    "application/json",  Framing.LINES, "JSON lines",                "jjj",             None,                         False,  0),  # docker pull over the engine's API; no newline behind the last line
    ("values.json",                     "application/json",  Framing.VALUES, "JSON values",              "ccccc",           SKY,                          False,  0),  # records of text-generation-inference, written without newlines
    ("sequence.json-seq",               "application/json-seq", Framing.SEQUENCE, "JSON text sequence",  "jjjjcj",          None,                         False,  0),  # RFC 7464, a pretty text and one that was cut among them
    ("array.json",                      "application/json",  ARRAY,              "JSON array",                "jjjjd",           None,                         True,   0),
    ("parts.mjpeg",                     "multipart/x-mixed-replace; boundary=frame", Framing.PARTS, "multipart/x-mixed-replace", "ccc", "image/jpeg, 21 bytes" * 3, False, 0),  # a camera: lengths, no last delimiter
    ("parts_without_length.txt",        "multipart/x-mixed-replace;boundary=boundarydonotcross", Framing.PARTS, "multipart/x-mixed-replace", "cccd", "firstsecond--dashes-- in it", True, 0),
    ("parts_graphql.txt",               'multipart/mixed; boundary="-"', Framing.PARTS, "multipart/x-mixed-replace", "jjd", None, True, 0),  # github.com/graphql/graphql-over-http, incremental delivery
    ("text.txt",                        PLAIN,               Framing.PLAIN, "plain text",                "c",               "The sky is blue: blå himmel.\n", False, 0),
]  # fmt: skip
IDS = [row[0] for row in ROWS]


def parse(content_type: str, parts: list[bytes]) -> tuple[RecordParser, list[Record]]:
    parser = RecordParser(content_type)
    records = [record for part in parts for record in parser.feed(part)]
    return parser, [*records, *parser.finish()]


def cut(data: bytes, seed: int) -> list[bytes]:
    draw = random.Random(seed)
    places = sorted(draw.sample(range(1, len(data)), min(len(data) - 1, draw.randrange(1, 12))))
    return [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_format_is_recognised_and_its_records_are_read(row):
    name, content_type, framing, format_name, kinds, text, ends, usage = row
    parser, records = parse(content_type, [(FIXTURES / name).read_bytes()])
    assert (parser.framing, parser.format.name) == (framing, format_name)
    assert [record.kind for record in records] == [KINDS[letter] for letter in kinds]
    if text is not None:
        shown = "".join(record.text for record in records if record.kind is RecordKind.CONTENT)
        assert shown == text
    assert any(record.ends for record in records) is ends
    assert max(record.output_tokens for record in records) == usage
    assert parser.mid_record is False


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_bytes_that_are_cut_anywhere_give_the_same_records(row):
    name, content_type, framing = row[:3]
    data = (FIXTURES / name).read_bytes()
    parser, records = parse(content_type, [data])
    for parts in [[data[at : at + 1] for at in range(len(data))], *(cut(data, seed) for seed in range(20))]:
        other, again = parse(content_type, parts)
        assert (other.framing, other.format.name) == (parser.framing, parser.format.name)
        if framing is Framing.PLAIN:  # each read is a record
            assert "".join(record.text for record in again) == "".join(record.text for record in records)
        else:
            assert again == records, [len(part) for part in parts]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream"])
def test_a_wrong_content_type_does_not_hide_a_format(row, content_type):
    name, _, framing, format_name = row[:4]
    parser, _ = parse(content_type, [(FIXTURES / name).read_bytes()])
    assert (parser.framing, parser.format.name) == (framing, format_name)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_record_is_given_out_with_its_last_byte(row):
    """A record that waited for the next one would count as late."""
    name, content_type, framing = row[:3]
    data = (FIXTURES / name).read_bytes()
    parser = RecordParser(content_type)
    given_out = [len(parser.feed(data[at : at + 1])) for at in range(len(data))]
    left = len(parser.finish())
    total = sum(given_out) + left
    # Only a last record without its end, and a body that is too short to be recognised, wait for the end.
    assert left <= 1
    if framing is not Framing.PLAIN:
        assert max(given_out) <= 2  # a text of a sequence that was cut is given out beside the next one
        assert sum(count > 0 for count in given_out) >= total - 2


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_no_two_formats_recognise_the_same_record(row):
    name, _, framing = row[:3]
    frames = frame_parser(framing)
    for frame in [*frames.feed((FIXTURES / name).read_bytes()), *frames.finish()]:
        try:
            payload = Payload(frame, json.loads(frame.text))
        except ValueError:
            payload = Payload(frame, None)
        claims = [known.name for known in FORMATS if framing in known.framings and known.recognises(payload)]
        assert len(claims) < 2
        known = recognise(payload, framing)
        assert [known.name] * len(claims) == claims if known else not claims


def test_every_fixture_has_a_row_and_every_row_a_fixture():
    assert sorted(IDS) == sorted(path.name for path in FIXTURES.iterdir())


HOSTILE = [
    b"", b"{", b"[", b"\x00" * 100, b"data", b"data: {\n\n", b"event: error\n\n", b"{}{}{}", b"[[[[[[", b"[]", b"[1, 2,", b"[nonsense",
    b'{"choices": 1}\n', b'{"choices": [1]}\n', b'{"choices": [{"delta": 1}]}\n', b'data: {"choices": [{"delta": {"content": 5}}]}\n\n',
    b'data: {"type": 5}\n\n', b'data: {"type": ["response."]}\n\n', b'data: {"candidates": [{"content": []}]}\n\n',
    b'data: {"candidates": [{"content": {"parts": [1]}}], "usageMetadata": []}\n\n', b'{"done": true, "message": {}}\n',
    b'data: {"type": "content_block_delta", "delta": "x"}\n\n', b'data: {"type": "message_delta", "usage": {"output_tokens": true}}\n\n',
    b'event: data\ndata: {"ops": [1, {"path": "/streamed_output/-"}]}\n\n', b'0:"\n0:1\nd:null\nd:{"usage": 1}\n',
    b'data: {"jsonrpc": "2.0", "method": []}\n\n', b'data: {"jsonrpc": "2.0", "result": 1}\n\n', b'data: {"type": "start", "messageId": 1}\n\n',
    b'data: {"error": {"message": 5}}\n\n', b"--x\r\n" * 50, b"--x\nContent-Length: 99999999999999999999\n\nabc", b"\x1e\x1e\x1e[", b"\xff\xfe{",
    b'data: ' + b"[" * 100_000 + b"\n\n", b'{"a": ' + b"9" * 5000 + b"}\n", b"data: \xf0\x9f\n\n", b'data: "\\ud800"\n\n',
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data[:40]))
@pytest.mark.parametrize("content_type", ["", SSE, LINES, "multipart/mixed", "application/json-seq"])
def test_no_bytes_are_an_error(data, content_type):
    parser, _ = parse(content_type, [data])
    parse(content_type, [data[at : at + 1] for at in range(min(len(data), 500))])
    assert parser.format.name


@pytest.mark.parametrize(
    ("content_type", "start", "more"),
    [
        (SSE, b"", b"x" * 50_000),
        (SSE, b"data: ", b"x" * 50_000),
        (SSE, b"", b"data:\n" * 9_000),
        (LINES, b"", b"x" * 50_000),
        (LINES, b'{"a": "', b"x" * 50_000),
        ("application/json", b"[", b'"x" ' * 2_000),
        ("application/json", b"[{", b'"x' * 20_000),
        ("application/json-seq", b"\x1e", b"x" * 50_000),
        ("multipart/mixed", b"", b"x" * 50_000),
        ("multipart/mixed", b"--x\r\n", b"y: " + b"x" * 50_000),
        ("multipart/mixed", b"--x\r\n", b"y: x\r\n" * 9_000),
        ("multipart/mixed", b"--x\r\n\r\n", b"x" * 50_000),
        ("multipart/mixed", b"--x\r\nContent-Length: 900000000\r\n\r\n", b"x" * 50_000),
    ],
)
def test_memory_is_bounded_whatever_never_ends(content_type, start, more):
    parser = RecordParser(content_type)
    parser.feed(start)
    for _ in range(20):
        parser.feed(more)
    assert size_of(parser) < 1_500_000


DELTAS = [
    ({"choices": [{"delta": {"content": "Hel"}, "index": 0}]}, "Hel"), ({"delta": {"type": "text_delta", "text": "Hel"}}, "Hel"),
    ({"message": {"role": "assistant", "content": "Hel"}}, "Hel"), ({"delta": {"message": {"content": {"text": "Hel"}}}}, "Hel"),
    ({"token": {"id": 1, "text": "Hel"}}, "Hel"), ({"answer": "Hel"}, "Hel"), ({"delta": "x"}, "x"), ({"choices": []}, None),
    ({"delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hel"}}]}}, "Hel"), ({"content": []}, None), ({"text": ""}, ""), ({"a": "b"}, None), ([1], None), ("x", None), (None, None),
    ({"result": {"artifact": {"parts": [{"kind": "text", "text": "Hel"}]}}}, "Hel"), ({"results": [{"generated_text": "Hel"}]}, "Hel"),
    ({"output": {"choices": [{"message": {"content": "Hel"}}]}}, "Hel"), ({"data": "Hel"}, "Hel"), ({"chunk": {"text": "Hel"}}, "Hel"), ({"result": {"rows": 1}}, None),
    ({"delta": {"delta": {"delta": {"delta": {"delta": {"delta": {"delta": "x"}}}}}}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), DELTAS)
def test_the_text_of_a_record_is_where_most_services_put_it(data, text):
    assert delta(data) == text


def event(data: object, name: str = "") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


# Services that have no file here: what counts is when their text begins, how much there is, and their end.
OTHERS = [
    # name                          records
    ("Cohere, chat v2", "jcccjd", [
        event({"type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}, "message-start"),
        *(event({"type": "content-delta", "delta": {"message": {"content": {"text": word}}}}, "content-delta") for word in ("The", " sky", " is")),
        event({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}, "message-end"), event("[DONE]")]),
    ("Cohere, a model that reasons", "jrcj", [
        event({"type": "content-start", "delta": {"message": {"content": {"type": "thinking", "thinking": ""}}}}, "content-start"),
        event({"type": "content-delta", "delta": {"message": {"content": {"thinking": "Hm"}}}}, "content-delta"),
        event({"type": "content-delta", "delta": {"message": {"content": {"text": "The"}}}}, "content-delta"), event({"type": "content-end"}, "content-end")]),
    ("Cohere, chat v1", "jccj", [
        event({"event_type": "stream-start", "generation_id": "1"}), *(event({"event_type": "text-generation", "text": word}) for word in ("The", " sky")),
        event({"event_type": "stream-end", "response": {"text": "The sky"}})]),
    ("OpenAI assistants", "jccjd", [
        event({"object": "thread.run"}, "thread.run.created"),
        *(event({"delta": {"content": [{"type": "text", "text": {"value": word}}]}}, "thread.message.delta") for word in ("The", " sky")),
        event({"content": [{"type": "text", "text": {"value": "The sky"}}]}, "thread.message.completed"), event("[DONE]", "done")]),
    ("Dify", "jccpj", [
        event({"event": "workflow_started", "data": {}}), *(event({"event": "message", "answer": word}) for word in ("The", " sky")),
        event({"event": "ping"}), event({"event": "message_end", "metadata": {}})]),
    ("AG-UI", "jjccjj", [
        event({"type": "RUN_STARTED"}), event({"type": "TEXT_MESSAGE_START", "messageId": "1", "role": "assistant"}),
        *(event({"type": "TEXT_MESSAGE_CONTENT", "delta": word}) for word in ("The", " sky")), event({"type": "TEXT_MESSAGE_END"}), event({"type": "RUN_FINISHED"})]),
    ("AG-UI, reasoning and tools", "jrtce", [
        event({"type": "REASONING_START"}), event({"type": "REASONING_MESSAGE_CONTENT", "delta": "Hm"}), event({"type": "TOOL_CALL_ARGS", "delta": "{}"}),
        event({"type": "TEXT_MESSAGE_CONTENT", "delta": "The"}), event({"type": "RUN_ERROR", "message": "no credit"})]),
    ("Flowise", "jccd", [event({"event": "start", "data": ""}), *(event({"event": "token", "data": word}) for word in ("The", " sky")), event({"event": "end", "data": "[DONE]"})]),
    ("LangGraph, messages", "jcc", [
        event({"run_id": "1", "attempt": 1}, "metadata"), *(event([{"content": word, "type": "AIMessageChunk"}, {"langgraph_node": "agent"}], "messages") for word in ("The", " sky"))]),
    ("events that are called data", "cc", [event('"The"', "data"), event({"text": " sky"}, "data")]),
    ("types that begin as OpenAI's", "jcj", [event({"type": "response.created"}), event({"type": "response.chunk", "text": "The"}), event({"type": "response.completed"})]),
    ("types that Vercel has too", "jcd", [event({"type": "start"}), event({"type": "token", "token": "The"}), event({"type": "end"})]),
    ("text deltas without an id", "cc", [event({"type": "text-delta", "delta": word}) for word in ("The", " sky")]),
    ("JSON-RPC of others", "jj", [event({"jsonrpc": "2.0", "method": "eth_subscription", "params": {}}), event({"jsonrpc": "2.0", "id": 1, "result": {"kind": "task"}})]),
    ("agents that speak A2A", "jcj", [
        event({"jsonrpc": "2.0", "id": 1, "result": {"kind": "task", "status": {"state": "submitted"}}}),
        event({"jsonrpc": "2.0", "id": 1, "result": {"kind": "artifact-update", "artifact": {"parts": [{"kind": "text", "text": "The"}]}}}),
        event({"jsonrpc": "2.0", "id": 1, "result": {"kind": "status-update", "final": True}})]),
    ("stops of a bus", "jjd", [event({"name": "Main Street", "stop": True}), event({"name": "Depot", "stop": False}), event({"text": "", "stop": True})]),
    ("Replicate", "ccd", [event("The", "output"), event(" sky", "output"), event("{}", "done")]),
    ("text-generation-inference", "ccc", [
        *(event({"token": {"text": word}, "generated_text": None}) for word in ("The", " sky")), event({"token": {"text": "."}, "generated_text": "The sky."})]),
    ("Workers AI", "ccd", [event({"response": "The"}), event({"response": " sky"}), event("[DONE]")]),
    ("llama.cpp, completion", "ccd", [event({"content": "The", "stop": False}), event({"content": " sky", "stop": False}), event({"content": "", "stop": True, "stop_type": "eos"})]),
    ("GraphQL over events", "jjd", [event({"data": {"a": 1}}, "next"), event({"data": {"a": 2}}, "next"), event("", "complete")]),
    ("strings", "ccd", [event('"The"'), event('" sky"'), event({"type": "done"})]),
    ("numbers", "ccc", [event("1"), event("2"), event("3")]),
    ("a service of one's own", "occd", [event({"text": ""}), event({"text": "The"}), event({"text": " sky"}), event({"finished": True})]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kinds", "events"), OTHERS, ids=[row[0] for row in OTHERS])
def test_what_has_no_file_is_read_by_its_usual_names(name, kinds, events):
    parser, records = parse(SSE, events)
    assert parser.format.name == "server-sent events"
    assert [record.kind for record in records] == [KINDS[letter] for letter in kinds]


ROWS_OF_OTHERS = [
    # lines as React's server components have them
    (b'0:["$","div",null,{}]\n1:"$Sreact.suspense"\n', "JSON lines"),
    (b'0:"$L1"\n1:["$","p",null,{}]\n', "JSON lines"),
    (b'f:["a"]\n9:{"a":1}\nd:{"a":1}\n', "JSON lines"),
    (b'0:"The"\n', "Vercel data stream"),
    (b'9:{"toolCallId":"1"}\n', "Vercel data stream"),
    (b'f:{"messageId":"1"}\n', "Vercel data stream"),
    (b'd:{"finishReason":"stop"}\n', "Vercel data stream"),
]


@pytest.mark.parametrize(("data", "name"), ROWS_OF_OTHERS)
def test_a_coded_line_is_vercels_where_its_value_has_the_shape_of_its_code(data, name):
    parser, _ = parse("text/plain", [data])
    assert parser.format.name == name


def test_a_stream_of_cohere_ends_with_the_record_that_says_so():
    _, records = parse(
        LINES,
        [
            b'{"text":"a","is_finished":false}\n{"is_finished":true,"event_type":"stream-end","response":{"text":"a"}}\n'
        ],
    )
    assert [record.ends for record in records] == [False, True]


END_METHODS = [
    # format,                     method, whether it has an end
    ("MCP streamable HTTP",       "POST", True),
    ("MCP streamable HTTP",       "GET",  False),  # a stream of the server's own messages
    ("OpenAI chat completions",   "POST", True),
    ("OpenAI chat completions",   "GET",  True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "method", "has_end"), END_METHODS)
def test_an_end_may_belong_to_a_method(name, method, has_end):
    (known,) = (known for known in FORMATS if known.name == name)
    assert known.end_of(method) == (known.end if has_end else "")
