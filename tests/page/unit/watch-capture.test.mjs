// What the page keeps of a response to the visitor's own request, and what of it goes to the service.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { WatchCapture } from "../../../flushcheck/service/page/watch-capture.js";

const BOUNDS = { max_headers: 2, max_header_chars: 10, max_watch_reads: 3, max_watch_bytes: 10 };
const REQUEST = { url: "http://x/?token=tokentoken", method: "POST", headers: [["A", "Bearer \u00e4bcdef"]], body: '{"q": "secret"}', time_limit_s: 5 };
const END = { ended_s: 2, stall_s: 0.5, requested_s: 1, queued_s: 0.25, connect_s: 0.1, http_version: "1.1", alpn: "" };
const encoder = new TextEncoder();

const capture = (changes = {}) =>
  new WatchCapture({ id: 1, request: REQUEST, probe: null, enough_bytes: 0, bounds: BOUNDS, secret_names: "token", run_began: 0, ...changes });
const wide = (changes = {}) => capture({ bounds: { ...BOUNDS, max_header_chars: 500, max_watch_reads: 100, max_watch_bytes: 100_000 }, ...changes });
const response = (changes = {}) => ({ status: 200, type: "basic", redirected: false, headers: [], ...changes });
const bodyOf = (kept) => Buffer.from(kept.document("ended", END).body.join(""), "base64").toString();

const READS = [
  // name                         sizes          enough   kept         why the last read is the last
  ["room for more",               [4, 4],        0,       [4, 4],      ""],
  ["all that is kept",            [4, 6],        0,       [4, 6],      ""],
  ["a byte more",                 [4, 7],        0,       [4, 6],      "enough"],
  ["as many reads as are kept",   [1, 1, 1],     0,       [1, 1, 1],   "enough"],
  ["as much as the first had",    [2, 3],        5,       [2, 3],      "enough"],
  ["less than the first had",     [2, 2],        5,       [2, 2],      ""],
];

describe("read", () => {
  for (const [name, sizes, enough_bytes, kept, expected] of READS) {
    test(name, () => {
      const own = capture({ enough_bytes });
      const endings = sizes.map((size, at) => own.read(new Uint8Array(size), at));
      assert.deepEqual(endings.slice(0, -1).filter(Boolean), []);
      assert.equal(endings.at(-1), expected);
      assert.deepEqual(own.document("ended", END).reads.map(({ size_bytes }) => size_bytes), kept);
      assert.equal(own.bytes, kept.reduce((sum, size) => sum + size, 0));
    });
  }
});

const HIDDEN = [
  // name                          type      headers                                          are some hidden
  ["its own origin",               "basic",  [],                                              false],
  ["another one",                  "cors",   [],                                              true],
  ["another one that shows all",   "cors",   [["Access-Control-Expose-Headers", " * "]],      false],
  ["another one that shows some",  "cors",   [["Access-Control-Expose-Headers", "Via"]],      true],
];

describe("hidden headers", () => {
  for (const [name, type, headers, expected] of HIDDEN) {
    test(name, () => {
      const own = wide();
      own.opened(response({ type, headers }), 1);
      assert.equal(own.document("ended", END).hidden_headers, expected);
    });
  }
});

describe("opened", () => {
  test("as many headers as are kept, each as long as it may be", () => {
    const own = capture();
    own.opened(response({ headers: [["A", "x".repeat(20)], ["B", "\u0007"], ["C", "3"]] }), 1);
    assert.deepEqual(own.document("ended", END).headers, [["a", "x".repeat(10)], ["b", "\ufffd"]]);
    assert.equal(own.header("b"), "\ufffd");
    assert.equal(own.header("c"), "");
    assert.equal(own.isOpen, true);
    assert.equal(own.status, 200);
  });
  test("nothing came", () => assert.equal(capture().isOpen, false));
});

const ECHOES = [
  // name                     what the response repeats                     what the service gets
  ["a header's value",        "a Bearer \u00e4bcdef b",                     `a ${"*".repeat(14)} b`],
  ["the token in it",         "\u00e4bcdef",                                "*".repeat(7)],
  ["the body",                'q={"q": "secret"}.',                         `q=${"*".repeat(15)}.`],
  ["the body in JSON",        '"{\\"q\\": \\"secret\\"}"',                  `"${"*".repeat(19)}"`],
  ["a value of the query",    "tokentokentoken",                            `${"*".repeat(10)}token`],
  ["nothing of it",           "Bearer, secret",                             "Bearer, secret"],
];

describe("what was typed stays here", () => {
  for (const [name, text, expected] of ECHOES) {
    test(`${name}, in one read`, () => {
      const own = wide();
      own.read(encoder.encode(text), 1);
      assert.equal(bodyOf(own), expected);
    });
    test(`${name}, byte by byte`, () => {
      const own = wide();
      for (const byte of encoder.encode(text)) own.read(Uint8Array.of(byte), 1);
      assert.equal(bodyOf(own), expected);
    });
  }
  test("in a header, in the reason and in the address", () => {
    const own = wide();
    own.opened(response({ headers: [["X", "is \u00e4bcdef"]] }), 1);
    const sent = own.document("broken", { ...END, detail: "for tokentoken" });
    assert.deepEqual(sent.headers, [["x", "is \u2026"]]);
    assert.equal(sent.detail, "for \u2026");
    assert.equal(sent.url, "http://x/?token=\u2026");
    assert.doesNotMatch(JSON.stringify(sent), /bcdef|tokentoken|secret/);
  });
});

describe("document", () => {
  test("times count from the moment the request was sent", () => {
    const own = wide({ probe: { variant: "together" } });
    own.opened(response(), 0.75);
    own.read(encoder.encode("ab"), 1.25);
    own.read(encoder.encode("c"), 0.125); // before it was sent, by another clock
    const sent = own.document("stopped", END);
    assert.deepEqual(sent, {
      url: "http://x/?token=\u2026", method: "POST", ending: "stopped", detail: "", probe: { variant: "together" },
      time_limit_s: 5, redirected: false, status: 200, http_version: "1.1", alpn: "", headers: [], hidden_headers: false,
      requested_s: 1.25, connect_s: 0.1, headers_s: 0.5, ended_s: 1.75, stall_s: 0.5,
      reads: [{ at_s: 1, size_bytes: 2 }, { at_s: 0, size_bytes: 1 }], body: ["YWJj"],
    });
  });
  test("a long text is cut into parts that the service reads", () => {
    const own = wide();
    own.read(new Uint8Array(30_000), 1);
    const { body } = own.document("ended", END);
    assert.deepEqual(body.map((part) => part.length), [16_000, 16_000, 8_000]);
  });
  test("nothing", () => assert.deepEqual(wide().document("unreachable", END).body, []));
});
