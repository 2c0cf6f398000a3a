// What a card says when its stream has ended.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { count, endSentence, ordinal } from "../../../flushcheck/service/page/sentences.js";

const THRESHOLDS = { late_s: 0.1, held_s: 0.5, held_share: 0.5, same_delivery_s: 0.01 };
const CONTEXT = { end: "done", unavailable: "", thresholds: THRESHOLDS };
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
  ["unreachable",                  NONE,         "unreachable", {},                            "Unreachable: why"],
  ["unreachable is not the server", NONE,        "unreachable", { unavailable: "no sockets" }, "Unreachable: why"],
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
