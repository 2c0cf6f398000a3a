// How the pieces of a stream arrived: a row on each side of every threshold.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { aligned, countDeliveries, isHeld, lateness, longestWait } from "../../../flushcheck/service/page/classify.js";

// The page gets its thresholds from the service; these have other values, so that nothing relies on a default.
const THRESHOLDS = { late_s: 0.2, held_s: 1, held_share: 0.5, same_delivery_s: 0.125 };

/** Points from [sent, arrived] or [sent, arrived, connection]. */
const points = (rows) => rows.map(([sent_s, arrived_s, connection]) => ({ sent_s, arrived_s, connection }));
const round = (number) => Math.round(number * 1000) / 1000;

describe("aligned: send times on the receiver's clock", () => {
  const ROWS = [
    // name                              [sent, arrived, connection]                  sent times after that
    ["no piece",                         [],                                          []],
    ["one piece counts as not delayed",  [[5, 1]],                                    [1]],
    ["the fastest piece sets the clock", [[0, 1], [1, 1.5], [2, 4]],                  [0.5, 1.5, 2.5]],
    ["each connection has its own",      [[0, 1, 1], [1, 3, 1], [0, 9, 2], [1, 11, 2]], [1, 2, 9, 10]],
  ];
  for (const [name, rows, expected] of ROWS) {
    test(name, () => assert.deepEqual(aligned(points(rows)).map(({ sent_s }) => round(sent_s)), expected));
  }
});

describe("longestWait: beyond the fastest piece", () => {
  const ROWS = [
    ["no piece",             [],                          0],
    ["one piece",            [[0, 3]],                    0],
    ["the same delay",       [[0, 3], [1, 4]],            0],
    ["one piece was slower", [[0, 3], [1, 4.25], [2, 5]], 0.25],
  ];
  for (const [name, rows, expected] of ROWS) {
    test(name, () => assert.equal(round(longestWait(points(rows))), expected));
  }
});

describe("isHeld: the share of pieces that arrived after the next one had been sent", () => {
  const ROWS = [
    ["no piece",                                  [],                                                   false],
    ["one piece",                                 [[0, 9]],                                             false],
    ["two pieces, held",                          [[0, 2.5], [1, 2]],                                   true],
    ["steady",                                    [[0, 0], [1, 1], [2, 2]],                             false],
    ["all at the end",                            [[0, 2], [1, 2], [2, 2]],                             true],
    // The piece that was sent at 0 arrives so much after the one that was sent at 1.
    ["late by exactly the limit",                 [[0, 1.2], [1, 1.2], [2, 2]],                         false],
    ["late by more than the limit",               [[0, 1.21], [1, 1.21], [2, 2]],                       true],
    // Of the pieces that have a next one, so many are late: 1 of 2, 1 of 3.
    ["exactly the share",                         [[0, 2.5], [1, 1], [2, 2]],                           true],
    ["less than the share",                       [[0, 2.5], [1, 1], [2, 2], [3, 3]],                   false],
    ["the last piece has no next one",            [[0, 0], [1, 1], [2, 9]],                             false],
  ];
  for (const [name, rows, expected] of ROWS) {
    test(name, () => assert.equal(isHeld(points(rows), THRESHOLDS), expected));
  }
});

describe("countDeliveries: pieces that arrived together count once", () => {
  const ROWS = [
    ["no piece",                    [],                              0],
    ["one piece",                   [[0, 3]],                        1],
    ["apart by the limit",          [[0, 1], [0, 1.125]],            1],
    ["apart by more",               [[0, 1], [0, 1.126]],            2],
    ["a chain of small gaps",       [[0, 1], [0, 1.1], [0, 1.2]],    1],
    ["two groups",                  [[0, 1], [0, 1], [0, 2], [0, 2]], 2],
  ];
  for (const [name, rows, expected] of ROWS) {
    test(name, () => assert.equal(countDeliveries(points(rows), THRESHOLDS), expected));
  }
});

describe("lateness: the colour of one piece", () => {
  const ROWS = [
    ["not late",                0,    "prompt"],
    ["late by the limit",       0.2,  "prompt"],
    ["later",                   0.21, "slow"],
    ["held by the limit",       1,    "slow"],
    ["longer",                  1.01, "kept"],
  ];
  for (const [name, wait_s, expected] of ROWS) {
    test(name, () => assert.equal(lateness(wait_s, THRESHOLDS), expected));
  }
});
