// What is kept of one response to the visitor's own request: moments and bytes, within bounds. Pure: the worker owns the clock.

import { printable, round } from "./observation-values.js";
import { secretsOf, shownUrl, withoutSecrets } from "./own-request.js";

/** @import { Header, PageCapture, PageEnding, PageRead, WatchOrder } from "./types.d.ts" */

// The service reads strings up to this length.
const PART_CHARS = 16_000;
const STAR = 42;

export class WatchCapture {
  #order;
  #secrets;
  /** @type {PageRead[]} */
  #reads = [];
  /** @type {Uint8Array[]} */
  #chunks = [];
  #bytes = 0;
  /** @type {Pick<PageCapture, "status" | "headers" | "headers_s" | "redirected" | "hidden_headers">} */
  #response = { status: 0, headers: [], headers_s: 0, redirected: false, hidden_headers: false };

  /** @param {WatchOrder} order */
  constructor(order) {
    this.#order = order;
    this.#secrets = secretsOf(order.request, order.secret_names);
  }

  get bytes() {
    return this.#bytes;
  }

  get status() {
    return this.#response.status;
  }

  /** Whether a response came. */
  get isOpen() {
    return this.#response.status > 0;
  }

  /** @param {string} name in lower case */
  header(name) {
    return this.#response.headers.find(([key]) => key === name)?.[1] ?? "";
  }

  /** @param {{status: number, type: string, redirected: boolean, headers: Iterable<Header>}} response
   * @param {number} at_s */
  opened({ status, type, redirected, headers }, at_s) {
    const { max_headers, max_header_chars } = this.#order.bounds;
    const shown = [...headers].slice(0, max_headers).map(
      ([name, value]) =>
        /** @type {Header} */ ([
          name.toLowerCase().slice(0, 100),
          // Cut after the secrets are taken out: half of one is one, too.
          printable(withoutSecrets(value, this.#secrets)).slice(0, max_header_chars),
        ]),
    );
    // A response of another origin shows all its headers only if it exposes them all, and then that header, too.
    const exposes = shown.find(([name]) => name === "access-control-expose-headers")?.[1].trim();
    const hidden_headers = type === "cors" && exposes !== "*";
    this.#response = { status, headers: shown, headers_s: at_s, redirected, hidden_headers };
  }

  /** Keep one read.
   * @param {Uint8Array} chunk
   * @param {number} at_s
   * @returns {PageEnding | ""} why to stop reading; "" to go on */
  read(chunk, at_s) {
    const { max_watch_reads, max_watch_bytes } = this.#order.bounds;
    const room = max_watch_bytes - this.#bytes;
    const kept = chunk.subarray(0, room);
    this.#reads.push({ at_s, size_bytes: kept.length });
    this.#chunks.push(kept);
    this.#bytes += kept.length;
    const isFull = chunk.length > room || this.#reads.length >= max_watch_reads;
    const isEnough = this.#order.enough_bytes > 0 && this.#bytes >= this.#order.enough_bytes;
    return isFull || isEnough ? "enough" : "";
  }

  /** What the service gets. Nothing that was typed is in it, also where the response repeats it.
   * @param {PageEnding} ending
   * @param {{detail?: string, ended_s: number, stall_s: number, requested_s: number, queued_s: number, connect_s: number,
   * http_version: string, alpn: string}} known `queued_s`: before the request was sent; times count from there
   * @returns {PageCapture} */
  document(ending, { detail = "", ended_s, stall_s, requested_s, queued_s, connect_s, http_version, alpn }) {
    const { request, probe, secret_names } = this.#order;
    /** @param {number} at_s */
    const since = (at_s) => round(Math.max(0, at_s - queued_s));
    return {
      url: shownUrl(request.url, secret_names),
      method: request.method,
      ending,
      detail: printable(withoutSecrets(detail, this.#secrets)).slice(0, 600),
      probe,
      time_limit_s: request.time_limit_s,
      ...this.#response,
      headers_s: since(this.#response.headers_s),
      http_version,
      alpn,
      requested_s: round(requested_s + queued_s),
      connect_s: round(connect_s),
      ended_s: since(ended_s),
      stall_s: round(stall_s),
      reads: this.#reads.map(({ at_s, size_bytes }) => ({ at_s: since(at_s), size_bytes })),
      body: inBase64(starred(joined(this.#chunks, this.#bytes), this.#secrets)),
    };
  }
}

/** @param {readonly Uint8Array[]} chunks
 * @param {number} size */
function joined(chunks, size) {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** The same bytes with asterisks for what was typed: as many, so that sizes stay.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {readonly string[]} secrets */
function starred(bytes, secrets) {
  const encoder = new TextEncoder();
  const text = inCharacters(bytes);
  // As it was typed, and as a string of JSON has it.
  for (const secret of secrets.flatMap((typed) => [typed, JSON.stringify(typed).slice(1, -1)])) {
    const wanted = inCharacters(encoder.encode(secret));
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      bytes.fill(STAR, at, at + wanted.length);
    }
  }
  return bytes;
}

/** One character a byte: places in this text are places in the bytes.
 * @param {Uint8Array} bytes */
function inCharacters(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return text;
}

/** @param {Uint8Array} bytes
 * @returns {string[]} */
const inBase64 = (bytes) => btoa(inCharacters(bytes)).match(new RegExp(`.{1,${PART_CHARS}}`, "g")) ?? [];
