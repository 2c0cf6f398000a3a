// What the tab's title says before the verdict is known.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { titleSoFar } from "../../../flushcheck/service/page/tab-title.js";

const THRESHOLDS = { late_s: 0.1, held_s: 0.5, held_share: 0.5, same_delivery_s: 0.01 };
/** One piece a quarter of a second, each read when it was sent or all at the end. */
const stream = (isHeld, { transport = "chunked", vantage = "path", outcome = "complete" } = {}) => ({
  probe: { transport, vantage },
  outcome,
  arrivals: [0, 0.25, 0.5, 0.75].map((sent_s, seq) => ({ at_s: isHeld ? 0.8 : sent_s, pieces: [{ seq, sent_s }] })),
});

const ROWS = [
  // name                               observations                                              title
  ["nothing yet",                       [],                                                       "Testing"],
  ["only polling, which nothing holds", [stream(false, { transport: "polling" })],                "Testing"],
  ["only a stream that was cut",        [stream(false, { outcome: "cut" })],                      "Testing"],
  ["only the service's own stream",     [stream(true, { vantage: "loopback" })],                  "Testing"],
  ["a stream on time",                  [stream(false)],                                          "Flowing so far"],
  ["one of two held",                   [stream(false), stream(true, { transport: "events" })],   "Held so far"],
];

describe("the title", () => {
  for (const [name, observations, expected] of ROWS)
    test(name, () => assert.equal(titleSoFar(observations, THRESHOLDS), expected));
});
