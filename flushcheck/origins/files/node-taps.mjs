// Shows `flushcheck tap URL` what each layer of this Express or Connect app does with one streamed response.
//
// One file, no dependency: Node 18 or newer, Express 4 and 5, Connect. Write it beside the app, and add two lines:
//
//   import { install } from "./flushcheck-taps.mjs";          in CommonJS: import("./flushcheck-taps.mjs").then(
//   install(app);                                               ({ install }) => install(app))
//
//   flushcheck tap http://localhost:3000/chat --token TOKEN
//
// A request with the header X-Flushcheck-Tap and the token is noted: the moment and size of each chunk behind each
// layer, no content. For all others the app responds as if this file were not there; the look-up of that header is all
// that it costs. Layers that are added later are seen too.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const TOKEN = "@@TOKEN@@"; // 16 or more of A-Z a-z 0-9 - _; nothing is noted until it is set
const UNTIL = "@@UNTIL@@"; // YYYY-MM-DD, the last day (UTC) on which requests are noted

const KEPT_MS = 60_000;
const MAX_IDS = 16; // requests that are noted at once, and notes that wait
const MAX_PLACES = 50;
const MAX_CHUNKS = 2000; // of one place ...
const MAX_ALL_CHUNKS = 20_000; // ... and of all
const MAX_BLOCKS = 200;
const MAX_TEXT = 200; // characters of a name or a header
const BEAT_MS = 20; // so often the event loop is asked whether it runs, ...
const LATE_MS = 50; // ... and noted if it comes so much too late
const OWN = new Set(["query", "expressInit"]); // what Express 4 puts in front of every app

const running = new Map(); // id -> notes
const done = new Map(); // id -> [when, JSON]
const tapped = new WeakMap(); // a request that is noted -> its notes
const wrapped = new WeakSet(); // functions that already tell where they are

/** Put taps into an app; returns it. */
export function install(app) {
  if (!/^[\w-]{16,}$/.test(TOKEN) || !/^\d{4}-\d\d-\d\d$/.test(UNTIL)) return app;
  const handle = app.handle;
  app.handle = function tapsOrNot(request, response, ...rest) {
    const id = request.headers["x-flushcheck-tap"];
    if (id === undefined || !allowed(request, id)) return handle.call(this, request, response, ...rest);
    delete request.headers["x-flushcheck-token"]; // what the app logs or shows has no secret of ours
    const query = new URLSearchParams((request.originalUrl ?? request.url).replace(/^[^?]*/, ""));
    if (query.get("fc") === "tap" && query.get("id") === id) return tell(response, id);
    const notes = begin(id);
    if (notes) {
      watch(app);
      tapped.set(request, notes);
      addTap(notes, response);
      response.once("close", () => end(id));
    }
    return handle.call(this, request, response, ...rest);
  };
  return app;
}

// --- Who may ask ---

function allowed(request, id) {
  // Always compared: how long that takes says nothing of the id.
  const right = same(String(request.headers["x-flushcheck-token"] ?? ""), TOKEN);
  return right && /^[0-9a-f]{16,64}$/.test(id) && new Date().toISOString().slice(0, 10) <= UNTIL;
}

/** Compare in a time that does not depend on how many characters are right. */
function same(given, expected) {
  let differences = given.length ^ expected.length;
  for (let at = 0; at < expected.length; at++) differences |= given.charCodeAt(at) ^ expected.charCodeAt(at);
  return differences === 0;
}

// --- The layers ---

/** Have each middleware of an app say when it calls the next one. Those that do already are left alone. */
function watch(app) {
  for (const layer of layersOf(app)) {
    const { handle } = layer;
    if (typeof handle !== "function" || wrapped.has(handle)) continue;
    if (Array.isArray(handle.stack)) {
      watch(handle); // a router
      continue;
    }
    if (handle.length > 3) continue; // it takes errors
    const name = layer.name || handle.name;
    layer.handle = function tell(request, response, next) {
      const notes = tapped.get(request);
      if (!notes || OWN.has(name)) return handle.call(this, request, response, next);
      return handle.call(this, request, response, function tellNext(...problem) {
        if (!problem.length) addTap(notes, response, { name, handle });
        return next.apply(this, problem);
      });
    };
    wrapped.add(layer.handle);
  }
}

/** The layers of an app, a router or a route: objects with a `handle`. */
function layersOf(app) {
  const router = app.stack ? app : (app._router ?? app.router); // Connect and routers, Express 4, Express 5
  return (router?.stack ?? []).flatMap((layer) => (layer.route?.stack ? layersOf(layer.route) : [layer]));
}

