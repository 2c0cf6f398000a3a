// One Probe, one Observation, as flushcheck/model/observation.py has it. Runs in a worker, where neither drawing nor a hidden
// tab keeps the clock from being read; whatever the far side does is an outcome, never an exception.

import { readChunked, readEvents, readPolling, readWebSocket, refusal, since } from "./streams.js";

const MAX_HEADERS = 100;
const MAX_VALUE = 500;
const MAX_ARRIVALS = 4000; // as in flushcheck/prober/observation_builder.py
const TICK_MS = 20;
const TIMED_WITHIN_MS = 1000; // that the browser takes to write down a request's own times; a busy machine took 100

let lastTick = performance.now();
const stalls = []; // [moment, milliseconds]
setInterval(() => {
  const now = performance.now();
  if (now - lastTick > 2 * TICK_MS) stalls.push([now, now - lastTick - TICK_MS]);
  if (stalls.length > 1000) stalls.shift();
  lastTick = now;
}, TICK_MS);

const round = (seconds) => Math.round(seconds * 1e5) / 1e5;

// A page must not set Accept-Encoding, but the browser itself says "identity" where it asks for a range: "If httpRequest's
// header list contains `Range`, then append (`Accept-Encoding`, `identity`)" (Fetch standard, HTTP-network-or-cache fetch).
// A stream has no length, so nobody answers with a part of it; what reached the service comes back in-band, and is checked.
const WITHOUT_ENCODINGS = { Range: "bytes=0-" };

/**
 * Make one Probe. Resolves with its Observation; with null where this browser cannot make it.
 * @param asked as POST /diagnostics/plan gives it; @param root the service's address, with a slash at its end.
 */
export async function observe(asked, root, { timeout_s }) {
  const { probe } = asked;
  const nonce = Math.random().toString(36).slice(2, 12);
  const url = new URL(asked.path.slice(1) + nonce, root).href;
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), timeout_s * 1000);
  performance.setResourceTimingBufferSize?.(5000);
  const seen = { status: 0, headers: [], headers_s: 0, arrivals: [], end: null, request_at_app: null, outcome: "", detail: "" };
  const began = performance.now();
  let flood = false;
  const listener = {
    opened({ status, headers }) {
      seen.status = status;
      seen.headers_s = since(began);
      seen.headers = headers
        .slice(0, MAX_HEADERS)
        .map(([name, value]) => [name.toLowerCase().slice(0, 100), printable(value).slice(0, MAX_VALUE)]);
    },
    read({ bytes }) {
      flood ||= seen.arrivals.length >= MAX_ARRIVALS;
      if (flood) return control.abort();
      // A browser does not tell compressed bytes: both sizes are those of the text.
      seen.arrivals.push({ at_s: since(began), size_bytes: bytes, text_bytes: bytes, pieces: [] });
    },
    record(record, { sent_s }) {
      if (flood) return;
      if (record.end) {
        seen.end = record.end;
        seen.request_at_app = record.end.request_at_app;
      } else {
        seen.arrivals.at(-1).pieces.push({ seq: record.piece.seq, sent_s: round(sent_s) });
      }
    },
  };
  const options = { listener, signal: control.signal, began, interval_s: asked.interval_s, nonce: true };
  if (probe.variant === "identity") options.headers = WITHOUT_ENCODINGS;
  const read = { polling: readPolling, chunked: readChunked, events: readEvents, websocket: readWebSocket };
  const result = await read[probe.transport](url, options);
  if (probe.transport === "websocket" && result.ended === "refused") await askPlainly(url, seen, result);
  clearTimeout(timer);
  if (probe.variant === "identity" && seen.request_at_app && seen.request_at_app.accept_encoding !== "identity") return null;
  const ended_s = since(began);
  const pieces = seen.arrivals.reduce((sum, arrival) => sum + arrival.pieces.length, 0);
  conclude(seen, result, { flood, timeout_s, pieces, count: asked.count });
  const polled = (seq) => `${url}-${seq}&cnt=${seq}`;
  const last = probe.transport === "polling" ? polled(Math.max(0, pieces - 1)) : url;
  if (seen.status && probe.transport !== "websocket") await timed(last);
  const timing = times(probe.transport === "polling" ? polled(0) : url);
  // Queued behind other connections is not under way: time counts from the moment the request was sent.
  const waited_s = timing?.requestStart ? Math.max(0, (timing.requestStart - began) / 1000) : 0;
  const shift = probe.transport === "polling" ? 0 : waited_s;
  if (probe.transport === "polling") {
    for (const piece of seen.arrivals.flatMap(({ pieces }) => pieces)) {
      const sent = times(polled(piece.seq))?.requestStart;
      if (sent) piece.sent_s = round((sent - began) / 1000); // connecting is not under way either
    }
  }
  return {
    probe,
    outcome: seen.outcome,
    detail: seen.detail,
    status: seen.status,
    http_version: version(timing?.nextHopProtocol),
    headers: seen.headers,
    connect_s: round(timing ? Math.max(0, timing.connectEnd - timing.connectStart) / 1000 : 0),
    headers_s: round(Math.max(0, seen.headers_s - shift)),
    ended_s: round(Math.max(0, ended_s - shift)),
    stall_s: round(stalled(began)),
    arrivals: seen.arrivals.map((arrival) => ({ ...arrival, at_s: round(Math.max(0, arrival.at_s - shift)) })),
    end: seen.end && Number.isSafeInteger(seen.end.count)
      ? { count: seen.end.count, at_s: round(seen.end.at_s), ...(requestAtApp(seen.end.request_at_app) && { request_at_app: requestAtApp(seen.end.request_at_app) }) }
      : null,
    request_at_app: requestAtApp(seen.request_at_app ?? result.request_at_app),
  };
}

