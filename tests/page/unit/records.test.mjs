// Records and their framing, fed whole, character by character, and with a rest that is not complete.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EventDecoder, LineDecoder, Malformed, parseRecord } from "../../../flushcheck/service/page/records.js";

const MAX = 100;
const PIECE = { piece: { seq: 0, at_s: 0.5, text: "Water" } };
const NEXT = { piece: { seq: 1, at_s: 0.6, text: "\u2028 水\n" } };
const END = { end: { name: "done", count: 2, at_s: 0.7, request_at_app: null } };
const piece = '{"seq":0,"at_s":0.5,"delta":"Water"}';
const next = '{"seq":1,"at_s":0.6,"delta":"\u2028 水\\n"}';
const end = '{"end":"done","count":2,"at_s":0.7}';
const literal = (name) => ({ end: { name, count: null, at_s: null, request_at_app: null } });

describe("parseRecord returns", () => {
  const ROWS = [
    ["a piece",                         piece,                                       PIECE],
    ["the end",                         end,                                         END],
    ["what the app saw of the request", '{"end":"x","count":0,"at_s":1,"request_at_app":{"via":"a"}}',
      { end: { name: "x", count: 0, at_s: 1, request_at_app: { via: "a" } } }],
    ["an end without a time",           '{"end":"x","count":0}',                     { end: { name: "x", count: 0, at_s: 0, request_at_app: null } }],
    ["a literal end",                   "[DONE]",                                    literal("[DONE]")],
    ["a literal end with spaces",       " END \n",                                   literal("END")],
    ["a piece with an unknown field",   '{"seq":0,"at_s":0.5,"delta":"Water","x":1}', PIECE],
  ];
  for (const [name, text, expected] of ROWS) test(name, () => assert.deepEqual(parseRecord(text), expected));
});

describe("parseRecord refuses", () => {
  const ROWS = [
    ["text",                "Water"],
    ["nothing",             ""],
    ["null",                "null"],
    ["a number",            "7"],
    ["a list",              "[]"],
    ["another object",      "{}"],
    ["no text",             '{"seq":0,"at_s":0}'],
    ["a text that is none", '{"seq":0,"at_s":0,"delta":1}'],
    ["a negative number",   '{"seq":-1,"at_s":0,"delta":""}'],
    ["half a number",       '{"seq":0.5,"at_s":0,"delta":""}'],
    ["an unsafe number",    '{"seq":9007199254740992,"at_s":0,"delta":""}'],
    ["no time",             '{"seq":0,"delta":""}'],
    ["a time as text",      '{"seq":0,"at_s":"0","delta":""}'],
    ["an end of no count",  '{"end":"done"}'],
    ["an end of no name",   '{"end":1,"count":2}'],
  ];
  for (const [name, text] of ROWS) test(name, () => assert.throws(() => parseRecord(text), Malformed));
});

