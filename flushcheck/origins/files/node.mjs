// Lets `flushcheck diagnose https://host/flushcheck` measure how streams leave this JavaScript app.
//
// One file, no dependency: Node 18 or newer (by itself 20.16), Bun, Deno, workers. It responds only to requests that carry
// the token, and only until the date below; for all others the app responds as if this file were not there. It speaks
// flushcheck's origin protocol, version 1.
//
//   Express, Connect   app.use(middleware)                      import { middleware } from "./flushcheck.mjs"
//   node:http          http.createServer(middleware)
//   Next.js            app/flushcheck/route.js:                 export { GET } from "../../flushcheck.mjs"
//                                                               export const dynamic = "force-dynamic"
//   Hono               app.use(async (c, next) => (await respond(c.req.raw)) ?? next())
//   Bun, Deno, workers export default flushcheck                import flushcheck from "./flushcheck.mjs"
//   nothing yet        node flushcheck.mjs 8000
//
// Where a framework has layers (compression, logging), mount it where the streams of the app are mounted: behind them.

const TOKEN = "@@TOKEN@@"; // 16 or more of A-Z a-z 0-9 - _; nothing is served until it is set
const UNTIL = "@@UNTIL@@"; // YYYY-MM-DD, the last day (UTC) on which it responds
const MAX_STREAMS = 64; // requests that this host serves at once; a diagnosis takes no more than that

const MAX_DURATION_S = 310;
const MAX_BYTES = 1048576;
const UTF8 = "; charset=utf-8";
const TRANSPORTS = {
  chunked: `text/plain${UTF8}`,
  events: `text/event-stream${UTF8}`,
  polling: "application/json",
};
const TYPES = [
  "text/plain",
  "text/event-stream",
  "application/json",
  "application/x-ndjson",
  "application/octet-stream",
];
const PARAMS = ["pad", "xab", "cache", "nosniff", "type", "delay"];
const FORWARDING = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-server",
  "x-host",
  "x-real-ip",
];
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/** A request that this file refuses; the message repeats nothing of it. */
class BadRequest extends Error {}

let streams = 0; // open in this process

// --- The parameters ---

function one(query, name, absent) {
  const values = query.getAll(name);
  if (values.length > 1) throw new BadRequest(`${name}: expected once`);
  return values[0] ?? absent;
}

function number(query, name, absent, low, high, pattern = /^(\d+\.?\d*|\.\d+)$/) {
  const raw = one(query, name, absent);
  if (raw.length > 12 || !pattern.test(raw) || Number(raw) < low || Number(raw) > high) {
    throw new BadRequest(`${name}: expected ${low} to ${high}`);
  }
  return Number(raw);
}

const whole = (query, name, absent, low, high) => number(query, name, absent, low, high, /^\d+$/);

function choice(query, name, absent, choices) {
  const value = one(query, name, absent);
  if (!choices.includes(value)) throw new BadRequest(`${name}: expected one of ${choices.join(", ")}`);
  return value;
}

/** The parameters of a stream, all within bounds. */
function parameters(query, transport) {
  const count = whole(query, "count", "20", 1, 1000);
  const interval = number(query, "interval", "0.1", 0, 300);
  const size = whole(query, "size", "16", 1, 65536);
  const stream = {
    transport,
    count,
    interval,
    size,
    jitter: number(query, "jitter", "0", 0, interval),
    spread: whole(query, "spread", "0", 0, 2 * (size - 1)),
    pad: whole(query, "pad", "0", 0, 65536),
    delay: number(query, "delay", "0", 0, 30),
    cnt: one(query, "cnt", "0"),
    headers: { "Content-Type": TRANSPORTS[transport] },
  };
  if (query.has("type")) stream.headers["Content-Type"] = choice(query, "type", "", TYPES) + UTF8;
  const on = (name) => choice(query, name, "0", ["0", "1"]) === "1";
  if (on("xab")) stream.headers["X-Accel-Buffering"] = "no";
  if (on("cache")) stream.headers["Cache-Control"] = "no-cache, no-transform";
  if (on("nosniff")) stream.headers["X-Content-Type-Options"] = "nosniff";
  const largest = size + stream.spread / 2;
  if (largest > 65536) throw new BadRequest("size: expected, with half of spread, at most 65536");
  if (transport === "polling") return stream;
  if (stream.delay + (count - 1) * interval + stream.jitter > MAX_DURATION_S) {
    throw new BadRequest(`interval: expected a stream of at most ${MAX_DURATION_S} seconds`);
  }
  if (stream.pad + count * largest > MAX_BYTES) {
    throw new BadRequest(`size: expected a stream of at most ${MAX_BYTES} bytes`);
  }
  return stream;
}