/** Note what passes here on its way from the layers behind to those in front. */
function addTap(notes, response, layer = { name: "" }) {
  if (notes.taps.length >= MAX_PLACES) return;
  const place = { chunks: [], leftOut: 0, encoding: "", length: "" };
  notes.taps.push({ layer, place });
  for (const name of ["write", "end"]) {
    const before = response[name];
    response[name] = function tap(chunk, encoding, ...rest) {
      const size = sizeOf(chunk, encoding);
      if (size) note(notes, place, response, size);
      return before.call(this, chunk, encoding, ...rest);
    };
  }
}

function sizeOf(chunk, encoding) {
  if (typeof chunk === "string") return Buffer.byteLength(chunk, typeof encoding === "string" ? encoding : "utf8");
  return chunk?.byteLength ?? 0; // a function, or nothing
}

function note(notes, place, response, size) {
  if (place.chunks.length >= MAX_CHUNKS || notes.all >= MAX_ALL_CHUNKS) {
    place.leftOut++;
    return;
  }
  if (!place.chunks.length) {
    const header = (name) => String(response.getHeader(name) ?? "").slice(0, MAX_TEXT);
    place.encoding = header("content-encoding");
    place.length = header("content-length");
  }
  notes.all++;
  place.chunks.push([seconds(notes), size]);
}

// --- The notes ---

const seconds = (notes) => rounded((performance.now() - notes.began) / 1000);
const rounded = (value) => Math.round(value * 1e4) / 1e4;

function begin(id) {
  forget();
  if (running.has(id) || done.has(id) || running.size >= MAX_IDS) return null;
  const notes = { began: performance.now(), taps: [], all: 0, blocks: [] };
  let before = performance.now();
  notes.beat = setInterval(() => {
    const now = performance.now();
    const late = now - before - BEAT_MS;
    if (late >= LATE_MS && notes.blocks.length < MAX_BLOCKS) {
      notes.blocks.push([rounded((before - notes.began) / 1000), rounded(late / 1000)]);
    }
    before = now;
  }, BEAT_MS);
  notes.beat.unref();
  running.set(id, notes);
  return notes;
}

function end(id) {
  const notes = running.get(id);
  running.delete(id);
  clearInterval(notes.beat);
  notes.ended = seconds(notes);
  done.set(id, [Date.now(), JSON.stringify(written(notes))]);
  forget();
}

function forget() {
  for (const [id, [when]] of done) {
    if (Date.now() - when > KEPT_MS || done.size > MAX_IDS) done.delete(id);
  }
}

function tell(response, id) {
  forget();
  const [, text] = done.get(id) ?? [0, running.has(id) ? JSON.stringify(written(running.get(id))) : ""];
  done.delete(id);
  const body = text || '{"error":"no notes of this id in this process"}';
  response.writeHead(text ? 200 : 404, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(body);
}

/** The notes as docs/protocol.md has them: from the view outwards, each place with what its layer passed on. */
function written(notes) {
  const places = notes.taps.map(({ place }, index) => {
    const inner = notes.taps[index + 1]?.layer; // the layer from which the chunks come
    const { layer, version } = inner ? packageOf(inner) : { layer: "", version: "" };
    return {
      name: (inner ? inner.name || "anonymous" : "view").slice(0, MAX_TEXT),
      layer,
      version,
      content_encoding: place.encoding,
      content_length: place.length,
      chunks: place.chunks,
      truncated: place.leftOut > 0,
      left_out: place.leftOut,
    };
  });
  const { ended = null, blocks } = notes;
  const server = `Node/${process.versions.node}`;
  return { protocol: "node", server, ended_s: ended, loop_blocked: blocks, places: places.reverse() };
}

/** The package that a layer is, and its version: only where its code stands in that package. */
function packageOf({ name, handle }) {
  const unknown = { layer: "", version: "" };
  if (!/^[a-z][a-z0-9-]{0,80}$/.test(name)) return unknown;
  try {
    const require = createRequire(process.argv[1] ?? `${process.cwd()}/`);
    if (!readFileSync(require.resolve(name), "utf8").includes(handle.toString())) return unknown;
    return { layer: name, version: String(require(`${name}/package.json`).version).slice(0, MAX_TEXT) };
  } catch {
    return unknown; // of the app, or bundled
  }
}
