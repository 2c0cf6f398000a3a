// Reading a stream, one function a transport. Each tells its listener what happens and when, and returns (never throws)
// how it ended: {ended: "complete" | "cut" | "refused" | "unreachable" | "stopped" | "foreign", detail}.
//
// A listener: {opened({status, headers}), read({bytes}), record(record, {sent_s, raw}), connected(number)}, all optional.
// Moments are seconds of performance.now() since `began`; `sent_s` is the service's own for streams, ours for polls.

import { Events, Lines, load, Malformed } from "./records.js";

const MAX_ERROR_BYTES = 4096;
const MAX_ANSWER_BYTES = 256 * 1024; // of one poll: four of the largest pieces

/** Seconds since a moment of performance.now(). */
export const since = (began) => (performance.now() - began) / 1000;

/** The text of an answer, up to so many bytes; the rest is not read. */
async function bounded(response, most) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let left = most; reader && left > 0; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.length;
  }
  reader?.cancel().catch(() => {});
  return text;
}

/** The words for an answer that is not the stream; the service's own if it is JSON of ours. */
export async function refusal(response) {
  let text = "";
  try {
    text = await bounded(response, MAX_ERROR_BYTES);
    const data = JSON.parse(text);
    return { detail: `${response.status}: ${String(data.error ?? "").slice(0, 400)}`, request_at_app: data.request_at_app ?? null };
  } catch {
    return { detail: `${response.status}: ${text.slice(0, 80) || response.statusText}`, request_at_app: null };
  }
}

/** fetch() and its reader: chunked text, and event streams too. */
async function readFetch(url, { accept, decoder, listener, signal, headers = {} }) {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: accept, ...headers }, cache: "no-store", signal });
  } catch (error) {
    return failed(error, signal, "unreachable");
  }
  listener.opened?.({ status: response.status, headers: [...response.headers] });
  if (response.status !== 200) {
    const { detail, request_at_app } = await refusal(response);
    return { ended: "refused", detail, request_at_app };
  }
  const reader = response.body.getReader();
  const text = new TextDecoder();
  let end = null;
  let pieces = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      listener.read?.({ bytes: value.length });
      for (const record of decoder.feed(text.decode(value, { stream: true }))) {
        if (record.piece) pieces += 1;
        end = record.end ?? end;
        listener.record?.(record, { sent_s: record.piece?.at_s });
      }
    }
  } catch (error) {
    if (error instanceof Malformed) {
      reader.cancel().catch(() => {});
      return { ended: "foreign", detail: error.message };
    }
    return failed(error, signal, "cut");
  }
  return whole(end, pieces);
}

export const readChunked = (url, options) => readFetch(url, { accept: "*/*", decoder: new Lines(), ...options });
export const readEvents = (url, options) =>
  readFetch(url, { accept: "text/event-stream", decoder: new Events(), ...options });

/** The browser's own EventSource. It connects again by itself when a stream ends without a word, until it is stopped. */
export function readEventSource(url, { listener, signal, end }) {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    let connections = 0;
    const finish = (result) => {
      source.close();
      signal?.removeEventListener("abort", stop);
      resolve(result);
    };
    const stop = () => finish({ ended: "stopped", detail: "" });
    if (signal?.aborted) return stop();
    signal?.addEventListener("abort", stop);
    const take = (event) => {
      try {
        const record = load(event.data);
        const id = event.lastEventId && record.piece ? `id: ${event.lastEventId}\n` : "";
        const name = event.type === "message" ? "" : `event: ${event.type}\n`;
        const raw = `${id}${name}data: ${event.data}\n\n`;
        listener.read?.({ bytes: new TextEncoder().encode(raw).length });
        listener.record?.({ raw, ...record }, { sent_s: record.piece?.at_s });
        if (record.end) finish({ ended: "complete", detail: "" });
      } catch (error) {
        finish({ ended: "foreign", detail: String(error.message) });
      }
    };
    source.onopen = () => listener.connected?.((connections += 1));
    source.onmessage = take;
    source.addEventListener("delta", take);
    if (end && !["message", "delta", "error", "open"].includes(end)) source.addEventListener(end, take);
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        // EventSource does not say why: ask once more, to read the answer.
        if (connections) return finish({ ended: "cut", detail: "the browser gave up" });
        why(url).then((detail) => finish({ ended: "refused", detail }));
      } else {
        listener.dropped?.(connections);
      }
    };
  });
}

