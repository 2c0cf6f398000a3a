/**
 * One stream, over the first transport that lets it flow.
 *
 *     import { openStream } from "https://your.example/client.js";
 *
 *     const stream = openStream({
 *       urls: { events: "/stream/events", chunked: "/stream/chunked", websocket: "/stream/ws", polling: "/stream/polling" },
 *       onPiece: ({ seq, text }) => show(text),          // each number once, in order
 *       onTransport: ({ transport, reason }) => {},      // "events", then perhaps others, and why
 *     });
 *     const { ended, pieces, held } = await stream.done; // "complete", "stopped" or "failed"; held: see below
 *     stream.stop();                                     // also ends the server's work
 *
 * How it decides
 * - It tries the transports in order: server-sent events, chunked HTTP, WebSocket, polling. A transport without a URL is
 *   skipped.
 * - If no piece arrives within `patienceS` seconds, the transport is dead or held, and the next one is tried. After a round
 *   through all transports without a piece the patience doubles, so a slow server gets its time in the end.
 * - If pieces that were sent over more than `heldS` seconds arrive together, the transport is held: at once if they are the
 *   first pieces of a connection, else if it happens in two deliveries in a row (a machine or a network may stall once). The
 *   pieces count, and the next transport continues after them. At the end of a stream there is nothing to continue: then
 *   the result says `held: true`.
 * - If a stream breaks, it is resumed after the last piece. A transport that has delivered pieces is tried again for
 *   `returnS` seconds: a server that restarts ends its streams (an event stream with `retry`, a WebSocket with 1012, a
 *   chunked response without its end record; then perhaps 503 for a while). A transport that has not is tried `retries` more
 *   times. Polling comes last, because nothing can hold it.
 *
 * What the server has to send (flushcheck's delta framing: /stream/* with format=delta)
 * - A piece: {"seq": n, "at_s": seconds since this stream began, "delta": text}, as an SSE event `delta`, as a line of chunked
 *   text or as a WebSocket message. Polling responds with {"message": text, "cnt": n, "count": total}, and with status 400
 *   and {"count": total} after the last piece.
 * - The end: {"end": name, "count": total}, in SSE as an event `done`.
 * - `start=n` in the query begins at piece n (see `resume` if your server has another way). The client counts the pieces
 *   itself, so none is lost or repeated, whichever server responds.
 *
 * No dependencies, no globals. Works in any page that may connect to the server (CORS, connect-src).
 */

import { attempt } from "./client-attempt.js";
import { END, pause } from "./client-connections.js";

/** @import { Transport } from "./types.d.ts" */
/** @typedef {{ended: string, pieces: number, transport: Transport | "", held: boolean}} Result */

/** @type {readonly Transport[]} */
export const ORDER = ["events", "chunked", "websocket", "polling"];

const MAX_PAUSE_MS = 2000;

/** The address of the pieces from `next` on.
 * @param {string} url
 * @param {Transport} transport
 * @param {number} next */
export function resumeByStart(url, transport, next) {
  const address = new URL(url, location.href);
  address.searchParams.set("format", "delta");
  if (transport !== "polling") {
    address.searchParams.set("end", END);
    if (next) address.searchParams.set("start", String(next));
  }
  return address.href;
}

/** @typedef {object} Options
 * @property {Partial<Record<Transport, string>>} urls by transport
 * @property {(piece: {seq: number, text: string, transport: Transport}) => void} onPiece
 * @property {(change: {transport: Transport, reason: string}) => void} [onTransport]
 * @property {readonly Transport[]} [order]
 * @property {number} [patienceS] how long a transport may be silent before its first piece
 * @property {number} [quietS] how long it may be silent between two pieces
 * @property {number} [heldS] pieces sent over more than this must not arrive together
 * @property {number} [retries] of a transport that has not delivered a piece yet
 * @property {number} [returnS] how long a transport that has delivered pieces is tried again after a break
 * @property {number} [rounds] through all transports without a new piece before it gives up
 * @property {number} [pollEveryS]
 * @property {typeof resumeByStart} [resume]
 * @property {AbortSignal} [signal]
 */

/** Open a stream.
 * @param {Options} options
 * @returns {{done: Promise<Result>, stop: () => void}} */
export function openStream(options) {
  const control = new AbortController();
  const stop = () => control.abort();
  options.signal?.addEventListener("abort", stop);
  const done = run(options, control.signal).finally(() => options.signal?.removeEventListener("abort", stop));
  return { done, stop };
}

/** Read the stream over one transport after another.
 * @param {Options} options
 * @param {AbortSignal} signal
 * @returns {Promise<Result>} */
async function run(options, signal) {
  const { onPiece, onTransport = () => {}, heldS = 1, retries = 2, rounds = 3, pollEveryS = 0.1 } = options;
  const { patienceS = 3, quietS = 20, returnS = 15, resume = resumeByStart } = options;
  const order = (options.order ?? ORDER).filter((transport) => options.urls[transport]);
  const progress = { next: 0 };
  /** @param {string} ended @param {Transport | ""} transport @returns {Result} */
  const result = (ended, transport, held = false) => ({ ended, pieces: progress.next, transport, held });
  let round = 0;
  let fruitless = 0; // rounds
  let reason = "first choice";
  for (let index = 0; ; index += 1) {
    const transport = order[index % order.length];
    if (!transport) return result("failed", "");
    if (index && index % order.length === 0) {
      round += 1;
      fruitless += 1;
      if (fruitless >= rounds) return result("failed", transport);
    }
    onTransport({ transport, reason });
    let trusted = false; // it has delivered pieces
    let broke_ms = 0;
    for (let failures = 1; ; failures += 1) {
      const before = progress.next;
      const address = resume(options.urls[transport] ?? "", transport, before);
      const waits = { patienceS: trusted ? quietS : patienceS * 2 ** round, quietS, heldS, pollEveryS };
      const outcome = await attempt({ transport, address, progress, trusted, ...waits, signal, onPiece });
      if (signal.aborted) return result("stopped", transport);
      if (outcome.ended) return result("complete", transport, outcome.held);
      reason = outcome.reason;
      if (progress.next > before) {
        trusted = true;
        fruitless = 0;
        failures = 1;
        broke_ms = performance.now();
      }
      const enough = trusted ? performance.now() - broke_ms > returnS * 1000 : failures > retries;
      if (outcome.useless || enough) break;
      const from = progress.next ? `resuming after piece ${progress.next - 1}` : "one more try";
      onTransport({ transport, reason: `${reason}; ${from}` });
      await pause(pauseMs(failures, outcome.waitS), signal);
    }
  }
}

/** Longer after each failure, and different for each client, so that not all return in one moment. Exported for tests.
 * @param {number} failures
 * @param {number} [waitS] what the server asked for
 * @param {number} [random] from 0 to 1 */
export const pauseMs = (failures, waitS = 0, random = Math.random()) =>
  Math.max(waitS * 1000, Math.min(MAX_PAUSE_MS, 100 * 2 ** failures)) * (0.75 + random / 2);
