// Reading a stream, one function per transport. A function tells its listener what happens, and returns how the stream
// ended; it never throws.
//
// Moments are seconds since `began`, a value of performance.now(). `sent_s` is on the service's clock for streams, and
// the moment of the request for polling.

import { EventDecoder, LineDecoder, Malformed, parseRecord } from "./records.js";

/** @import { Header, RawRecord, ReadOptions, StreamEnd, StreamResult } from "./types.d.ts" */

const MAX_ERROR_BYTES = 4096; // read of a response that is not the stream
const encoder = new TextEncoder();

/** Seconds since a moment of performance.now().
 * @param {number} began */
export const since = (began) => (performance.now() - began) / 1000;

/** The text of a response, up to a number of bytes. The rest is not read.
 * @param {Response} response
 * @param {number} maxBytes */
async function readText(response, maxBytes) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let left = maxBytes; reader && left > 0; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.length;
  }
  reader?.cancel().catch(() => {});
  return text;
}

/** Why a response is not the stream: the service's own sentence if it is one of its JSON errors.
 * @param {Response} response */
export async function refusal(response) {
  let text = "";
  try {
    text = await readText(response, MAX_ERROR_BYTES);
    const data = JSON.parse(text);
    const detail = `${response.status}: ${String(data.error ?? "").slice(0, 400)}`;
    return { detail, request_at_app: data.request_at_app ?? null };
  } catch {
    return { detail: `${response.status}: ${text.slice(0, 80) || response.statusText}`, request_at_app: null };
  }
}

/** Read with fetch(): chunked text, and event streams too.
 * @param {string} url
 * @param {ReadOptions & {accept: string, decoder: LineDecoder | EventDecoder}} options
 * @returns {Promise<StreamResult>} */
async function readFetch(url, { accept, decoder, listener, signal, headers = {} }) {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: accept, ...headers }, cache: "no-store", signal });
  } catch (error) {
    return failed(error, signal, "unreachable");
  }
  listener.opened?.({ status: response.status, headers: [...response.headers] });
  if (response.status !== 200) return { ended: "refused", ...(await refusal(response)) };
  const reader = response.body?.getReader();
  const text = new TextDecoder();
  const count = new Counter();
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) break;
      listener.read?.(value.length);
      for (const record of decoder.feed(text.decode(value, { stream: true }))) {
        count.add(record);
        listener.record?.(record, record.piece?.at_s);
      }
    }
  } catch (error) {
    if (!(error instanceof Malformed)) return failed(error, signal, "cut");
    reader?.cancel().catch(() => {});
    return { ended: "foreign", detail: error.message };
  }
  return count.result();
}

/** @param {string} url @param {ReadOptions} options */
export const readChunked = (url, options) =>
  readFetch(url, { accept: "*/*", decoder: new LineDecoder(options.maxPendingBytes), ...options });

/** @param {string} url @param {ReadOptions} options */
export const readEvents = (url, options) =>
  readFetch(url, { accept: "text/event-stream", decoder: new EventDecoder(options.maxPendingBytes), ...options });

/** Read with the browser's EventSource. It reconnects whenever a stream ends without its end event, until it is stopped.
 * @param {string} url
 * @param {Pick<ReadOptions, "listener" | "signal"> & {end: string}} options `end` is the name of the end event
 * @returns {Promise<StreamResult>} */
export function readEventSource(url, { listener, signal, end }) {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    let connections = 0;
    /** @param {StreamResult} result */
    const finish = (result) => {
      source.close();
      signal.removeEventListener("abort", stop);
      resolve(result);
    };
    const stop = () => finish({ ended: "stopped", detail: "" });
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop);
    /** @param {MessageEvent} event */
    const take = (event) => {
      try {
        const record = parseRecord(event.data);
        const id = event.lastEventId && record.piece ? `id: ${event.lastEventId}\n` : "";
        const name = event.type === "message" ? "" : `event: ${event.type}\n`;
        const raw = `${id}${name}data: ${event.data}\n\n`;
        listener.read?.(encoder.encode(raw).length);
        listener.record?.({ raw, ...record }, record.piece?.at_s);
        if (record.end) finish({ ended: "complete", detail: "" });
      } catch (error) {
        finish({ ended: "foreign", detail: messageOf(error) });
      }
    };
    source.onopen = () => {
      connections += 1;
      listener.connected?.(connections);
    };
    source.onmessage = take;
    source.addEventListener("delta", take);
    if (end && !["message", "delta", "error", "open"].includes(end)) source.addEventListener(end, take);
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        // EventSource does not say why. A second request reads the response.
        if (connections) finish({ ended: "cut", detail: "the browser gave up" });
        else refusalAt(url).then((detail) => finish({ ended: "refused", detail }));
      } else {
        listener.dropped?.(connections);
      }
    };
  });
}

/** Why this address is no event stream.
 * @param {string} url */
async function refusalAt(url) {
  const control = new AbortController();
  try {
    const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: control.signal });
    return response.ok ? "the response is not an event stream" : (await refusal(response)).detail;
  } catch {
    return "no response";
  } finally {
    control.abort();
  }
}

/** Read a WebSocket: each message is one record. On stop it sends `stop`, as the service expects, and closes.
 * @param {string} url
 * @param {Pick<ReadOptions, "listener" | "signal">} options
 * @returns {Promise<StreamResult>} */