async function why(url) {
  const control = new AbortController();
  try {
    const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: control.signal });
    return response.ok ? "the answer is not an event stream" : (await refusal(response)).detail;
  } catch {
    return "no answer";
  } finally {
    control.abort();
  }
}

/** WebSocket: one message, one record. Told to stop, it says `stop`, as the service has it, and closes. */
export function readWebSocket(url, { listener, signal }) {
  return new Promise((resolve) => {
    let socket;
    try {
      socket = new WebSocket(url.replace(/^http/, "ws"));
    } catch (error) {
      return resolve({ ended: "unreachable", detail: String(error.message) });
    }
    let opened = false;
    let end = null;
    let pieces = 0;
    let result = null;
    const finish = (last) => {
      signal?.removeEventListener("abort", stop);
      resolve(result ?? last);
    };
    const stop = () => {
      result = { ended: "stopped", detail: "" };
      if (opened) socket.send("stop");
      socket.close();
      finish(result);
    };
    if (signal?.aborted) return stop();
    signal?.addEventListener("abort", stop);
    socket.onopen = () => {
      opened = true;
      listener.opened?.({ status: 101, headers: [] });
    };
    socket.onmessage = ({ data }) => {
      if (result) return;
      try {
        if (typeof data !== "string") throw new Malformed("a message of bytes, where text was expected");
        const record = load(data);
        if (record.piece) pieces += 1;
        end = record.end ?? end;
        listener.read?.({ bytes: new TextEncoder().encode(data).length });
        listener.record?.({ raw: data, ...record }, { sent_s: record.piece?.at_s });
      } catch (error) {
        result = { ended: "foreign", detail: String(error.message) };
        socket.close();
      }
    };
    socket.onclose = ({ code, wasClean, reason }) => {
      if (!opened) return finish({ ended: "refused", detail: "the handshake failed; a browser does not say how" });
      if (end) return finish(whole(end, pieces));
      if (wasClean && code === 1000) return finish({ ended: "cut", detail: "closed without the end's own word" });
      finish({ ended: "cut", detail: `closed with code ${code}${reason ? ` (${reason.slice(0, 100)})` : ""}` });
    };
  });
}

/** JSON polling: piece k is asked for at k times the interval, or at once if the one before came later than that. */
export async function readPolling(url, { listener, signal, began, interval_s, nonce = "" }) {
  let opened = false;
  for (let seq = 0; ; seq += 1) {
    try {
      await until(began + seq * interval_s * 1000, signal);
      const sent_s = since(began);
      const response = await fetch(`${url}${nonce && `-${seq}`}&cnt=${seq}`, { cache: "no-store", signal });
      if (!opened) listener.opened?.({ status: response.status, headers: [...response.headers] });
      opened = true;
      const text = await bounded(response, MAX_ANSWER_BYTES);
      const bytes = new TextEncoder().encode(text).length;
      let data = null;
      try {
        data = JSON.parse(text);
      } catch {
        return { ended: seq ? "foreign" : "refused", detail: `${response.status}: ${text.slice(0, 80)}` };
      }
      if (response.status === 200 && data?.cnt === seq && typeof data.message === "string") {
        listener.read?.({ bytes });
        listener.record?.({ raw: text, piece: { seq, at_s: sent_s, text: data.message } }, { sent_s });
      } else if (response.status === 400 && Number.isSafeInteger(data?.count)) {
        const end = { name: "400", count: data.count, at_s: sent_s, request_at_app: data.request_at_app ?? null };
        listener.read?.({ bytes });
        listener.record?.({ raw: text, end }, { sent_s });
        return whole(end, seq);
      } else {
        return { ended: seq ? "foreign" : "refused", detail: `${response.status}: ${String(data?.error).slice(0, 400)}` };
      }
    } catch (error) {
      return failed(error, signal, opened ? "cut" : "unreachable");
    }
  }
}

/** Wait for a moment of performance.now(); rejects when the signal says stop. */
export function until(moment, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new DOMException("stopped", "AbortError"));
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, Math.max(0, moment - performance.now()));
    signal?.addEventListener("abort", stop, { once: true });
  });
}

function whole(end, pieces) {
  if (end && (end.count === null || end.count === pieces)) return { ended: "complete", detail: "" };
  if (end) return { ended: "cut", detail: `${pieces} of ${end.count} pieces came` };
  return { ended: "cut", detail: "the answer ended before the stream said so" };
}

function failed(error, signal, otherwise) {
  if (signal?.aborted) return { ended: "stopped", detail: "" };
  return { ended: otherwise, detail: String(error?.message ?? error).slice(0, 200) };
}
