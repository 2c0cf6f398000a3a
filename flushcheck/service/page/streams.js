// What the readers of a stream share: the clock, and how a stream ended.
//
// There is one function per transport, in read-fetch.js, read-event-source.js, read-websocket.js and read-polling.js.
// It tells its listener what happens, and returns how the stream ended; it never throws.
//
// Moments are seconds since `began`, a value of performance.now(). `sent_s` is on the service's clock for streams, and
// the moment of the request for polling.

/** @import { RawRecord, StreamEnd, StreamResult } from "./types.d.ts" */

/** Seconds since a moment of performance.now().
 * @param {number} began */
export const since = (began) => (performance.now() - began) / 1000;

/** Counts the pieces of a stream and remembers its end. */
export class Counter {
  #pieces = 0;
  /** @type {StreamEnd | null} */
  end = null;

  /** @param {RawRecord} record */
  add(record) {
    if (record.piece) this.#pieces += 1;
    this.end = record.end ?? this.end;
  }

  result() {
    return completeness(this.end, this.#pieces);
  }
}

/** Whether all pieces arrived.
 * @param {StreamEnd | null} end
 * @param {number} pieces
 * @returns {StreamResult} */
export function completeness(end, pieces) {
  if (end && (end.count === null || end.count === pieces)) return { ended: "complete", detail: "" };
  if (end) return { ended: "cut", detail: `${pieces} of ${end.count} pieces arrived` };
  return { ended: "cut", detail: "the response ended before the stream's end record" };
}

/** @param {unknown} error
 * @param {AbortSignal} signal
 * @param {"cut" | "unreachable"} ended
 * @returns {StreamResult} */
export function failed(error, signal, ended) {
  if (signal.aborted) return { ended: "stopped", detail: "" };
  return { ended, detail: messageOf(error).slice(0, 200) };
}

/** The message of anything that was thrown.
 * @param {unknown} error */
export const messageOf = (error) => String(error instanceof Error ? error.message : error);
