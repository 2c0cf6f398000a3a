// A run in a link and in a file: what fits comes back, what is too large or no run is refused.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { packRun, readRun, reportLink, unpackRun } from "../../../flushcheck/service/page/run-file.js";

const RUN = { target: "https://example.org/?a=1", observations: [], notes: ["水".repeat(50_000)] };
const SIZE = JSON.stringify(RUN).length;
const file = (text) => new Blob([text]);
const pack = (value) => packRun(value);

test("a run comes back from its link", async () => {
  const packed = await packRun(RUN);
  assert.match(packed, /^[A-Za-z0-9_-]+$/);
  assert.ok(packed.length < 1000);
  assert.deepEqual(await unpackRun(packed, SIZE), RUN);
});

describe("a link to a report", () => {
  const ROWS = [
    // name                      verdict    culprits                                  query
    ["has the first culprit",    "held",    [{ id: "nginx-gzip" }, { id: "b" }],      "?report=held&culprit=nginx-gzip"],
    ["has the verdict alone",    "flowing", [],                                       "?report=flowing"],
    ["has nothing that is markup", "held",  [{ id: '"><b>&x=1' }],                    "?report=held&culprit=%22%3E%3Cb%3E%26x%3D1"],
  ];
  for (const [name, verdict, culprits, query] of ROWS)
    test(name, async () => {
      const url = new URL(await reportLink("https://a.example/below/", RUN, { verdict, culprits }));
      assert.equal(`${url.origin}${url.pathname}${url.search}`, `https://a.example/below/${query}`);
      assert.deepEqual(await unpackRun(url.hash.replace("#run=", ""), SIZE), RUN);
    });
});

test("a run comes back from its file", async () => {
  const text = JSON.stringify(RUN);
  assert.deepEqual(await readRun(file(text), file(text).size), RUN);
});

describe("refused is", () => {
  const ROWS = [
    ["a link that is no base64",      () => unpackRun("!", 1000),                                  /./],
    ["a link that is not compressed", () => unpackRun(btoa("{}"), 1000),                           /./],
    ["a link larger than the limit",  async () => unpackRun(await pack(RUN), SIZE - 1),            /too large/],
    ["a link with a list",            async () => unpackRun(await pack([1]), 1000),                /not a run/],
    ["a link with null",              async () => unpackRun(await pack(null), 1000),               /not a run/],
    ["a link without observations",   async () => unpackRun(await pack({ target: "x" }), 1000),    /not a run/],
    ["a file larger than the limit",  () => readRun(file("123456"), 5),                            /too large/],
    ["a file that is not JSON",       () => readRun(file("HELD"), 1000),                           /JSON/],
    ["a file with another document",  () => readRun(file('{"verdict": "held"}'), 1000),            /not a run/],
  ];
  for (const [name, read, message] of ROWS) test(name, () => assert.rejects(read, { message }));
});
