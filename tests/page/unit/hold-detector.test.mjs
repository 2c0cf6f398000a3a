// Which pieces of one connection count as held.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { HoldDetector } from "../../../flushcheck/service/page/hold-detector.js";

describe("HoldDetector", () => {
  // Each piece is [sent, in seconds; arrived, in milliseconds]; held pieces are sent over more than 1 s.
  const together = (at_ms, ...sent) => sent.map((sent_s) => [sent_s, at_ms]);
  const ROWS = [
    // name                                             pieces                                                  the last result
    ["steady pieces",                                   [[0, 0], [1, 1000], [2, 2000], [3, 3000]],              0],
    ["held from the start",                             together(5, 0, 1, 2),                                   2],
    ["sent over exactly the limit",                     together(5, 0, 0.5, 1),                                 0],
    ["sent over more than the limit",                   together(5, 0, 0.5, 1.01),                              1.01],
    ["two pieces are too few",                          together(5, 0, 9),                                      0],
    ["reads apart by the limit are one delivery",       [[0, 0], [1, 12], [2, 24]],                             2],
    ["reads apart by more are several",                 [[0, 0], [1, 13], [2, 26]],                             0],
    ["a stall later, once",                             [[0, 0], ...together(3000, 1, 2, 3)],                   0],
    ["twice in a row",                                  [[0, 0], ...together(3000, 1, 2, 3), ...together(6000, 4, 5, 6)], 2],
    ["twice, but not in a row",                         [[0, 0], ...together(3000, 1, 2, 3), [4, 4000], ...together(7000, 5, 6, 7)], 0],
    ["pieces without a time",                           [[undefined, 0], [undefined, 0], [undefined, 0]],       0],
  ];
  for (const [name, pieces, expected] of ROWS) {
    test(name, () => {
      const detector = new HoldDetector(1);
      assert.equal(pieces.map(([sent_s, now_ms]) => detector.add(sent_s, now_ms)).at(-1), expected);
    });
  }
});