const times = (url) => performance.getEntriesByName(url)[0];

/** Wait until the browser has written down what it knows of a request: it does so some time after the answer's last byte. */
function timed(url) {
  if (times(url)) return null;
  return new Promise((resolve) => {
    const look = () => {
      if (!times(url)) return;
      observer.disconnect();
      clearTimeout(timer);
      resolve();
    };
    const observer = new PerformanceObserver(look);
    const timer = setTimeout(() => (observer.disconnect(), resolve()), TIMED_WITHIN_MS);
    observer.observe({ type: "resource" });
    look();
  });
}

/** A browser hides why a handshake failed: the same address, asked plainly, says at least what reaches the service. */
async function askPlainly(url, seen, result) {
  try {
    // A plain GET carries no Origin; the service judges this one as it did the handshake's.
    const headers = { "X-Page-Origin": location.origin };
    const response = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(3000) });
    const { detail, request_at_app: found } = await refusal(response);
    seen.status = response.status;
    seen.request_at_app = found;
    // The service itself can but refuse what is no handshake: that it does says only that it was reached.
    const reached = found && response.status !== 403;
    result.detail += reached ? "; a plain request to the same address reaches the app" : `; a plain request to the same address: ${detail}`;
  } catch {
    result.detail += "; nor was a plain request to the same address answered";
  }
}

function conclude(seen, { ended, detail }, { flood, timeout_s, pieces, count }) {
  const outcome = { complete: "complete", cut: "cut", refused: "refused", unreachable: "unreachable" }[ended];
  seen.detail = printable(detail).slice(0, 400);
  if (ended === "foreign" || flood) {
    seen.outcome = pieces ? "cut" : "refused";
    seen.detail ||= "more came than a stream of ours can send";
  } else if (ended === "stopped") {
    seen.outcome = "timeout";
    seen.detail = `${pieces} of ${count} pieces came within ${timeout_s.toFixed(1)} s`;
  } else {
    seen.outcome = outcome;
  }
}

function stalled(began) {
  return stalls.reduce((most, [moment, ms]) => (moment > began ? Math.max(most, ms / 1000) : most), 0);
}

const version = (protocol) => ({ "http/1.0": "1.0", "http/1.1": "1.1", h2: "2", h3: "3" })[protocol] ?? "";

/** Only fields that the model knows, each of its type: a stranger's answer must not make the whole run unreadable. */
function requestAtApp(value) {
  if (value === null || typeof value !== "object") return null;
  const text = (name) => (typeof value[name] === "string" ? value[name].slice(0, 200) : "");
  const number = (name) => (Number.isSafeInteger(value[name]) ? value[name] : 0);
  return {
    protocol: text("protocol"), gateway: text("gateway"), server: text("server"), connection: text("connection"),
    upgrade: text("upgrade"), websocket_key: value.websocket_key === true, accept_encoding: text("accept_encoding"),
    via: text("via"),
    forwarded: Array.isArray(value.forwarded) ? value.forwarded.filter((one) => typeof one === "string").slice(0, 20) : [],
    forwarded_hops: number("forwarded_hops"), concurrent: number("concurrent"),
  };
}

const printable = (text) => String(text ?? "").replace(/[\x00-\x1f\x7f\ud800-\udfff]/gu, "\ufffd");
