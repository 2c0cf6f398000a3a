// Reading a stream by JSON polling: one request, one response, one piece.

import { readText } from "./read-fetch.js";
import { completeness, failed, since } from "./streams.js";

/** @import { RawRecord, ReadOptions, StreamResult } from "./types.d.ts" */

const encoder = new TextEncoder();

/** Read by JSON polling: piece k is requested at k times the interval, or at once if piece k - 1 arrived later than that.
 * @param {string} url
 * @param {ReadOptions & {began: number, interval_s: number}} options
 * @returns {Promise<StreamResult>} */
export async function readPolling(url, { listener, signal, began, interval_s, maxPendingBytes, headers = {} }) {
  let opened = false;
  for (let seq = 0; ; seq += 1) {
    try {
      await until(began + seq * interval_s * 1000, signal);
      const sent_s = since(began);
      // The nonce at the end of `url` gets the number too, so that no cache ever has the response.
      const response = await fetch(pollAddress(url, seq), { headers, cache: "no-store", signal });
      if (!opened) listener.opened?.({ status: response.status, headers: [...response.headers] });
      opened = true;
      const text = await readText(response, maxPendingBytes);
      const record = pollRecord(response.status, text, seq, sent_s);
      if (!record) {
        const reason = parsed(text)?.error;
        const detail = `${response.status}: ${reason === undefined ? text.slice(0, 80) : String(reason).slice(0, 400)}`;
        const given = { status: response.status, reason: reason === undefined ? "" : String(reason).slice(0, 400) };
        return seq ? { ended: "foreign", detail } : { ended: "refused", detail, ...given };
      }
      listener.read?.(encoder.encode(text).length);
      listener.record?.(record, sent_s);
      if (record.end) return completeness(record.end, seq);
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
