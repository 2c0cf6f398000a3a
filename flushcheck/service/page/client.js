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
 * - If no piece comes within `patienceS` seconds, the transport is dead or held, and the next one is tried. After a round
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

/** @typedef {"events" | "chunked" | "websocket" | "polling"} Transport */
/** @typedef {{ended: true, held: boolean} | {ended?: undefined, reason: string, useless?: boolean, waitS?: number}} Outcome
 * of one connection; `useless`: do not try this transport again */

/** @type {readonly Transport[]} */
export const ORDER = ["events", "chunked", "websocket", "polling"];

const END = "done";
const MIN_TOGETHER = 3; // pieces in one delivery before it can count as held
const SAME_DELIVERY_MS = 12; // reads closer than this are one delivery
const UNAVAILABLE = [429, 502, 503, 504]; // the server, or a proxy, expects to be available again
const MAX_PAUSE_MS = 2000;

const NAMES = { events: "server-sent events", chunked: "chunked HTTP", websocket: "WebSocket", polling: "polling" };
const NOTHING = {
  events: "no server-sent event",
  chunked: "no chunk of the response",
  websocket: "no WebSocket message",
  polling: "no response to a poll",
};

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

/**
 * Open a stream.
 * @param {object} options
 * @param {Partial<Record<Transport, string>>} options.urls by transport
 * @param {(piece: {seq: number, text: string, transport: Transport}) => void} options.onPiece
 * @param {(change: {transport: Transport, reason: string}) => void} [options.onTransport]
 * @param {readonly Transport[]} [options.order]
 * @param {number} [options.patienceS] how long a transport may be silent before its first piece
 * @param {number} [options.quietS] how long it may be silent between two pieces
 * @param {number} [options.heldS] pieces sent over more than this must not arrive together
 * @param {number} [options.retries] of a transport that has not delivered a piece yet
 * @param {number} [options.returnS] how long a transport that has delivered pieces is tried again after a break
 * @param {number} [options.rounds] through all transports without a new piece before it gives up
 * @param {number} [options.pollEveryS]
 * @param {typeof resumeByStart} [options.resume]
 * @param {AbortSignal} [options.signal]
 * @returns {{done: Promise<{ended: string, pieces: number, transport: Transport | "", held: boolean}>, stop: () => void}}
 */
