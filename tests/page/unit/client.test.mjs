// client.js: when it changes the transport, where it resumes, and what it does with a held stream. No browser, no waiting.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { ORDER, openStream, pauseMs, resumeByStart } from "../../../flushcheck/service/page/client.js";
import { Network } from "./network.mjs";

const URLS = { events: "/events", chunked: "/chunked", websocket: "/ws", polling: "/polling" };
const piece = (seq, at_s = seq) => ({ seq, at_s, delta: `${seq} ` });
const end = (count) => ({ end: "done", count });

let network;
beforeEach(() => {
  network = new Network();
});
afterEach(() => network.restore());

/** Open a stream; what it reports is kept. */
function start(options = {}) {
  const run = { pieces: [], log: [], result: null };
  const stream = openStream({
    urls: URLS,
    onPiece: ({ seq }) => run.pieces.push(seq),
    onTransport: ({ transport, reason }) => run.log.push(`${transport}: ${reason}`),
    ...options,
  });
  stream.done.then((result) => {
    run.result = result;
  });
  return Object.assign(run, { stop: stream.stop });
}

/** The pieces from a number on arrive one by one, each when it is sent. */
async function flow(connection, from, to) {
  for (let seq = from; seq < to; seq += 1) {
    connection.send(piece(seq, seq * 0.1));
    await network.pass(0.1);
  }
}

describe("pauseMs", () => {
  const ROWS = [
    // failures, what the server asked for, random, milliseconds
    ["the first failure",            1,  0,  0.5, 200],
    ["longer after each",            3,  0,  0.5, 800],
    ["just below the longest",       4,  0,  0.5, 1600],
    ["the longest",                  5,  0,  0.5, 2000],
    ["what the server asked for",    1,  30, 0.5, 30_000],
    ["not less than without it",     5,  1,  0.5, 2000],
    ["the shortest of many clients", 1,  0,  0,   150],
    ["the longest of many clients",  1,  0,  1,   250],
  ];
  for (const [name, failures, waitS, random, expected] of ROWS) {
    test(name, () => assert.equal(pauseMs(failures, waitS, random), expected));
  }
});

describe("resumeByStart", () => {
  const ROWS = [
    ["from the start",      "/events?a=1",          "events",  0, "https://reader.example/events?a=1&format=delta&end=done"],
    ["after three pieces",  "/events",              "events",  3, "https://reader.example/events?format=delta&end=done&start=3"],
    ["on another host",     "https://a.example/x",  "chunked", 1, "https://a.example/x?format=delta&end=done&start=1"],
    ["polling has its own", "/polling",             "polling", 3, "https://reader.example/polling?format=delta"],
  ];
  for (const [name, url, transport, next, expected] of ROWS) {
    test(name, () => assert.equal(resumeByStart(url, transport, next), expected));
  }
});

test("a stream that flows ends complete, on the first transport", async () => {
  const run = start();
  await flow(network.last, 0, 3);
  network.last.send(end(3));
  await network.pass(0);
  assert.deepEqual(run.result, { ended: "complete", pieces: 3, transport: "events", held: false });
  assert.deepEqual(run.pieces, [0, 1, 2]);
  assert.deepEqual(run.log, ["events: first choice"]);
  assert.ok(network.last.isClosed);
});

test("transports without a URL are left out", async () => {
  const run = start({ urls: { polling: "/polling", chunked: "/chunked" }, patienceS: 1, rounds: 1 });
  await network.pass(3);
  assert.deepEqual(network.connections.map(({ transport }) => transport), ["chunked", "polling"]);
  assert.equal(run.result.ended, "failed");
});

test("without any URL it fails at once", async () => {
  const run = start({ urls: {} });
  await network.pass(0);
  assert.deepEqual(run.result, { ended: "failed", pieces: 0, transport: "", held: false });
});

test("a transport may be silent for its patience, and no longer", async () => {
  const run = start({ patienceS: 3 });
  await network.pass(2.9);
  assert.equal(network.last.transport, "events");
  await network.pass(0.1);
  assert.equal(network.last.transport, "chunked");
  assert.ok(network.connections[0].isClosed);
  assert.equal(run.log[1], "chunked: no server-sent event for 3 s");
});

test("each round through all transports is twice as patient, until the last", async () => {
  const run = start({ patienceS: 1, rounds: 2 });
  await network.pass(4);
  assert.deepEqual(network.connections.map(({ transport }) => transport), [...ORDER, "events"]);
  await network.pass(1.9);
  assert.equal(network.connections.length, 5);
  await network.pass(0.1);
  assert.equal(network.connections.length, 6);
  await network.pass(6);
  assert.equal(network.connections.length, 8);
  assert.equal(run.result.ended, "failed");
});

