// One probe makes one observation (flushcheck/model/observation.py). Whatever the server does is an outcome, never an
// exception. Runs in a worker: there, neither drawing nor a hidden tab delays the clock.

import { readChunked, readEvents, refusal } from "./read-fetch.js";
import { pollAddress, readPolling } from "./read-polling.js";
import { readWebSocket } from "./read-websocket.js";
import { since } from "./streams.js";

/** @import { Arrival, Bounds, Header, Listener, Observation, Outcome, PlannedProbe, RequestAtApp, StreamEnd, StreamResult } from "./types.d.ts" */

const TICK_MS = 20;
const TIMING_WITHIN_MS = 1000; // for the browser to record a request's own times; a busy machine needed 100 ms
const MAX_TIMINGS = 5000;

// The longest time between two ticks shows how long this worker could not run.
let lastTick = performance.now();
/** @type {[moment: number, milliseconds: number][]} */
const stalls = [];
setInterval(() => {
  const now = performance.now();
  if (now - lastTick > 2 * TICK_MS) stalls.push([now, now - lastTick - TICK_MS]);
  if (stalls.length > 1000) stalls.shift();
  lastTick = now;
}, TICK_MS);

// A page must not set Accept-Encoding, but the browser itself sends "identity" when it requests a range: "If httpRequest's
// header list contains `Range`, then append (`Accept-Encoding`, `identity`)" (Fetch standard, HTTP-network-or-cache fetch).
// A stream has no length, so servers ignore the range. The service reports the header that reached it; that is checked.
const WITHOUT_ENCODINGS = { Range: "bytes=0-" };

const READERS = { polling: readPolling, chunked: readChunked, events: readEvents, websocket: readWebSocket };

/** Make one probe.
 * @param {PlannedProbe} planned as POST /diagnostics/plan returns it
 * @param {string} root the service's address, with a slash at its end
 * @param {{timeout_s: number, bounds: Bounds}} options
 * @returns {Promise<Observation | null>} null if this browser cannot make the probe */
export async function observe(planned, root, { timeout_s, bounds }) {
  const { probe } = planned;
  const polling = probe.transport === "polling";
  const url = new URL(planned.path.slice(1) + Math.random().toString(36).slice(2, 12), root).href;
  performance.setResourceTimingBufferSize?.(MAX_TIMINGS);
  const capture = new Capture(bounds);
  const timer = setTimeout(() => capture.control.abort(), timeout_s * 1000);
  const result = await READERS[probe.transport](url, {
    listener: capture,
    signal: capture.control.signal,
    began: capture.began,
    interval_s: planned.interval_s,
    maxPendingBytes: bounds.max_pending_bytes,
    headers: probe.variant === "identity" ? WITHOUT_ENCODINGS : {},
  });
  if (probe.transport === "websocket" && result.ended === "refused") await requestPlainly(url, capture, result);
  clearTimeout(timer);
  const request_at_app = knownFields(capture.request_at_app ?? result.request_at_app);
  if (probe.variant === "identity" && capture.request_at_app && request_at_app?.accept_encoding !== "identity")
    return null;
  const ended_s = since(capture.began);
  const { outcome, detail } = conclude(result, capture, { timeout_s, count: planned.count });
  const last = polling ? pollAddress(url, Math.max(0, capture.pieces - 1)) : url;
  if (capture.status && probe.transport !== "websocket") await timingRecorded(last);
  const timing = timingOf(polling ? pollAddress(url, 0) : url);
  // A request may wait for a free connection before it is sent. Time counts from the moment it was sent.
  const queued_s = timing?.requestStart && !polling ? Math.max(0, (timing.requestStart - capture.began) / 1000) : 0;
  if (polling) capture.countFromRequests(url);
  return {
    probe,
    outcome,
    detail,
    status: capture.status,
    http_version: httpVersion(timing?.nextHopProtocol),
    headers: capture.headers,
    connect_s: round(timing ? Math.max(0, timing.connectEnd - timing.connectStart) / 1000 : 0),
    headers_s: round(Math.max(0, capture.headers_s - queued_s)),
    ended_s: round(Math.max(0, ended_s - queued_s)),
    stall_s: round(longestStall(capture.began)),
    arrivals: capture.arrivals.map((arrival) => ({ ...arrival, at_s: round(Math.max(0, arrival.at_s - queued_s)) })),
    end: endRecord(capture.end),
    request_at_app,
  };
}

/** Collects what happens to one stream.
 * @implements {Listener} */
class Capture {
  began = performance.now();
  control = new AbortController();
  status = 0;
  headers_s = 0;
  /** @type {Header[]} */
  headers = [];
  /** @type {Arrival[]} */
  arrivals = [];
  /** @type {StreamEnd | null} */
  end = null;
  /** @type {unknown} */
  request_at_app = null;
  pieces = 0;
  flood = false; // more reads arrived than a stream of the service can cause
  #bounds;

  /** @param {Bounds} bounds */
  constructor(bounds) {
    this.#bounds = bounds;
  }

  /** @param {{status: number, headers: Header[]}} response */
  opened({ status, headers }) {
    this.status = status;
    this.headers_s = since(this.began);
    const { max_headers, max_header_chars } = this.#bounds;
    this.headers = headers
      .slice(0, max_headers)
      .map(([name, value]) => [name.toLowerCase().slice(0, 100), printable(value).slice(0, max_header_chars)]);
  }

  /** @param {number} bytes */
  read(bytes) {
    this.flood ||= this.arrivals.length >= this.#bounds.max_arrivals;
    if (this.flood) return this.control.abort();
    // A browser does not report compressed sizes: both numbers are the size of the text.
    this.arrivals.push({ at_s: since(this.began), size_bytes: bytes, text_bytes: bytes, pieces: [] });
  }