const STREAMS = [
  // name                          decoder       the stream                                                   its records
  ["lines",                        LineDecoder,  `${piece}\n${next}\n${end}\n`,                               [PIECE, NEXT, END]],
  ["lines with padding",           LineDecoder,  ` \n\n${piece}\n   \n${end}\n`,                              [PIECE, END]],
  ["lines with CRLF",              LineDecoder,  `${piece}\r\n${end}\r\n`,                                    [PIECE, END]],
  ["a literal end",                LineDecoder,  `${piece}\nEND\n`,                                           [PIECE, literal("END")]],
  ["events",                       EventDecoder, `event: delta\nid: 0\ndata: ${piece}\n\ndata: ${end}\n\n`,   [PIECE, END]],
  // A CR alone ends a line, but only the next character shows that it was alone.
  ["events with CR",               EventDecoder, `data: ${piece}\r\rdata: ${end}\r\r:`,                       [PIECE, END]],
  ["events with CRLF",             EventDecoder, `data: ${piece}\r\n\r\ndata: ${end}\r\n\r\n`,                [PIECE, END]],
  ["events without a space",       EventDecoder, `data:${piece}\n\n`,                                         [PIECE]],
  ["comments and retry",           EventDecoder, `retry: 2000\n\n: heartbeat\n\ndata: ${piece}\n\n`,          [PIECE]],
  ["data on two lines",            EventDecoder, 'data: {"seq":0,"at_s":0.5,\ndata: "delta":"Water"}\n\n',    [PIECE]],
  ["data on two lines with CRLF",  EventDecoder, 'data: {"seq":0,"at_s":0.5,\r\ndata: "delta":"Water"}\r\n\r\n', [PIECE]],
  ["an event without data",        EventDecoder, `event: open\n\ndata: ${piece}\n\n`,                         [PIECE]],
  ["U+2028 does not end a line",   EventDecoder, `data: ${next}\n\n`,                                         [NEXT]],
  ["a literal end in an event",    EventDecoder, "data: [DONE]\n\n",                                          [literal("[DONE]")]],
];
const TAILS = { LineDecoder: '{"seq":7', EventDecoder: 'data: {"seq":7' };
const withoutRaw = (records) => records.map(({ raw, ...record }) => record);

for (const [name, Decoder, stream, expected] of STREAMS) {
  describe(`a decoder returns the records of ${name}`, () => {
    test("fed whole", () => assert.deepEqual(withoutRaw(new Decoder(MAX).feed(stream)), expected));
    test("fed character by character", () => {
      const decoder = new Decoder(MAX);
      const records = [...stream].flatMap((character) => decoder.feed(character));
      assert.deepEqual(withoutRaw(records), expected);
    });
    test("cut at every place", () => {
      for (let at = 0; at <= stream.length; at += 1) {
        const decoder = new Decoder(MAX);
        const records = [...decoder.feed(stream.slice(0, at)), ...decoder.feed(stream.slice(at))];
        assert.deepEqual(withoutRaw(records), expected, `cut at ${at}`);
      }
    });
    test("with a rest that is not complete", () => {
      assert.deepEqual(withoutRaw(new Decoder(MAX).feed(stream + TAILS[Decoder.name])), expected);
    });
  });
}

test("a record keeps the text that it was read from", () => {
  const [line] = new LineDecoder(MAX).feed(`${piece}\n`);
  assert.equal(line.raw, `${piece}\n`);
  const [event] = new EventDecoder(MAX).feed(`event: delta\r\nid: 0\r\ndata: ${piece}\r\n\r\n`);
  assert.equal(event.raw, `event: delta\nid: 0\ndata: ${piece}\n\n`);
});

describe("a decoder refuses", () => {
  const line = (size) => " ".repeat(size);
  const ROWS = [
    ["text of another server, in a line",   LineDecoder,  "<html>\n",                                  true],
    ["text of another server, in an event", EventDecoder, "data: <html>\n\n",                          true],
    ["a line longer than the limit",        LineDecoder,  line(MAX + 1),                               true],
    ["but not a line of the limit",         LineDecoder,  line(MAX),                                   false],
    ["an event longer than the limit",      EventDecoder, `data:${line(MAX - 4)}`,                     true],
    ["but not an event of the limit",       EventDecoder, `data:${line(MAX - 5)}`,                     false],
    ["many short lines without an end",     EventDecoder, ":\n".repeat(MAX / 2 + 1),                   true],
    ["but not as many as the limit",        EventDecoder, ":\n".repeat(MAX / 2),                       false],
    ["no long stream of short events",      EventDecoder, `data: ${piece}\n\n`.repeat(MAX),            false],
    ["no long stream of short lines",       LineDecoder,  `${piece}\n`.repeat(MAX),                    false],
  ];
  for (const [name, Decoder, text, isRefused] of ROWS) {
    const feed = () => new Decoder(MAX).feed(text);
    test(name, () => (isRefused ? assert.throws(feed, Malformed) : assert.doesNotThrow(feed)));
  }
});
