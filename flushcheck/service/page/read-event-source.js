// Reading an event stream with the browser's EventSource.

import { refusal } from "./read-fetch.js";
import { parseRecord } from "./records.js";
import { messageOf } from "./streams.js";

/** @import { ReadOptions, StreamResult } from "./types.d.ts" */

const encoder = new TextEncoder();

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
        else refusalAt(url).then(finish);
      } else {
        listener.dropped?.(connections);
      }
    };
  });
}

/** Why this address is no event stream.
 * @param {string} url
 * @returns {Promise<StreamResult>} */
async function refusalAt(url) {
  const control = new AbortController();
  try {
    const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: control.signal });
    if (response.ok) return { ended: "foreign", detail: "the response is not an event stream" };
    const { detail, status, reason } = await refusal(response);
    return { ended: "refused", detail, status, reason };
  } catch {
    return { ended: "unreachable", detail: "no response" };
  } finally {
    control.abort();
  }
}
