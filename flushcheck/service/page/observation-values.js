// The values of an observation, in the form that the service accepts. Pure functions: a server that is no flushcheck service
// may send anything, and the service refuses a run with one wrong value in it.

/** @import { EndRecord, Outcome, RequestAtApp, StreamEnd, StreamResult, Transport } from "./types.d.ts" */

/** The outcome as the model names it.
 * @param {StreamResult} result
 * @param {{flood: boolean, pieces: number}} capture `flood`: more reads arrived than a stream of the service can cause
 * @param {{timeout_s: number, count: number}} options
 * @returns {{outcome: Outcome, detail: string}} */
export function conclude({ ended, detail }, { flood, pieces }, { timeout_s, count }) {
  const text = printable(detail).slice(0, 400);
  if (ended === "foreign" || flood) {
    return { outcome: pieces ? "cut" : "refused", detail: text || "more data than a stream of this service can have" };
  }
  if (ended === "stopped") {
    return { outcome: "timeout", detail: `${pieces} of ${count} pieces arrived within ${timeout_s.toFixed(1)} s` };
  }
  return { outcome: ended, detail: text };
}

/** The end of a stream; null for a literal end, which has no count.
 * @param {StreamEnd | null} end
 * @returns {EndRecord | null} */
export function endRecord(end) {
  if (end?.count == null || !Number.isSafeInteger(end.count)) return null;
  const request_at_app = knownFields(end.request_at_app);
  const pretended = typeof end.pretended === "string" ? end.pretended.slice(0, 200) : "";
  return {
    count: end.count,
    at_s: round(end.at_s ?? 0),
    ...(request_at_app && { request_at_app }),
    ...(pretended && { pretended }),
  };
}

/** Only the fields that the model knows, each of its type: the service refuses a run with any other value in it.
 * @param {any} value from the response of a server that may be no flushcheck service
 * @returns {RequestAtApp | null} */
export function knownFields(value) {
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

/** @type {Record<string, string>} */
const HTTP_VERSIONS = { "http/1.0": "1.0", "http/1.1": "1.1", h2: "2", h3: "3" };

/** The version of HTTP that carried a stream, and the protocol that the server chose over TLS, as the model has them.
 *
 * A browser names HTTP/1.1 whether the server chose it or chose nothing, so only h2 and h3 are known to be a choice. It does
 * not say how a WebSocket travelled: without TLS over HTTP/1.1, with TLS perhaps over HTTP/2 (RFC 8441).
 * @param {string} url of the stream
 * @param {{transport: Transport, status: number, nextHopProtocol?: string}} response `nextHopProtocol` as in
 * PerformanceResourceTiming; a browser has none of a WebSocket
 * @returns {{http_version: string, alpn: string}} empty where it is not known */
export function protocolOf(url, { transport, status, nextHopProtocol = "" }) {
  if (transport === "websocket") {
    return { http_version: status === 101 && url.startsWith("http:") ? "1.1" : "", alpn: "" };
  }
  const isChoice = ["h2", "h3"].includes(nextHopProtocol);
  return { http_version: HTTP_VERSIONS[nextHopProtocol] ?? "", alpn: isChoice ? nextHopProtocol : "" };
}

/** @param {number} seconds */
export const round = (seconds) => Math.round(seconds * 1e5) / 1e5;

/** Text without control characters and half surrogates.
 * @param {string} text */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
export const printable = (text) => text.replace(/[\x00-\x1f\x7f\ud800-\udfff]/gu, "\ufffd");