// --- What is sent ---

const json = (value) =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

function program() {
  const { Bun, Deno, process, navigator } = globalThis;
  if (Bun) return `Bun/${Bun.version}`;
  if (Deno) return `Deno/${Deno.version.deno}`;
  return process?.versions?.node ? `Node/${process.versions.node}` : (navigator?.userAgent ?? "JavaScript");
}

/** What arrived here of this request: the last hop's protocol, and what proxies added. */
function requestAtApp(header, protocol) {
  const value = (name) => String(header(name) ?? "").slice(0, 200);
  const addresses = header("x-forwarded-for");
  return {
    protocol,
    server: program(),
    connection: value("connection"),
    upgrade: value("upgrade"),
    accept_encoding: value("accept-encoding"),
    via: value("via"),
    websocket_key: Boolean(header("sec-websocket-key")),
    forwarded: FORWARDING.filter((name) => header(name)),
    forwarded_hops: addresses ? String(addresses).split(",").length : 0,
    concurrent: streams,
  };
}

/** One piece's text: random letters, which no compressor makes small. */
function textOf({ size, spread }) {
  const low = Math.ceil(size - spread / 2);
  const high = Math.floor(size + spread / 2);
  let text = "";
  for (let left = low + Math.floor(Math.random() * (high - low + 1)); left > 0; left--) {
    text += LETTERS[Math.floor(Math.random() * LETTERS.length)];
  }
  return text;
}

const now = () => performance.now() / 1000;
const rounded = (seconds) => Math.round(seconds * 1e6) / 1e6;

/** Each write of a stream, and the moment at which it is due, in seconds since the request. */
function* writes(stream, atApp) {
  const { transport, count, interval, jitter, pad, delay } = stream;
  const events = transport === "events";
  const began = now();
  if (pad) yield [0, () => `${events ? ":" : ""}${" ".repeat(pad)}\n\n`];
  for (let seq = 0; seq < count; seq++) {
    const delta = textOf(stream);
    yield [
      delay + seq * interval + Math.random() * jitter,
      () => {
        const record = json({ seq, at_s: rounded(now() - began), delta });
        return events ? `id: ${seq}\nevent: delta\ndata: ${record}\n\n` : `${record}\n`;
      },
    ];
  }
  const end = () => json({ end: "done", count, at_s: rounded(now() - began), request_at_app: atApp });
  yield [0, () => (events ? `event: done\ndata: ${end()}\n\n` : `${end()}\n`)];
}

/** A poll's response. */
function poll(stream, atApp) {
  const { cnt, count, pad, headers } = stream;
  if (!/^\d{1,12}$/.test(cnt) || Number(cnt) >= count) {
    return { status: 400, headers, body: { error: `cnt: expected 0 to ${count - 1}`, count, request_at_app: atApp } };
  }
  return { status: 200, headers, pad, body: { message: textOf(stream), cnt: Number(cnt), count } };
}

/** Compare in a time that does not depend on how many characters are right. */
function same(given, expected) {
  let differences = given.length ^ expected.length;
  for (let at = 0; at < expected.length; at++) differences |= given.charCodeAt(at) ^ expected.charCodeAt(at);
  return differences === 0;
}

/**
 * The response to a request: `stream`, or a `body` to write as JSON. null: this request is not for this file.
 *
 * @param header returns the value of a request header, by its name in lower case
 * @param layers of the app around this place, from the outermost
 */
function answer(method, query, header, protocol, layers = []) {
  if (method !== "GET" || !query.has("fc")) return null;
  const today = new Date().toISOString().slice(0, 10);
  const set = /^[\w-]{16,}$/.test(TOKEN) && /^\d{4}-\d\d-\d\d$/.test(UNTIL);
  if (!same(String(header("x-flushcheck-token") ?? query.get("k") ?? ""), TOKEN) || !set || today > UNTIL) return null;
  const headers = { "Content-Type": "application/json" };
  const atApp = requestAtApp(header, protocol);
  try {
    const wanted = choice(query, "fc", "", ["1", ...Object.keys(TRANSPORTS)]);
    if (wanted === "1") {
      const max = { streams: MAX_STREAMS, duration_s: MAX_DURATION_S, bytes: MAX_BYTES };
      const offered = { transports: Object.keys(TRANSPORTS), params: PARAMS, max, until: UNTIL, layers };
      return {
        status: 200,
        headers: { ...headers, "Cache-Control": "no-store" },
        body: { flushcheck: 1, origin: program(), ...offered },
      };
    }
    const stream = parameters(query, wanted);
    if (wanted === "polling") return poll(stream, atApp);
    if (streams >= MAX_STREAMS) {
      const error = `expected at most ${MAX_STREAMS} streams at once`;
      return { status: 503, headers: { ...headers, "Retry-After": "1" }, body: { error, request_at_app: atApp } };
    }
    return { status: 200, headers: stream.headers, stream, atApp };
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    return { status: 400, headers, body: { error: error.message, request_at_app: atApp } };
  }
}