export function openStream(options) {
  const { onPiece, onTransport = () => {}, heldS = 1, retries = 2, rounds = 3, pollEveryS = 0.1 } = options;
  const { patienceS = 3, quietS = 20, returnS = 15, resume = resumeByStart } = options;
  const order = (options.order ?? ORDER).filter((transport) => options.urls[transport]);
  const control = new AbortController();
  const stop = () => control.abort();
  options.signal?.addEventListener("abort", stop);
  let next = 0;

  async function run() {
    let round = 0;
    let fruitless = 0; // rounds
    let reason = "first choice";
    for (let index = 0; ; index += 1) {
      const transport = order[index % order.length];
      if (!transport) return { ended: "failed", pieces: next, transport: /** @type {const} */ (""), held: false };
      if (index && index % order.length === 0) {
        round += 1;
        fruitless += 1;
        if (fruitless >= rounds) return { ended: "failed", pieces: next, transport, held: false };
      }
      onTransport({ transport, reason });
      let trusted = false; // it has delivered pieces
      let broke_ms = 0;
      for (let failures = 1; ; failures += 1) {
        const before = next;
        const outcome = await attempt(transport, trusted ? quietS : patienceS * 2 ** round, trusted);
        if (control.signal.aborted) return { ended: "stopped", pieces: next, transport, held: false };
        if (outcome.ended) return { ended: "complete", pieces: next, transport, held: outcome.held };
        reason = outcome.reason;
        if (next > before) {
          trusted = true;
          fruitless = 0;
          failures = 1;
          broke_ms = performance.now();
        }
        const enough = trusted ? performance.now() - broke_ms > returnS * 1000 : failures > retries;
        if (outcome.useless || enough) break;
        onTransport({ transport, reason: `${reason}; ${next ? `resuming after piece ${next - 1}` : "one more try"}` });
        await pause(pauseMs(failures, outcome.waitS), control.signal);
      }
    }
  }

  /** One connection.
   * @param {Transport} transport
   * @param {number} patience
   * @param {boolean} trusted
   * @returns {Promise<Outcome>} */
  function attempt(transport, patience, trusted) {
    return new Promise((resolve) => {
      const name = NAMES[transport];
      let settled = false;
      let held = false;
      const detector = new HoldDetector(heldS);
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const own = new AbortController();
      /** @param {Outcome} outcome */
      const settle = (outcome) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        control.signal.removeEventListener("abort", abort);
        own.abort();
        resolve(outcome);
      };
      const abort = () => settle({ reason: "stopped" });
      if (control.signal.aborted) return abort();
      control.signal.addEventListener("abort", abort);
      /** @param {number} seconds @param {boolean} useless */
      const wait = (seconds, useless) => {
        clearTimeout(timer);
        timer = setTimeout(() => settle({ reason: `${NOTHING[transport]} for ${seconds} s`, useless }), seconds * 1000);
      };
      wait(patience, !trusted);

      /** @type {Connection["take"]} */
      const take = (record) => {
        if (settled || record === null || typeof record !== "object") return;
        if (typeof record.end === "string" || (transport === "polling" && record.message === undefined)) {
          const count = Number(record.count);
          if (count === next) settle({ ended: true, held });
          else settle({ reason: `${name} ended after ${next} of ${count} pieces` });
          return;
        }
        const seq = Number(record.seq ?? record.cnt);
        const text = record.delta ?? record.message;
        if (!Number.isSafeInteger(seq) || typeof text !== "string")
          return refused("sent something that is not a piece");
        if (seq < next) return; // it came before, perhaps over another transport
        if (seq > next) return settle({ reason: `${name} left out piece ${next}` });
        next += 1;
        wait(quietS, false);
        onPiece({ seq, text, transport });
        const span_s = detector.add(record.at_s, performance.now());
        if (span_s && !held) {
          held = true;
          // In a timer: the rest of this delivery is already here and is taken first.
          setTimeout(() =>
            settle({ reason: `${name} held pieces for ${span_s.toFixed(1)} s or longer`, useless: true }),
          );
        }
      };
      /** @type {Connection["lost"]} */
      const lost = (why, waitS = 0) => settle({ reason: `${name} ${why}`, waitS });
      // If the transport worked a moment ago, the server may be away, or a proxy refuses in its place.
      /** @type {Connection["refused"]} */
      const refused = (why) => settle({ reason: `${name} ${why}`, useless: !trusted });
      const address = resume(options.urls[transport] ?? "", transport, next);
      OPEN[transport]({ address, take, lost, refused, signal: own.signal, next: () => next, pollEveryS });
    });
  }

  const done = run().finally(() => options.signal?.removeEventListener("abort", stop));
  return { done, stop };
}

/** Finds pieces that were held together. A machine or a network may stall once; a buffer holds from the start, or again
 * and again. Exported for tests. */
export class HoldDetector {
  #heldS;
  #came_ms = Number.NEGATIVE_INFINITY;
  #first_s = 0; // when the first piece of this delivery was sent
  #pieces = 0; // in this delivery
  #deliveries = 0;
  #late = false; // this delivery
  #lateInARow = 0;

  /** @param {number} heldS */
  constructor(heldS) {
    this.#heldS = heldS;
  }

  /** Add a piece.
   * @param {number} sent_s on the server's clock
   * @param {number} now_ms when it arrived, on the client's clock
   * @returns {number} over how many seconds the pieces were sent that were held together; 0 while nothing is held */
  add(sent_s, now_ms) {
    if (now_ms - this.#came_ms > SAME_DELIVERY_MS) {
      if (!this.#late) this.#lateInARow = 0;
      this.#deliveries += 1;
      this.#first_s = sent_s;
      this.#pieces = 0;
      this.#late = false;
    }
    this.#came_ms = now_ms;
    this.#pieces += 1;
    const span_s = sent_s - this.#first_s;
    if (this.#pieces < MIN_TOGETHER || !(span_s > this.#heldS)) return 0;
    if (!this.#late) this.#lateInARow += 1;
    this.#late = true;
    return this.#deliveries === 1 || this.#lateInARow > 1 ? span_s : 0;
  }
}

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
const OPEN = {
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

/** Longer after each failure, and different for each client, so that not all return in one moment. Exported for tests.
 * @param {number} failures
 * @param {number} [waitS] what the server asked for
 * @param {number} [random] from 0 to 1 */
export const pauseMs = (failures, waitS = 0, random = Math.random()) =>
  Math.max(waitS * 1000, Math.min(MAX_PAUSE_MS, 100 * 2 ** failures)) * (0.75 + random / 2);

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

/** @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>} */
function pause(milliseconds, signal) {
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
