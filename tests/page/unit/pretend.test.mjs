// What the control "Pretend" means for each transport.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { pretended } from "../../../flushcheck/service/page/pretend.js";

const OFFERS = [
  { value: "blocks-4096", label: "blocks", transports: ["chunked", "events"] },
  { value: "cut-2", label: "cut", transports: ["chunked", "events", "websocket"] },
];

const ROWS = [
  // chosen       transport     in the query             note
  ["",            "chunked",    "",                      ""],
  ["other",       "chunked",    "",                      ""],
  ["blocks-4096", "chunked",    "&pretend=blocks-4096",  "Pretended: the service itself holds this stream (blocks)."],
  ["blocks-4096", "events",     "&pretend=blocks-4096",  "Pretended: the service itself holds this stream (blocks)."],
  ["blocks-4096", "websocket",  "",                      "Not pretended: a WebSocket is passed on as it is."],
  ["cut-2",       "websocket",  "&pretend=cut-2",        "Pretended: the service itself holds this stream (cut)."],
  ["cut-2",       "polling",    "",                      "Not pretended: each poll is a whole response, which nothing holds."],
];

describe("pretended", () => {
  for (const [chosen, transport, query, note] of ROWS) {
    test(`${chosen || "nothing"} on ${transport}`, () => {
      assert.deepEqual(pretended(chosen, transport, OFFERS), { query, note });
    });
  }
});
