// What the page sends of an observation: the service refuses a run with one wrong value in it.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  conclude, endRecord, knownFields, printable, protocolOf, round,
} from "../../../flushcheck/service/page/observation-values.js";

describe("conclude", () => {
  const OPTIONS = { timeout_s: 2.04, count: 20 };
  const FLOOD = "more data than a stream of this service can have";
  const ROWS = [
    // name                          ended          detail   pieces  flood   outcome, sentence
    ["complete",                     "complete",    "",      20,     false,  ["complete", ""]],
    ["refused, with a reason",       "refused",     "404: x", 0,     false,  ["refused", "404: x"]],
    ["stopped by the clock",         "stopped",     "",      3,      false,  ["timeout", "3 of 20 pieces arrived within 2.0 s"]],
    ["a stream of another kind",     "foreign",     "why",   0,      false,  ["refused", "why"]],
    ["that becomes another kind",    "foreign",     "why",   1,      false,  ["cut", "why"]],
    ["a flood before any piece",     "stopped",     "",      0,      true,   ["refused", FLOOD]],
    ["a flood after pieces",         "stopped",     "",      5,      true,   ["cut", FLOOD]],
    ["a reason with a control code", "cut",         "a\x1bb", 5,     false,  ["cut", "a\ufffdb"]],
  ];
  for (const [name, ended, detail, pieces, flood, [outcome, sentence]] of ROWS) {
    test(name, () => assert.deepEqual(conclude({ ended, detail }, { flood, pieces }, OPTIONS), { outcome, detail: sentence }));
  }
  test("a long reason is cut at 400 characters", () => {
    assert.equal(conclude({ ended: "cut", detail: "x".repeat(401) }, { flood: false, pieces: 1 }, OPTIONS).detail.length, 400);
  });
});

describe("endRecord", () => {
  const ROWS = [
    // name                       end                                                     record
    ["no end",                    null,                                                   null],
    ["a literal end",             { name: "END", count: null, at_s: null },               null],
    ["a count with a fraction",   { name: "done", count: 1.5, at_s: 1 },                  null],
    ["without a request",         { name: "done", count: 2, at_s: 1.000004 },             { count: 2, at_s: 1 }],
    ["without a time",            { name: "400", count: 0, at_s: null },                  { count: 0, at_s: 0 }],
  ];
  for (const [name, end, expected] of ROWS) test(name, () => assert.deepEqual(endRecord(end), expected));
  test("with the request that the app received", () => {
    const end = { name: "done", count: 1, at_s: 0, request_at_app: { protocol: "HTTP/1.0" } };
    assert.equal(endRecord(end).request_at_app.protocol, "HTTP/1.0");
  });
});

describe("knownFields", () => {
  const field = (value, name) => knownFields(value)[name];
  const ROWS = [
    // name                          given                                     field              value
    ["a text",                       { via: "1.1 a" },                         "via",             "1.1 a"],
    ["a text that is a number",      { via: 1 },                               "via",             ""],
    ["a text that is too long",      { via: "x".repeat(201) },                 "via",             "x".repeat(200)],
    ["a number",                     { concurrent: 4 },                        "concurrent",      4],
    ["a number that is a text",      { concurrent: "4" },                      "concurrent",      0],
    ["a truth",                      { websocket_key: true },                  "websocket_key",   true],
    ["a truth that is a text",       { websocket_key: "yes" },                 "websocket_key",   false],
    ["names",                        { forwarded: ["a", 1, "b"] },             "forwarded",       ["a", "b"]],
    ["names that are one",           { forwarded: "a" },                       "forwarded",       []],
    ["too many names",               { forwarded: Array(21).fill("a") },       "forwarded",       Array(20).fill("a")],
    ["a field of another kind",      { secret: "x" },                          "secret",          undefined],
  ];
  for (const [name, given, known, expected] of ROWS) test(name, () => assert.deepEqual(field(given, known), expected));
  test("no object has no fields", () => {
    assert.deepEqual([null, undefined, "x", 1].map(knownFields), [null, null, null, null]);
  });
});

describe("protocolOf", () => {
  const [PLAIN, TLS] = ["http://a/", "https://a/"];
  const ROWS = [
    // name                                      url    transport    status nextHopProtocol   http_version, alpn
    ["HTTP/1.0",                                 PLAIN, "chunked",   200,   "http/1.0",       ["1.0", ""]],
    ["HTTP/1.1",                                 PLAIN, "chunked",   200,   "http/1.1",       ["1.1", ""]],
    ["HTTP/1.1 over TLS, chosen or not",         TLS,   "chunked",   200,   "http/1.1",       ["1.1", ""]],
    ["HTTP/2",                                   TLS,   "events",    200,   "h2",             ["2", "h2"]],
    ["HTTP/3",                                   TLS,   "polling",   200,   "h3",             ["3", "h3"]],
    ["another protocol",                         TLS,   "chunked",   200,   "spdy",           ["", ""]],
    ["a protocol of another origin",             TLS,   "chunked",   200,   "",               ["", ""]],
    ["a request without a record",               TLS,   "chunked",   200,   undefined,        ["", ""]],
    ["a WebSocket",                              PLAIN, "websocket", 101,   undefined,        ["1.1", ""]],
    ["a WebSocket that did not open",            PLAIN, "websocket", 400,   undefined,        ["", ""]],
    ["a WebSocket over TLS",                     TLS,   "websocket", 101,   undefined,        ["", ""]],
    ["a WebSocket over TLS that did not open",   TLS,   "websocket", 0,     undefined,        ["", ""]],
  ];
  for (const [name, url, transport, status, nextHopProtocol, [http_version, alpn]] of ROWS) {
    test(name, () => assert.deepEqual(protocolOf(url, { transport, status, nextHopProtocol }), { http_version, alpn }));
  }
});

test("control characters and half surrogates become a replacement character", () => {
  assert.equal(printable("a\0\n\x7f\ud800é\u{1f600}"), "a\ufffd\ufffd\ufffd\ufffdé\u{1f600}");
});

test("seconds have five decimals", () => {
  assert.deepEqual([0.000004, 0.000005].map(round), [0, 0.00001]);
});
