// How a connection is opened and read, by transport. Part of client.js, which the service sends as one file.
//
// A connection passes on the records that it reads, and says how it ended. What a record means, and whether there is
// another connection, is up to client-attempt.js and client.js.

/** @import { Transport } from "./types.d.ts" */

export const END = "done"; // the name of the event that ends an event stream
const UNAVAILABLE = [429, 502, 503, 504]; // the server, or a proxy, expects to be available again

/** One connection, as a transport sees it: what it may call, and when to stop.
 * @typedef {object} Connection
 * @property {string} address
 * @property {(record: any) => void} take
 * @property {(why: string, waitS?: number) => void} lost the connection broke; it may work again
 * @property {(why: string) => void} refused
 * @property {AbortSignal} signal
 * @property {() => number} next the number of the next piece
 * @property {number} pollEveryS
 */

/** @type {Record<Transport, (connection: Connection) => void>} */
export const OPEN = {
  events({ address, take, lost, signal }) {
    const source = new EventSource(address);
    signal.addEventListener("abort", () => source.close());
    /** @param {MessageEvent} event */
    const read = ({ data }) => take(parse(data));
    source.addEventListener("delta", read);
    source.addEventListener(END, read);
    source.onmessage = read;
    source.onerror = () => {
      source.close(); // it would reconnect by itself, but only to the same address
      lost("broke");
    };
  },

  async chunked({ address, take, lost, refused, signal }) {
    try {
      const response = await fetch(address, { signal, cache: "no-store" });
      if (UNAVAILABLE.includes(response.status)) return lost(`got status ${response.status}`, retryAfter(response));
      if (!response.ok || !response.body) return refused(`got status ${response.status}`);
      const reader = response.body.getReader();
      const text = new TextDecoder();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) break;
        const lines = (rest + text.decode(value, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.trim()) take(parse(line));
      }
      lost("ended without an end record");
    } catch (error) {
      lost(`failed: ${messageOf(error)}`);
    }
  },

  websocket({ address, take, lost, refused, signal }) {
    const socket = new WebSocket(address.replace(/^http/, "ws"));
    signal.addEventListener("abort", () => {
      if (socket.readyState === WebSocket.OPEN) socket.send("stop");
      socket.close();
    });
    let opened = false;
    socket.onopen = () => {
      opened = true;
    };
    socket.onmessage = ({ data }) => take(parse(data));
    socket.onclose = ({ code }) => (opened ? lost(`closed with code ${code}`) : refused("handshake failed"));
  },

  async polling({ address, take, lost, signal, next, pollEveryS }) {
    const url = new URL(address);
    try {
      for (;;) {
        const seq = next();
        url.searchParams.set("cnt", String(seq));
        const response = await fetch(url, { signal, cache: "no-store" });
        if (!response.ok && response.status !== 400) return lost(`got status ${response.status}`, retryAfter(response));
        take(await response.json());
        if (signal.aborted) return;
        if (next() === seq) return lost(`got a response without piece ${seq}`);
        await pause(pollEveryS * 1000, signal);
      }
    } catch (error) {
      lost(`failed: ${messageOf(error)}`);
    }
  },
};

/** @param {Response} response */
const retryAfter = (response) => Number(response.headers.get("Retry-After")) || 0;

/** @param {unknown} error */
const messageOf = (error) => String(error instanceof Error ? error.message : error);

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Wait, at most until the signal aborts.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>} */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener("abort", finish, { once: true });
  });
}
