// One connection of a stream, from its opening to its outcome. Part of client.js, which the service sends as one file.
//
// It decides whether a connection is alive, whether it holds its pieces and whether the stream is complete. It counts the
// pieces itself, so that each number is passed on once and in order, whatever the server sends.

import { OPEN } from "./client-connections.js";
import { HoldDetector } from "./hold-detector.js";

/** @import { Transport } from "./types.d.ts" */
/** @import { Connection } from "./client-connections.js" */

/** @typedef {{ended: true, held: boolean} | {ended?: undefined, reason: string, useless?: boolean, waitS?: number}} Outcome
 * of one connection; `useless`: do not try this transport again */

const NAMES = { events: "server-sent events", chunked: "chunked HTTP", websocket: "WebSocket", polling: "polling" };
const NOTHING = {
  events: "no server-sent event",
  chunked: "no chunk of the response",
  websocket: "no WebSocket message",
  polling: "no response to a poll",
};

/** Open one connection and read it to its end.
 * @param {object} options
 * @param {Transport} options.transport
 * @param {string} options.address of the pieces from `progress.next` on
 * @param {{next: number}} options.progress the number of the next piece; counted on here
 * @param {boolean} options.trusted this transport has delivered pieces before
 * @param {number} options.patienceS how long it may be silent before its first piece
 * @param {number} options.quietS how long it may be silent between two pieces
 * @param {number} options.heldS pieces sent over more than this must not arrive together
 * @param {number} options.pollEveryS
 * @param {(piece: {seq: number, text: string, transport: Transport}) => void} options.onPiece
 * @param {AbortSignal} options.signal
 * @returns {Promise<Outcome>} */
export function attempt({ transport, address, progress, trusted, signal, onPiece, ...options }) {
  return new Promise((resolve) => {
    const name = NAMES[transport];
    let settled = false;
    let held = false;
    const detector = new HoldDetector(options.heldS);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const own = new AbortController();
    /** @param {Outcome} outcome */
    const settle = (outcome) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      own.abort();
      resolve(outcome);
    };
    const abort = () => settle({ reason: "stopped" });
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    /** @param {number} seconds @param {boolean} useless */
    const wait = (seconds, useless) => {
      clearTimeout(timer);
      timer = setTimeout(() => settle({ reason: `${NOTHING[transport]} for ${seconds} s`, useless }), seconds * 1000);
    };
    wait(options.patienceS, !trusted);

    /** @type {Connection["take"]} */
    const take = (record) => {
      if (settled || record === null || typeof record !== "object") return;
      if (typeof record.end === "string" || (transport === "polling" && record.message === undefined)) {
        const count = Number(record.count);
        if (count === progress.next) settle({ ended: true, held });
        else settle({ reason: `${name} ended after ${progress.next} of ${count} pieces` });
        return;
      }
      const seq = Number(record.seq ?? record.cnt);
      const text = record.delta ?? record.message;
      if (!Number.isSafeInteger(seq) || typeof text !== "string") return refused("sent something that is not a piece");
      if (seq < progress.next) return; // it arrived before, perhaps over another transport
      if (seq > progress.next) return settle({ reason: `${name} left out piece ${progress.next}` });
      progress.next += 1;
      wait(options.quietS, false);
      onPiece({ seq, text, transport });
      const span_s = detector.add(record.at_s, performance.now());
      if (span_s && !held) {
        held = true;
        // In a timer: the rest of this delivery is already here and is taken first.
        setTimeout(() => settle({ reason: `${name} held pieces for ${span_s.toFixed(1)} s or longer`, useless: true }));
      }
    };
    /** @type {Connection["lost"]} */
    const lost = (why, waitS = 0) => settle({ reason: `${name} ${why}`, waitS });
    // If the transport worked a moment ago, the server may be away, or a proxy refuses in its place.
    /** @type {Connection["refused"]} */
    const refused = (why) => settle({ reason: `${name} ${why}`, useless: !trusted });
    const next = () => progress.next;
    OPEN[transport]({ address, take, lost, refused, signal: own.signal, next, pollEveryS: options.pollEveryS });
  });
}
