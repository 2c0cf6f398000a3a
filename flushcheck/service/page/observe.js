// One probe makes one observation (flushcheck/model/observation.py). Whatever the server does is an outcome, never an
// exception. Runs in a worker: there, neither drawing nor a hidden tab delays the clock.

import { Capture } from "./capture.js";
import { conclude, endRecord, knownFields, protocolOf, round } from "./observation-values.js";
import { readChunked, readEvents, refusal } from "./read-fetch.js";
import { pollAddress, readPolling } from "./read-polling.js";
import { readWebSocket } from "./read-websocket.js";
import { keepTimings, timingOf, timingRecorded } from "./request-timing.js";
import { longestStall } from "./stall-monitor.js";
import { since } from "./streams.js";

/** @import { Bounds, Observation, PlannedProbe, StreamResult } from "./types.d.ts" */

/** @typedef {{timeout_s: number, bounds: Bounds, marker: string}} ProbeOptions `marker` stands in each request */

// A page must not set Accept-Encoding, but the browser itself sends "identity" when it requests a range: "If httpRequest's
// header list contains `Range`, then append (`Accept-Encoding`, `identity`)" (Fetch standard, HTTP-network-or-cache fetch).
// A stream has no length, so servers ignore the range. The service reports the header that reached it; that is checked.
const WITHOUT_ENCODINGS = { Range: "bytes=0-" };

const MARKER_HEADER = "X-Request-ID"; // as in prober/target.py; no browser sends it with a WebSocket

const READERS = { polling: readPolling, chunked: readChunked, events: readEvents, websocket: readWebSocket };

/** Make one probe.
 * @param {PlannedProbe} planned as POST /diagnostics/plan returns it
 * @param {string} root the service's address, with a slash at its end
 * @param {ProbeOptions} options
 * @returns {Promise<Observation | null>} null if this browser cannot make the probe */
export async function observe(planned, root, { timeout_s, bounds, marker }) {
  const { probe } = planned;
  const polling = probe.transport === "polling";
  const nonce = marker + Math.random().toString(36).slice(2, 10);
  const url = new URL(planned.path.slice(1) + nonce, root).href;
  keepTimings();
  const capture = new Capture(bounds);
  const timer = setTimeout(() => capture.control.abort(), timeout_s * 1000);
  const result = await READERS[probe.transport](url, {
    listener: capture,
    signal: capture.control.signal,
    began: capture.began,
    interval_s: planned.interval_s,
    maxPendingBytes: bounds.max_pending_bytes,
    headers: { [MARKER_HEADER]: marker, ...(probe.variant === "identity" ? WITHOUT_ENCODINGS : {}) },
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
    ...protocolOf(url, {
      transport: probe.transport,
      status: capture.status,
      nextHopProtocol: timing?.nextHopProtocol,
    }),
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
