// What a card says when its stream has ended.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { count, endSentence, isBusy, isOverSoon, ordinal, statusSentence } from "../../../flushcheck/service/page/sentences.js";

const THRESHOLDS = { late_s: 0.1, held_s: 0.5, held_share: 0.5, same_delivery_s: 0.01 };
const CONTEXT = { end: "done", goneHost: "", unavailable: "", thresholds: THRESHOLDS };
const points = (rows) => rows.map(([sent_s, arrived_s]) => ({ sent_s, arrived_s }));

const STEADY = points([[0, 0], [1, 1]]);
const NONE = [];
const AT_THE_LIMIT = points([[0, 0.5], [0.25, 0.5], [0.5, 0.5]]);
const ABOVE_IT = points([[0, 0.75], [0.25, 0.75], [0.5, 0.75], [0.75, 0.75]]);
const IN_TWO = points([0, 0.25, 0.5, 0.75, 1, 2, 2.25, 2.5, 2.75, 3].map((sent_s) => [sent_s, sent_s < 1.5 ? 1 : 3]));

const ENDINGS = [
  // name                          pieces        ended          context                        sentence
  ["stopped",                      STEADY,       "stopped",     {},                            "Stopped after 2 pieces."],
  ["stopped after one",            STEADY.slice(1), "stopped",  {},                            "Stopped after 1 piece."],
  ["complete and steady",          STEADY,       "complete",    {},                            "Flowing: all 2 pieces arrived one by one."],
  ["held for the limit",           AT_THE_LIMIT, "complete",    {},                            "Late: 3 pieces arrived together, up to 0.50 s late."],
  ["held for longer",              ABOVE_IT,     "complete",    {},                            "Held: 4 pieces arrived together, up to 0.8 s late."],
  ["held in groups",               IN_TWO,       "complete",    {},                            "Held: 10 pieces arrived in 2 blocks, up to 1.0 s late."],
  ["cut",                          STEADY,       "cut",         {},                            "Cut after 2 pieces: why"],
  ["cut, but no end was chosen",   STEADY,       "cut",         { end: "none" },               "Ended without an end record after 2 pieces, as chosen."],
  ["foreign, and no end was chosen", NONE,       "foreign",     { end: "none" },               "Not a stream of flushcheck: why"],
  ["refused before any piece",     NONE,         "refused",     {},                            "Refused: why"],
  ["refused, and known before",    NONE,         "refused",     { unavailable: "no sockets" }, "Not available on this server: no sockets."],
  ["unreachable",                  NONE,         "unreachable", {},                            "No connection: why"],
  ["unreachable is not the server", NONE,        "unreachable", { unavailable: "no sockets" }, "No connection: why"],
  ["gone before any piece",        NONE,         "unreachable", { goneHost: "a:1" },            "No connection: a:1 does not respond. Is the service still running?"],
  ["gone in the middle",           STEADY,       "cut",         { goneHost: "a:1" },            "Connection lost after 2 pieces: a:1 does not respond. Is the service still running?"],
  ["stopped by the reader, and gone", STEADY,    "stopped",     { goneHost: "a:1" },            "Stopped after 2 pieces."],
  ["pretended, and quick",         STEADY,       "complete",    { isPretended: true },         "Pretended. 2 pieces arrived in 2 deliveries, up to 0.0 s late."],
  ["pretended, all together",      ABOVE_IT,     "complete",    { isPretended: true },         "Pretended. 4 pieces arrived together, up to 0.8 s late."],
  ["pretended, and cut",           STEADY,       "cut",         { isPretended: true },         "Pretended. Cut after 2 pieces: why"],
  ["another server's text",        NONE,         "foreign",     {},                            "Not a stream of flushcheck: why"],
];

describe("endSentence", () => {
  for (const [name, pieces, ended, context, expected] of ENDINGS) {
    test(name, () => {
      const [sentence] = endSentence(pieces, { ended, detail: "why" }, { ...CONTEXT, ...context });
      assert.equal(sentence, expected);
    });
  }
});

test("a number has its noun", () => {
  assert.deepEqual([0, 1, 2].map((number) => count(number, "piece")), ["0 pieces", "1 piece", "2 pieces"]);
});

test("ordinals are English", () => {
  const numbers = [1, 2, 3, 4, 10, 11, 12, 13, 14, 21, 22, 101, 111, 113];
  const expected = "1st 2nd 3rd 4th 10th 11th 12th 13th 14th 21st 22nd 101st 111th 113th";
  assert.equal(numbers.map(ordinal).join(" "), expected);
});

const STATUSES = [
  // status, the service's reason, sentence
  [400, "count=0: expected 1 or more", "Refused (status 400): count=0: expected 1 or more"],
  [429, "Limit reached; retry in 2 s", "Too many requests (status 429): Limit reached; retry in 2 s"],
  [503, "Too many streams; retry in 2 s", "The service is full (status 503): Too many streams; retry in 2 s"],
  [502, "", "Status 502 from a proxy: the service behind it gives no valid response"],
  [504, "", "Status 504 from a proxy: the service behind it does not respond in time"],
  [503, "", "Refused with status 503, without a reason of the service: a proxy or another server responded"],
  [404, "", "Refused with status 404, without a reason of the service: a proxy or another server responded"],
];

describe("a status is called", () => {
  for (const [status, reason, expected] of STATUSES)
    test(expected, () => assert.equal(statusSentence(status, reason), expected));

  test("what it is on a card too, with its own tone", () => {
    const refused = (status, reason) => endSentence([], { ended: "refused", detail: "", status, reason }, CONTEXT);
    assert.deepEqual(refused(429, "why"), ["Too many requests (status 429): why.", "late"]);
    assert.deepEqual(refused(400, "why"), ["Refused (status 400): why.", "bad"]);
  });
});

describe("worth another try is", () => {
  const ROWS = [
    // result                                 worth it
    [{ ended: "unreachable" },                true],
    [{ ended: "refused", status: 429 },       true],
    [{ ended: "refused", status: 503 },       true],
    [{ ended: "refused", status: 502 },       true],
    [{ ended: "refused", status: 504 },       true],
    [{ ended: "refused", status: 500 },       false],
    [{ ended: "refused", status: 400 },       false],
    [{ ended: "refused" },                    false],
    [{ ended: "complete" },                   false],
    [{ ended: "cut" },                        false],
  ];
  for (const [result, expected] of ROWS) test(JSON.stringify(result), () => assert.equal(isOverSoon(result), expected));

  test("busy: only these two", () => assert.deepEqual([400, 429, 502, 503, 504].filter(isBusy), [429, 503]));
});
