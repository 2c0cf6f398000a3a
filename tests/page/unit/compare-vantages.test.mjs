// Where the fault lies, by the verdicts of up to three vantages.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { compareVantages } from "../../../flushcheck/service/page/compare-vantages.js";

const ROWS = [
  // name                            path       own        public     source   the sentence contains
  ["everything flows",               "flowing", "flowing", "flowing", "",      "same everywhere"],
  ["no public address",              "flowing", "flowing", null,      "",      "same everywhere"],
  ["held for this browser only",     "held",    "flowing", "flowing", "",      "on your side"],
  ["held everywhere outside",        "held",    "flowing", "held",    "",      "on the server side, in front of the app"],
  ["broken, held outside",           "broken",  "flowing", "held",    "",      "on the server side, in front of the app"],
  ["held, broken outside",           "held",    "flowing", "broken",  "",      "on the server side, in front of the app"],
  ["held, unknown outside",          "held",    "flowing", "unknown", "",      "The app is fine"],
  ["held, nothing known outside",    "held",    "flowing", null,      "",      "The app is fine"],
  ["held outside only",              "flowing", "flowing", "held",    "",      "over another path"],
  ["the app holds",                  "held",    "held",    "flowing", "",      "The service itself holds"],
  ["the app holds, the path not",    "flowing", "broken",  null,      "",      "The service itself holds"],
  ["the app is unknown",             "held",    "unknown", "flowing", "",      "probed itself without a clear result"],
  ["the app was not measured",       "held",    null,      null,      "",      "could not probe itself"],
  ["nor in a saved run",             "held",    null,      null,      "a file", ""],
  ["the path is unknown",            "unknown", "flowing", "held",    "",      ""],
];

describe("compareVantages", () => {
  const judged = (verdict) => verdict && { verdict };
  for (const [name, path, own, outside, source, words] of ROWS) {
    test(name, () => {
      const sentence = compareVantages(judged(path), judged(own), judged(outside), source);
      if (words) assert.ok(sentence.includes(words), sentence);
      else assert.equal(sentence, "");
    });
  }
});