test("rounds without a piece are counted from the last piece", async () => {
  const run = start({ order: ["events"], patienceS: 1, returnS: 0, rounds: 2 });
  await network.pass(1);
  assert.equal(network.connections.length, 2);
  await flow(network.last, 0, 1);
  network.last.break();
  await network.pass(0.3);
  network.last.break();
  await network.pass(0.3);
  assert.equal(network.connections.length, 4);
  assert.equal(run.result, null);
});

test("pieces that were held count, and the next transport continues after them", async () => {
  const run = start({ heldS: 1 });
  for (const seq of [0, 1, 2, 3]) network.last.send(piece(seq));
  await network.pass(0.1);
  assert.equal(network.last.transport, "chunked");
  assert.equal(network.last.start, 4);
  assert.equal(run.log[1], "chunked: server-sent events held pieces for 2.0 s or longer");
  network.last.send(piece(4));
  network.last.send(end(5));
  await network.pass(0.1);
  assert.deepEqual(run.result, { ended: "complete", pieces: 5, transport: "chunked", held: false });
});

test("a stream that was held to its end is complete and held", async () => {
  const run = start({ heldS: 1 });
  for (const record of [piece(0), piece(1), piece(2), end(3)]) network.last.send(record);
  await network.pass(0.1);
  assert.deepEqual(run.result, { ended: "complete", pieces: 3, transport: "events", held: true });
});

test("a stream that breaks is resumed on the same transport, after its last piece", async () => {
  const run = start();
  await flow(network.last, 0, 3);
  network.last.break();
  await network.pass(0.3);
  assert.equal(network.last.transport, "events");
  assert.equal(network.last.start, 3);
  assert.equal(run.log.at(-1), "events: server-sent events broke; resuming after piece 2");
});

test("a transport that has delivered pieces is tried again for returnS seconds", async () => {
  start({ returnS: 5 });
  await flow(network.last, 0, 1);
  const broken = async () => {
    network.last.break();
    await network.pass(2.1);
  };
  for (let attempt = 0; attempt < 3; attempt += 1) await broken();
  assert.deepEqual([...new Set(network.connections.map(({ transport }) => transport))], ["events"]);
  await broken();
  assert.equal(network.last.transport, "chunked");
});

test("a transport that has not is tried `retries` times more", async () => {
  const run = start({ retries: 2 });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    assert.equal(network.last.transport, "events");
    network.last.break();
    await network.pass(1);
  }
  assert.equal(network.last.transport, "chunked");
  assert.deepEqual(run.log.slice(1), [
    "events: server-sent events broke; one more try",
    "events: server-sent events broke; one more try",
    "chunked: server-sent events broke",
  ]);
});

test("between two pieces it waits for quietS", async () => {
  const run = start({ quietS: 20 });
  network.last.send(piece(0));
  await network.pass(19.9);
  assert.equal(network.connections.length, 1);
  await network.pass(0.4);
  assert.equal(network.connections.length, 2);
  assert.equal(run.log.at(-1), "events: no server-sent event for 20 s; resuming after piece 0");
});

test("after a break it waits as long for the next piece", async () => {
  start({ patienceS: 1, quietS: 5 });
  await flow(network.last, 0, 1);
  network.last.break();
  await network.pass(0.3);
  await network.pass(4);
  assert.equal(network.connections.length, 2);
  assert.ok(!network.last.isClosed);
});

test("pauses grow with the failures, and are short again after a piece", async () => {
  start();
  const pauseAfterBreak = async () => {
    const before = network.connections.length;
    network.last.break();
    let waited_s = 0;
    while (network.connections.length === before) {
      await network.pass(0.1);
      waited_s += 0.1;
    }
    return waited_s.toFixed(1);
  };
  await flow(network.last, 0, 1);
  assert.deepEqual([await pauseAfterBreak(), await pauseAfterBreak(), await pauseAfterBreak()], ["0.2", "0.4", "0.8"]);
  await flow(network.last, 1, 2);
  assert.equal(await pauseAfterBreak(), "0.2");
});

test("a piece that arrived before is left out, one that is missing breaks the stream", async () => {
  const run = start();
  for (const seq of [0, 1, 1, 0]) network.last.send(piece(seq, 0));
  assert.deepEqual(run.pieces, [0, 1]);
  network.last.send(piece(3, 0));
  await network.pass(0.3);
  assert.equal(run.log.at(-1), "events: server-sent events left out piece 2; resuming after piece 1");
  assert.equal(network.last.start, 2);
});

test("an end with another count is no end", async () => {
  const run = start();
  network.last.send(piece(0));
  network.last.send(end(2));
  await network.pass(0.3);
  assert.equal(run.result, null);
  assert.equal(run.log.at(-1), "events: server-sent events ended after 1 of 2 pieces; resuming after piece 0");
});

test("stop closes the connection and ends the stream", async () => {
  const run = start();
  await flow(network.last, 0, 2);
  run.stop();
  await network.pass(0);
  assert.deepEqual(run.result, { ended: "stopped", pieces: 2, transport: "events", held: false });
  assert.ok(network.last.isClosed);
});

