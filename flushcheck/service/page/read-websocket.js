// Reading a stream over a WebSocket.

import { Malformed, parseRecord } from "./records.js";
import { Counter, messageOf } from "./streams.js";

/** @import { ReadOptions, StreamResult, RawRecord } from "./types.d.ts" */

const encoder = new TextEncoder();

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
