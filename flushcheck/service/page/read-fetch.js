// Reading a stream with fetch(): chunked HTTP, and event streams as text.

import { EventDecoder, LineDecoder, Malformed } from "./records.js";
import { Counter, failed } from "./streams.js";

/** @import { ReadOptions, StreamResult } from "./types.d.ts" */

const MAX_ERROR_BYTES = 4096; // read of a response that is not the stream

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

/** The text of a response, up to a number of bytes. The rest is not read.
 * @param {Response} response
 * @param {number} maxBytes */
export async function readText(response, maxBytes) {
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
  const { status } = response;
  let text = "";
  try {
    text = await readText(response, MAX_ERROR_BYTES);
    const data = JSON.parse(text);
    const reason = String(data.error ?? "").slice(0, 400);
    return { status, reason, detail: `${status}: ${reason}`, request_at_app: data.request_at_app ?? null };
  } catch {
    const detail = `${status}: ${text.slice(0, 80) || response.statusText}`;
    return { status, reason: "", detail, request_at_app: null };
  }
}
