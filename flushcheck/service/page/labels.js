// Names that a person reads, by the identifiers that the service uses.

/** @import { Transport } from "./types.d.ts" */

export const TRANSPORTS = /** @type {const} */ (["polling", "chunked", "events", "websocket"]);

/** @type {Record<Transport, string>} */
export const TRANSPORT_LABELS = {
  polling: "JSON polling",
  chunked: "Chunked HTTP",
  events: "Server-sent events",
  websocket: "WebSocket",
};

/** What an app can change in its own response, by the variant of the probe that tried it.
 * @type {Record<string, string>} */
export const VARIANT_LABELS = {
  "x-accel-buffering": "the response header X-Accel-Buffering: no",
  "no-transform": "the response header Cache-Control: no-cache, no-transform",
  nosniff: "the response header X-Content-Type-Options: nosniff",
  padded: "padding before the stream",
  "other-type": "the content type application/octet-stream",
};

/** The kinds of program that a run asked as, as flushcheck/reports/clients.py names them.
 * @type {Record<string, string>} */
export const CLIENT_NAMES = { browser: "browsers", http1: "HTTP/1.1 clients", http3: "HTTP/3 clients" };

/** The name of a version of HTTP, as an observation has it; "" for one that is not known.
 * @param {string} version */
export const protocolLabel = (version) => (["1.0", "1.1", "2", "3"].includes(version) ? `HTTP/${version}` : "");
