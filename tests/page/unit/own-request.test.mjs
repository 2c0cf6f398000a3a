// The request of the visitor's own: what is taken, what is refused and why, and what is shown of it.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  commandLine, FormError, isSafe, marked, mayVary, readRequest, secretsOf, shownUrl, varied, withoutSecrets,
} from "../../../flushcheck/service/page/own-request.js";

const BASE = "http://here.example/flushcheck/";
const NAMES = "^k$|token|key";
const FORM = { url: "/chat", method: "GET", headers: "", body: "", time_limit_s: 60 };
const POST = { method: "POST", body: "x=1" };

const ADDRESSES = [
  // name                       typed                            requested
  ["a path",                    "/chat?n=1",                     "http://here.example/chat?n=1"],
  ["a path below the page",     "chat",                          "http://here.example/flushcheck/chat"],
  ["another host",              " https://other.example/a b ",   "https://other.example/a%20b"],
  ["a fragment",                "/chat#end",                     "http://here.example/chat"],
];

const HEADERS = [
  // name                       typed                            sent
  ["none",                      "",                              []],
  ["two, an empty line",        "A: 1\r\n\n B : 2:3 \n",         [["A", "1"], ["B", "2:3"]]],
  ["no value",                  "A:",                            [["A", ""]]],
  ["Latin-1",                   "A: \u00e9\u00ff\t.",            [["A", "\u00e9\u00ff\t."]]],
];

const REFUSED = [
  // name                       the form                         words
  ["nothing",                   { url: "  " },                   /Type the address/],
  ["no address",                { url: "http://" },              /That is no address/],
  ["a WebSocket",               { url: "wss://x/" },             /not WebSockets/],
  ["a plain WebSocket",         { url: "ws://x/" },              /not WebSockets/],
  ["a file",                    { url: "file:///etc/passwd" },   /begins with https/],
  ["a script",                  { url: "javascript:alert(1)" },  /begins with https/],
  ["a name in the address",     { url: "http://me@x/" },         /password in it/],
  ["a password in it",          { url: "http://:pw@x/" },        /password in it/],
  ["a GET with a body",         { body: "x" },                   /A GET has no body/],
  ["a HEAD with a body",        { method: "HEAD", body: "x" },   /A HEAD has no body/],
  ["too long a body",           { method: "POST", body: "x".repeat(1024 * 1024 + 1) }, /too long/],
  ["a header without colon",    { headers: "SECRET" },           /one line/],
  ["a header without name",     { headers: ": SECRET" },         /one line/],
  ["a name with a space",       { headers: "A B: SECRET" },      /one line/],
  ["a character too wide",      { headers: "A: \u0100" },        /header A has a character/],
  ["a control character",       { headers: "A: \u0000" },        /header A has a character/],
  ["a cookie",                  { headers: "Cookie: SECRET" },   /Cookies of this host are sent by the browser/],
  ["encodings",                 { headers: "accept-Encoding: x" }, /no page set the header accept-Encoding. flushcheck watch/],
  ["a prefix",                  { headers: "Sec-Fetch-Mode: x" }, /no page set the header Sec-Fetch-Mode/],
  ["too many",                  { headers: "A: 1\n".repeat(51) }, /at most 50/],
];

describe("readRequest", () => {
  for (const [name, url, expected] of ADDRESSES) {
    test(name, () => assert.equal(readRequest({ ...FORM, url }, BASE).url, expected));
  }
  for (const [name, headers, expected] of HEADERS) {
    test(name, () => assert.deepEqual(readRequest({ ...FORM, headers }, BASE).headers, expected));
  }
  for (const [name, form, words] of REFUSED) {
    test(name, () => {
      assert.throws(() => readRequest({ ...FORM, ...form }, BASE), (error) => {
        assert.ok(error instanceof FormError);
        assert.match(error.message, words);
        assert.doesNotMatch(error.message, /SECRET/);
        return true;
      });
    });
  }
  test("as many headers as are taken", () => assert.equal(readRequest({ ...FORM, headers: "A: 1\n".repeat(50) }, BASE).headers.length, 50));
  test("as long a body as is taken", () => assert.equal(readRequest({ ...FORM, ...POST, body: "x".repeat(1024 * 1024) }, BASE).body.length, 1024 * 1024));
  test("a GET has no body at all", () => assert.equal(readRequest(FORM, BASE).body, null));
  test("a POST may have an empty one", () => assert.equal(readRequest({ ...FORM, method: "POST" }, BASE).body, ""));
});

const TYPES = [
  // name              body           headers                       content type
  ["an object",        ' {"a": 1}',   "",                           "application/json"],
  ["a list",           "[1]",         "",                           "application/json"],
  ["a form",           "a=1",         "",                           "application/x-www-form-urlencoded"],
  ["one that is typed", "{}",         "content-type: text/plain",   "text/plain"],
];

describe("the content type of a body", () => {
  for (const [name, body, headers, expected] of TYPES) {
    test(name, () => assert.deepEqual(readRequest({ ...FORM, method: "POST", body, headers }, BASE).headers.map(([, value]) => value), [expected]));
  }
});