  /** @type {NonNullable<Listener["record"]>} */
  record({ piece, end }, sent_s = 0) {
    if (this.flood) return;
    if (end) {
      this.end = end;
      this.request_at_app = end.request_at_app;
    }
    if (piece) {
      this.pieces += 1;
      this.arrivals.at(-1)?.pieces.push({ seq: piece.seq, sent_s: round(sent_s) });
    }
  }

  /** Polls: count from the moment a request was sent, so that the time to connect is no delay.
   * @param {string} url */
  countFromRequests(url) {
    for (const piece of this.arrivals.flatMap(({ pieces }) => pieces)) {
      const sent = timingOf(pollAddress(url, piece.seq))?.requestStart;
      if (sent) piece.sent_s = round((sent - this.began) / 1000);
    }
  }
}

/** The browser's own times of a request.
 * @param {string} url */
function timingOf(url) {
  const [entry] = performance.getEntriesByName(url);
  return entry instanceof PerformanceResourceTiming ? entry : undefined;
}

/** Wait until the browser has recorded the times of a request: that happens some time after the response's last byte.
 * @param {string} url
 * @returns {Promise<void>} */
function timingRecorded(url) {
  if (timingOf(url)) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      observer.disconnect();
      clearTimeout(timer);
      resolve();
    };
    const look = () => {
      if (timingOf(url)) finish();
    };
    const observer = new PerformanceObserver(look);
    const timer = setTimeout(finish, TIMING_WITHIN_MS);
    observer.observe({ type: "resource" });
    look();
  });
}

/** Browsers hide why a handshake failed. A plain request to the same address shows at least whether the service is reached.
 * @param {string} url
 * @param {Capture} capture
 * @param {StreamResult} result gets the sentence */
async function requestPlainly(url, capture, result) {
  try {
    // A plain GET carries no Origin header; the service checks this one as it checked the handshake's.
    const headers = { "X-Page-Origin": location.origin };
    const response = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(3000) });
    const { detail, request_at_app } = await refusal(response);
    capture.status = response.status;
    capture.request_at_app = request_at_app;
    // The service refuses every request that is no handshake. Such a refusal shows only that the service was reached.
    const reached = request_at_app && response.status !== 403;
    result.detail += reached
      ? "; a plain request to the same address reaches the app"
      : `; a plain request to the same address: ${detail}`;
  } catch {
    result.detail += "; a plain request to the same address got no response";
  }
}

/** The outcome as the model names it.
 * @param {StreamResult} result
 * @param {Capture} capture
 * @param {{timeout_s: number, count: number}} options
 * @returns {{outcome: Outcome, detail: string}} */
function conclude({ ended, detail }, { flood, pieces }, { timeout_s, count }) {
  const text = printable(detail).slice(0, 400);
  if (ended === "foreign" || flood) {
    return { outcome: pieces ? "cut" : "refused", detail: text || "more data than a stream of this service can have" };
  }
  if (ended === "stopped") {
    return { outcome: "timeout", detail: `${pieces} of ${count} pieces arrived within ${timeout_s.toFixed(1)} s` };
  }
  return { outcome: ended, detail: text };
}

/** @param {StreamEnd | null} end */
function endRecord(end) {
  if (end?.count == null || !Number.isSafeInteger(end.count)) return null;
  const request_at_app = knownFields(end.request_at_app);
  return { count: end.count, at_s: round(end.at_s ?? 0), ...(request_at_app && { request_at_app }) };
}

/** Only the fields that the model knows, each of its type: the service refuses a run with any other value in it.
 * @param {any} value from the response of a server that may be no flushcheck service
 * @returns {RequestAtApp | null} */
function knownFields(value) {
  if (value === null || typeof value !== "object") return null;
  /** @param {string} name */
  const text = (name) => (typeof value[name] === "string" ? value[name].slice(0, 200) : "");
  /** @param {string} name */
  const number = (name) => (Number.isSafeInteger(value[name]) ? value[name] : 0);
  const names = Array.isArray(value.forwarded) ? value.forwarded : [];
  return {
    protocol: text("protocol"),
    gateway: text("gateway"),
    server: text("server"),
    connection: text("connection"),
    upgrade: text("upgrade"),
    websocket_key: value.websocket_key === true,
    accept_encoding: text("accept_encoding"),
    via: text("via"),
    forwarded: names.filter((/** @type {unknown} */ name) => typeof name === "string").slice(0, 20),
    forwarded_hops: number("forwarded_hops"),
    concurrent: number("concurrent"),
  };
}

/** The longest time this worker could not run since a moment, in seconds.
 * @param {number} began */
function longestStall(began) {
  return stalls.reduce((longest, [moment, ms]) => (moment > began ? Math.max(longest, ms / 1000) : longest), 0);
}

/** @type {Record<string, string>} */
const HTTP_VERSIONS = { "http/1.0": "1.0", "http/1.1": "1.1", h2: "2", h3: "3" };

/** @param {string} [protocol] as in PerformanceResourceTiming.nextHopProtocol */
const httpVersion = (protocol = "") => HTTP_VERSIONS[protocol] ?? "";

/** @param {number} seconds */
const round = (seconds) => Math.round(seconds * 1e5) / 1e5;

/** Text without control characters and half surrogates.
 * @param {string} text */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const printable = (text) => text.replace(/[\x00-\x1f\x7f\ud800-\udfff]/gu, "\ufffd");