const bodyOf = ({ body, pad = 0 }) => `${" ".repeat(pad)}${json(body)}\n`;

/** Each write at its moment, until the end or until `signal` says that the reader has left. */
async function* paced({ stream, atApp }, signal) {
  const began = now();
  streams++;
  let open = true;
  const close = () => {
    if (open) streams--;
    open = false;
  };
  try {
    atApp.concurrent = streams;
    let left = stream.count + (stream.pad ? 1 : 0); // writes before the end record
    for (const [due, write] of writes(stream, atApp)) {
      const wait_s = began + due - now();
      if (wait_s > 0) await sleep(wait_s, signal);
      if (signal.aborted) return;
      if (left-- === 0) close();
      yield write();
    }
  } finally {
    close();
  }
}

function sleep(seconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.ceil(seconds * 1000));
    signal.addEventListener("abort", done);
  });
}

// --- The ways in ---

/** The names of the layers in front of this place in an Express app, from the outermost; none elsewhere. */
function layersAround({ app, baseUrl }) {
  const stack = (app?._router ?? app?.router)?.stack ?? [];
  const at = stack.findIndex((layer) => layer.handle === middleware && layer.match(baseUrl || "/"));
  const names = stack.slice(0, Math.max(0, at)).filter(({ handle, route }) => handle !== middleware && !route);
  return names.map(({ name }) => String(name).slice(0, 200)).slice(-50);
}

/** node:http, Express, Connect: `http.createServer(middleware)` or `app.use(middleware)`. */
export async function middleware(request, response, next) {
  const query = new URLSearchParams(request.url.replace(/^[^?]*/, ""));
  const protocol = `HTTP/${request.httpVersion}`;
  const reply = answer(request.method, query, (name) => request.headers[name], protocol, layersAround(request));
  if (reply === null) {
    if (next) return next();
    response.writeHead(404).end();
    return;
  }
  response.writeHead(reply.status, reply.headers);
  if (!reply.stream) {
    response.end(bodyOf(reply));
    return;
  }
  const left = new AbortController();
  response.on("close", () => left.abort());
  for await (const data of paced(reply, left.signal)) {
    // A reader that is slower than the stream: wait for it, as pipe() does.
    if (!response.write(data) && !left.signal.aborted) {
      await new Promise((resolve) => {
        response.once("drain", resolve);
        response.once("close", resolve);
      });
    }
  }
  response.end();
}

/** Web-standard: the Response to a Request, or null where it is for the app. Next.js, Hono, Bun, Deno, workers. */
export async function respond(request) {
  const query = new URL(request.url).searchParams;
  const reply = answer(request.method, query, (name) => request.headers.get(name), request.cf?.httpProtocol ?? "");
  if (reply === null) return null;
  if (!reply.stream) return new Response(bodyOf(reply), reply);
  const left = new AbortController();
  const chunks = paced(reply, left.signal);
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel() {
      left.abort();
      return chunks.return();
    },
  });
  return new Response(body, reply);
}

/** A route of its own, for Next.js and others: status 404 where the request is not for this file. */
export async function GET(request) {
  return (await respond(request)) ?? new Response(null, { status: 404 });
}

/** Bun, Deno and workers serve this object as it is. */
export default { fetch: GET };

// `node flushcheck.mjs 8000`: a server of its own, on the loopback. Without an import, which no bundler has to resolve.
const [, script, port = "8000"] = globalThis.Bun || globalThis.Deno ? [] : (globalThis.process?.argv ?? []);
if (script && import.meta.url?.endsWith(encodeURI(script.replaceAll("\\", "/")))) {
  process.getBuiltinModule("node:http").createServer(middleware).listen(Number(port), "127.0.0.1");
}
