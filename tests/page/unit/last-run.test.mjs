// The run that is kept for the comparison with the next one.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { keepRun, lastRun } from "../../../flushcheck/service/page/last-run.js";

class Memory {
  items = new Map();
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
}

const opened = () => {
  const memory = new Memory();
  return () => memory;
};
const forbidden = () => { throw new DOMException("denied"); };
const TARGET = "http://a:1/";
const RUN = { target: TARGET, observations: [], marker: "0123abcd" };
const SIZE = JSON.stringify(RUN).length;

test("a run comes back for the same service", () => {
  const memory = opened();
  keepRun(RUN, SIZE, memory);
  assert.deepEqual(lastRun(TARGET, memory), RUN);
  assert.equal(lastRun("http://b:1/", memory), null);
});

test("a newer run takes its place, and one that is too large leaves none", () => {
  const memory = opened();
  keepRun(RUN, SIZE, memory);
  keepRun({ ...RUN, marker: "ffffffff" }, SIZE, memory);
  assert.equal(lastRun(TARGET, memory)?.marker, "ffffffff");
  keepRun(RUN, SIZE - 1, memory);
  assert.equal(lastRun(TARGET, memory), null);
});

describe("there is no last run if the tab holds", () => {
  const ROWS = [
    ["nothing",                  null],
    ["no JSON",                  "{"],
    ["null",                     "null"],
    ["a list",                   "[1]"],
    ["a run without observations", JSON.stringify({ target: TARGET })],
  ];
  for (const [name, text] of ROWS)
    test(name, () => {
      const memory = opened();
      if (text !== null) memory().setItem("flushcheck-last-run", text);
      assert.equal(lastRun(TARGET, memory), null);
    });
});

test("a browser that keeps nothing is no error", () => {
  keepRun(RUN, SIZE, forbidden);
  assert.equal(lastRun(TARGET, forbidden), null);
});
