// What a run says of itself: its marker, its time, its observer.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { beginRun, placeOf } from "../../../flushcheck/service/page/run-identity.js";

test("a run has a marker, the time of its beginning in UTC, and its duration", () => {
  const identity = beginRun("");
  const { began_at, took_s, observer, marker } = identity.complete();
  assert.match(marker, /^[0-9a-f]{8}$/);
  assert.equal(marker, identity.marker);
  assert.match(began_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(observer, "a browser");
  assert.ok(took_s >= 0 && took_s < 5);
});

test("two runs have different markers", () => {
  assert.notEqual(beginRun("").marker, beginRun("").marker);
});

describe("the observer is", () => {
  const ROWS = [
    // name                 user agent                                                                observer
    ["a phone with Android, which says Linux too", "Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0", "a browser on Android"],
    ["a computer with Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "a browser on Linux"],
    ["a Mac",               "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605", "a browser on macOS"],
    ["Windows",             "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0",                 "a browser on Windows"],
    ["a Chromebook",        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/140.0",                  "a browser on ChromeOS"],
    ["an iPhone",           "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604",      "a browser on iPhone"],
    ["something else",      "curl",                                                                   "a browser"],
  ];
  for (const [name, agent, expected] of ROWS) test(name, () => assert.equal(placeOf(agent), expected));
});