test("a signal stops it too, even in a pause", async () => {
  const control = new AbortController();
  const run = start({ signal: control.signal });
  network.last.break();
  await network.pass(0.05);
  control.abort();
  await network.pass(0);
  assert.equal(run.result.ended, "stopped");
});

describe("chunked HTTP", () => {
  test("may be cut into chunks anywhere", async () => {
    const text = [{ seq: 0, at_s: 0, delta: "水" }, { seq: 1, at_s: 0, delta: "\u2028" }, end(2)]
      .map((record) => `${JSON.stringify(record)}\n`).join("\n");
    const run = start({ order: ["chunked"] });
    await network.pass(0);
    for (const character of text) {
      network.last.sendText(character);
      await network.pass(0);
    }
    assert.deepEqual(run.pieces, [0, 1]);
    assert.equal(run.result.ended, "complete");
  });

  test("without an end record it is resumed", async () => {
    const run = start({ order: ["chunked"] });
    await flow(network.last, 0, 1);
    network.last.finish();
    await network.pass(0.3);
    assert.equal(run.log.at(-1), "chunked: chunked HTTP ended without an end record; resuming after piece 0");
    assert.equal(network.last.start, 1);
  });

  const STATUSES = [
    // status, its header, what happens next and after how many seconds
    [404, {},                      "websocket", 0],
    [429, {},                      "chunked",   0.2],
    [503, { "Retry-After": "9" },  "chunked",   9],
  ];
  for (const [status, headers, next, after_s] of STATUSES) {
    test(`status ${status} leads to ${next} after ${after_s} s`, async () => {
      start({ order: ["chunked", "websocket"] });
      await network.pass(0);
      network.last.respond(status, headers);
      await network.pass(Math.max(0, after_s - 0.05));
      assert.equal(network.connections.length, after_s ? 1 : 2);
      await network.pass(0.1);
      assert.equal(network.last.transport, next);
      assert.equal(network.connections.length, 2);
    });
  }

  test("a refusal is waited out where pieces arrived before", async () => {
    start({ order: ["chunked", "websocket"] });
    await flow(network.last, 0, 1);
    network.last.finish();
    await network.pass(0.3);
    network.last.respond(404);
    await network.pass(1);
    assert.equal(network.last.transport, "chunked");
  });

  test("text that is not a piece is refused", async () => {
    const run = start({ order: ["chunked", "websocket"] });
    await network.pass(0);
    network.last.sendText("<html>\n");
    await network.pass(0.1);
    assert.equal(run.log.at(-1), "websocket: chunked HTTP sent something that is not a piece");
  });
});

describe("WebSocket", () => {
  test("a handshake that fails leads to the next transport at once", async () => {
    const run = start({ order: ["websocket", "polling"] });
    network.last.break();
    await network.pass(0);
    assert.equal(run.log.at(-1), "polling: WebSocket handshake failed");
  });

  test("a close without an end is resumed", async () => {
    const run = start({ order: ["websocket"] });
    await flow(network.last, 0, 1);
    network.last.break(1012);
    await network.pass(0.3);
    assert.equal(run.log.at(-1), "websocket: WebSocket closed with code 1012; resuming after piece 0");
    assert.match(network.last.address.href, /^wss:.*start=1/);
  });

  test("stop tells the server", async () => {
    const run = start({ order: ["websocket"] });
    await flow(network.last, 0, 1);
    run.stop();
    assert.deepEqual(network.last.sent, ["stop"]);
  });
});

describe("polling", () => {
  test("asks for one piece after the other, until the end", async () => {
    const run = start({ order: ["polling"], pollEveryS: 0.5 });
    for (let cnt = 0; cnt < 2; cnt += 1) {
      await network.pass(0);
      assert.equal(network.last.address.searchParams.get("cnt"), String(cnt));
      network.last.respond(200, {}, JSON.stringify({ message: "a", cnt, count: 2 }));
      await network.pass(0.4);
      assert.equal(network.connections.length, cnt + 1);
      await network.pass(0.1);
    }
    network.last.respond(400, {}, JSON.stringify({ error: "past the end", count: 2 }));
    await network.pass(0);
    assert.deepEqual(run.pieces, [0, 1]);
    assert.deepEqual(run.result, { ended: "complete", pieces: 2, transport: "polling", held: false });
  });

  test("a response with another piece is no progress", async () => {
    const run = start({ order: ["polling"] });
    await network.pass(0);
    network.last.respond(200, {}, JSON.stringify({ message: "a", cnt: 0, count: 9 }));
    await network.pass(0.1);
    network.last.respond(200, {}, JSON.stringify({ message: "a", cnt: 0, count: 9 }));
    await network.pass(0.1);
    assert.equal(run.log.at(-1), "polling: polling got a response without piece 1; resuming after piece 0");
  });
});