const SHOWN = [
  // name                       address                              shown
  ["no query",                  "http://x/a",                        "http://x/a"],
  ["nothing secret",            "http://x/a?n=1&b",                  "http://x/a?n=1&b"],
  ["a token",                   "http://x/a?Access_Token=s&n=1",     "http://x/a?Access_Token=\u2026&n=1"],
  ["an empty one",              "http://x/a?token=",                 "http://x/a?token="],
  ["a name alone",              "http://x/a?token",                  "http://x/a?token"],
  ["a question mark in it",     "http://x/a?token=s?t&q=a?b",        "http://x/a?token=\u2026&q=a?b"],
  ["a name that is only k",     "http://x/a?k=s&kk=t",               "http://x/a?k=\u2026&kk=t"],
];

describe("shownUrl", () => {
  for (const [name, url, expected] of SHOWN) test(name, () => assert.equal(shownUrl(url, NAMES), expected));
});

const SECRETS = [
  // name                          the request                                                     its secrets
  ["a bearer token",               { headers: [["Authorization", "Bearer abcdef"]] },              ["Bearer abcdef", "abcdef"]],
  ["too short to be one",          { headers: [["X-Id", "abcde"]] },                               []],
  ["a public header",              { headers: [["Accept", "text/event-stream"]] },                 []],
  ["the body",                     { body: ' {"a": 12} ' },                                        ['{"a": 12}']],
  ["in the query, decoded",        { url: "http://x/?token=a%20bcde&n=abcdef" },                   ["a bcde"]],
  ["said twice",                   { headers: [["A", "abcdef"], ["B", "abcdef"]] },                ["abcdef"]],
];

describe("secretsOf", () => {
  for (const [name, request, expected] of SECRETS) {
    test(name, () => assert.deepEqual(secretsOf({ url: "http://x/", method: "POST", headers: [], body: null, ...request }, NAMES), expected));
  }
  test("all of them are taken out of a text", () => assert.equal(withoutSecrets("a Bearer abcdef, abcdef", ["Bearer abcdef", "abcdef"]), "a \u2026, \u2026"));
});

const COMMANDS = [
  // name                    the form                                            repeated   the line
  ["a GET",                  {},                                                 true,      "flushcheck watch 'http://here.example/chat'"],
  ["a GET, once",            {},                                                 false,     "flushcheck watch 'http://here.example/chat' --once"],
  ["a POST",                 POST,                                               false,     "flushcheck watch 'http://here.example/chat' -H 'Content-Type: application/x-www-form-urlencoded' -d @body"],
  ["a POST, repeated",       { ...POST, headers: "Content-Type: a/b" },          true,      "flushcheck watch 'http://here.example/chat' -H 'Content-Type: a/b' -d @body --repeat"],
  ["a PUT",                  { ...POST, method: "PUT", headers: "Content-Type: a/b" }, false, "flushcheck watch 'http://here.example/chat' -X PUT -H 'Content-Type: a/b' -d @body"],
  ["secrets",                { url: "/chat?token=SECRET", headers: "Authorization: SECRET" }, true, "flushcheck watch 'http://here.example/chat?token=\u2026' -H 'Authorization: \u2026'"],
  ["a quotation mark",       { url: "/it's" },                                   true,      "flushcheck watch 'http://here.example/it'\\''s'"],
];

describe("commandLine", () => {
  for (const [name, form, repeats, expected] of COMMANDS) {
    test(name, () => {
      assert.equal(commandLine(readRequest({ ...FORM, ...form }, BASE), { secretNames: NAMES, repeats }), expected);
    });
  }
});

const OWN = [["accept", "a/b"], ["RANGE", "bytes=1-"], ["X", "1"]];
const VARIANTS = [
  // variant          sent                                                    is it made where Accept and Range are typed
  ["baseline",        OWN,                                                    true],
  ["identity",        [["accept", "a/b"], ["X", "1"], ["Range", "bytes=0-"]], false],
  ["event-stream",    [["RANGE", "bytes=1-"], ["X", "1"], ["Accept", "text/event-stream"]], false],
  ["together",        OWN,                                                    true],
];

describe("varied", () => {
  const request = { url: "http://x/", method: "GET", headers: OWN, body: null, time_limit_s: 1 };
  test("the first look is what was typed", () => assert.equal(varied(request, null), request));
  for (const [variant, headers, made] of VARIANTS) {
    test(variant, () => {
      assert.deepEqual(varied(request, { variant }).headers, headers);
      assert.equal(mayVary(request, { variant }), made);
      assert.equal(mayVary({ ...request, headers: [["X", "1"]] }, { variant }), true);
    });
  }
});

const MARKED = [
  // name                      address                    headers                   sent                      marker
  ["this origin",              "http://here.example/a",   [],                       [["X-Request-ID", "m"]],  "m"],
  ["another one",              "http://other.example/a",  [],                       [],                       ""],
  ["another port",             "http://here.example:1/",  [],                       [],                       ""],
  ["a typed one",              "http://here.example/a",   [["x-request-id", "1"]],  [["x-request-id", "1"]],  ""],
];

describe("marked", () => {
  for (const [name, url, headers, sent, expected] of MARKED) {
    test(name, () => {
      const [request, marker] = marked({ url, headers }, "m", BASE);
      assert.deepEqual([request.headers, marker], [sent, expected]);
    });
  }
});

describe("isSafe", () => {
  for (const [method, safe] of [["GET", true], ["HEAD", true], ["OPTIONS", true], ["POST", false], ["PUT", false], ["PATCH", false]]) {
    test(method, () => assert.equal(isSafe(method), safe));
  }
});