export function readWebSocket(url, { listener, signal }) {
  return new Promise((resolve) => {
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(url.replace(/^http/, "ws"));
    } catch (error) {
      return resolve({ ended: "unreachable", detail: messageOf(error) });
    }
    let opened = false;
    const count = new Counter();
    /** @type {StreamResult | null} */
    let result = null;
    /** @param {StreamResult} last */
    const finish = (last) => {
      signal.removeEventListener("abort", stop);
      resolve(result ?? last);
    };
    const stop = () => {
      result = { ended: "stopped", detail: "" };
      if (opened) socket.send("stop");
      socket.close();
      finish(result);
    };
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop);
    socket.onopen = () => {
      opened = true;
      listener.opened?.({ status: 101, headers: [] });
    };
    socket.onmessage = ({ data }) => {
      if (result) return;
      try {
        if (typeof data !== "string") throw new Malformed("a binary message, where text was expected");
        const record = { raw: data, ...parseRecord(data) };
        count.add(record);
        listener.read?.(encoder.encode(data).length);
        listener.record?.(record, record.piece?.at_s);
      } catch (error) {
        result = { ended: "foreign", detail: messageOf(error) };
        socket.close();
      }
    };
    socket.onclose = ({ code, wasClean, reason }) => {
      if (!opened) return finish({ ended: "refused", detail: "the handshake failed; browsers do not report why" });
      if (count.end) return finish(count.result());
      if (wasClean && code === 1000) return finish({ ended: "cut", detail: "closed before the end message" });
      finish({ ended: "cut", detail: `closed with code ${code}${reason ? ` (${reason.slice(0, 100)})` : ""}` });
    };
  });
}

/** Read by JSON polling: piece k is requested at k times the interval, or at once if piece k - 1 arrived later than that.
 * @param {string} url
 * @param {Omit<ReadOptions, "headers"> & {began: number, interval_s: number}} options
 * @returns {Promise<StreamResult>} */
export async function readPolling(url, { listener, signal, began, interval_s, maxPendingBytes }) {
  let opened = false;
  for (let seq = 0; ; seq += 1) {
    try {
      await until(began + seq * interval_s * 1000, signal);
      const sent_s = since(began);
      // The nonce at the end of `url` gets the number too, so that no cache ever has the response.
      const response = await fetch(pollAddress(url, seq), { cache: "no-store", signal });
      if (!opened) listener.opened?.({ status: response.status, headers: [...response.headers] });
      opened = true;
      const text = await readText(response, maxPendingBytes);
      const record = pollRecord(response.status, text, seq, sent_s);
      if (!record) {
        const reason = parsed(text)?.error;
        const detail = `${response.status}: ${reason === undefined ? text.slice(0, 80) : String(reason).slice(0, 400)}`;
        return { ended: seq ? "foreign" : "refused", detail };
      }
      listener.read?.(encoder.encode(text).length);
      listener.record?.(record, sent_s);
      if (record.end) return whole(record.end, seq);
    } catch (error) {
      return failed(error, signal, opened ? "cut" : "unreachable");
    }
  }
}

/** Where piece `seq` is polled. `url` ends in a nonce.
 * @param {string} url
 * @param {number} seq */
export const pollAddress = (url, seq) => `${url}-${seq}&cnt=${seq}`;

/** The record in a response to a poll; null if there is none.
 * @param {number} status
 * @param {string} text
 * @param {number} seq
 * @param {number} sent_s
 * @returns {RawRecord | null} */
function pollRecord(status, text, seq, sent_s) {
  const data = parsed(text);
  if (status === 200 && data?.cnt === seq && typeof data.message === "string") {
    return { raw: text, piece: { seq, at_s: sent_s, text: data.message } };
  }
  if (status === 400 && Number.isSafeInteger(data?.count)) {
    const end = { name: "400", count: data.count, at_s: sent_s, request_at_app: data.request_at_app ?? null };
    return { raw: text, end };
  }
  return null;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Wait for a moment of performance.now(). Rejects with AbortError when the signal aborts.
 * @param {number} moment
 * @param {AbortSignal} signal
 * @returns {Promise<void>} */
function until(moment, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new DOMException("stopped", "AbortError"));
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    };
    const elapsed = () => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const timer = setTimeout(elapsed, Math.max(0, moment - performance.now()));
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Counts the pieces of a stream and remembers its end. */
class Counter {
  #pieces = 0;
  /** @type {StreamEnd | null} */
  end = null;

  /** @param {RawRecord} record */
  add(record) {
    if (record.piece) this.#pieces += 1;
    this.end = record.end ?? this.end;
  }

  result() {
    return whole(this.end, this.#pieces);
  }
}

/** Whether all pieces came.
 * @param {StreamEnd | null} end
 * @param {number} pieces
 * @returns {StreamResult} */
function whole(end, pieces) {
  if (end && (end.count === null || end.count === pieces)) return { ended: "complete", detail: "" };
  if (end) return { ended: "cut", detail: `${pieces} of ${end.count} pieces came` };
  return { ended: "cut", detail: "the response ended before the stream's end record" };
}

/** @param {unknown} error
 * @param {AbortSignal} signal
 * @param {"cut" | "unreachable"} ended
 * @returns {StreamResult} */
function failed(error, signal, ended) {
  if (signal.aborted) return { ended: "stopped", detail: "" };
  return { ended, detail: messageOf(error).slice(0, 200) };
}

/** The message of anything that was thrown.
 * @param {unknown} error */
export const messageOf = (error) => String(error instanceof Error ? error.message : error);
