/**
 * One stream over whichever transport flows here.
 *
 *     import { openStream } from "https://your.example/client.js";
 *
 *     const stream = openStream({
 *       urls: { events: "/stream/events", chunked: "/stream/chunked", websocket: "/stream/ws", polling: "/stream/polling" },
 *       onPiece: ({ seq, text }) => show(text),          // each number once, in order
 *       onTransport: ({ transport, reason }) => {},      // "events", then perhaps others, and why
 *     });
 *     const { ended, pieces, held } = await stream.done; // "complete", "stopped" or "failed"; held: see below
 *     stream.stop();                                     // ends the server's work too
 *
 * How it decides
 * - It opens the transports in order: server-sent events, chunked HTTP, WebSocket, polling. Those without a URL are left out.
 * - Nothing within `patienceS` seconds: the transport is dead, or opened and held. The next one is tried. After a whole
 *   round without a piece the patience doubles, so a server that thinks for long is waited for in the end.
 * - Pieces that were sent over more than `heldS` seconds and came all at once: held, if they are the first that came or if
 *   that happens twice in a row (a machine or a network may stall once). Those that came are kept, the next
 *   transport goes on behind them. If they are the stream's last, there is nothing to go on with: `held` is true then.
 * - A stream that breaks is resumed behind the last piece. Where the transport had brought pieces before, it is trusted and
 *   tried again for `returnS` seconds: servers restart, and end their streams when they do (an event stream with `retry`, a
 *   WebSocket with 1012, a chunked answer without its end record; then perhaps 503 for a while). Where it had not, it is
 *   tried `retries` times more; then the next one. Polling is the last: nothing can hold it.
 *
 * What the server has to say (flushcheck's delta framing; see /stream/* with format=delta)
 * - Each piece: {"seq": n, "at_s": seconds since this stream began, "delta": text}: an SSE event `delta`, a line of chunked
 *   text, a WebSocket message. Polling answers {"message": text, "cnt": n, "count": all}, and 400 with {"count": all} past
 *   the end.
 * - The end: {"end": name, "count": all}, an event `done` in SSE.
 * - `start=n` in the query begins at piece n (`resume` below, if yours does it otherwise). So no piece is lost or told twice,
 *   whoever answers next: what is told is counted here.
 *
 * No dependencies, no globals; works in any page that may connect to the server (CORS, connect-src).
 */

export const ORDER = ["events", "chunked", "websocket", "polling"];

const END = "done";
const LEAST_TOGETHER = 3; // pieces in one delivery before it can be called held
const SAME_DELIVERY_MS = 12; // reads closer than this are one delivery
const AWAY = [429, 502, 503, 504]; // answers of a server that will be there again
const MOST_PAUSE_MS = 2000;

/** Where to ask for the pieces from `next` on. */
export function resumeByStart(url, transport, next) {
  const wanted = new URL(url, location.href);
  wanted.searchParams.set("format", "delta");
  if (transport !== "polling") {
    wanted.searchParams.set("end", END);
    if (next) wanted.searchParams.set("start", next);
  }
  return wanted.href;
}

/**
 * Open a stream.
 * @param {object} options
 * @param {Record<string, string>} options.urls by transport
 * @param {(piece: {seq: number, text: string, transport: string}) => void} options.onPiece
 * @param {(change: {transport: string, reason: string}) => void} [options.onTransport]
 * @param {string[]} [options.order]
 * @param {number} [options.patienceS] how long a transport may be silent at first
 * @param {number} [options.quietS] how long it may be silent in the midst of the stream
 * @param {number} [options.heldS] what is too late
 * @param {number} [options.retries] on a transport that has not brought a piece yet
 * @param {number} [options.returnS] how long one that has is waited for when it breaks
 * @param {number} [options.rounds] through all transports without a new piece, before it gives up
 * @param {number} [options.pollEveryS]
 * @param {typeof resumeByStart} [options.resume]
 * @param {AbortSignal} [options.signal]
 * @returns {{done: Promise<{ended: string, pieces: number, transport: string, held: boolean}>, stop: () => void}}
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
    for (let index = 0, reason = "first choice"; order.length; index += 1) {
      const transport = order[index % order.length];
      if (index && index % order.length === 0) {
        round += 1;
        fruitless += 1;
        if (fruitless >= rounds) return { ended: "failed", pieces: next, transport, held: false };
      }
      onTransport({ transport, reason });
      let trusted = false; // it has brought pieces
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
        onTransport({ transport, reason: next ? `${reason}; going on behind piece ${next - 1}` : `${reason}; once more` });
        await pause(wait_ms(failures, outcome.waitS), control.signal);
      }
    }
    return { ended: "failed", pieces: next, transport: "", held: false };
  }

  /** One connection. Resolves with {ended: true, held}, or {reason, useless, waitS}. */
  function attempt(transport, patience, trusted) {
    return new Promise((resolve) => {
      let settled = false;
      let held = false;
      const together = new Together(heldS);
      let timer = 0;
      const own = new AbortController();
      const settle = (outcome) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        control.signal.removeEventListener("abort", abort);
        own.abort();
        resolve(outcome);
      };
      const abort = () => settle({ reason: "stopped" });
      if (control.signal.aborted) return settle({ reason: "stopped" });
      control.signal.addEventListener("abort", abort);
      const wait = (seconds, reason, useless) => {
        clearTimeout(timer);
        timer = setTimeout(() => settle({ reason, useless }), seconds * 1000);
      };
      wait(patience, `${transport}: nothing came within ${patience} s`, !trusted);

      const take = (record) => {
        if (settled || record === null || typeof record !== "object") return;
        if (typeof record.end === "string" || (transport === "polling" && record.message === undefined)) {
          const count = Number(record.count);
          if (count === next) settle({ ended: true, held });
          else settle({ reason: `${transport}: ended after piece ${next - 1} of ${count}` });
          return;
        }
        const seq = Number(record.seq ?? record.cnt);
        const text = record.delta ?? record.message;
        if (!Number.isSafeInteger(seq) || typeof text !== "string") {
          return refused("not a piece");
        }
        if (seq < next) return; // had it already
        if (seq > next) return settle({ reason: `${transport}: piece ${next} is missing` });
        next += 1;
        wait(quietS, `${transport}: silent for ${quietS} s`, false);
        onPiece({ seq, text, transport });
        const span = together.add(record.at_s);
        if (span > heldS && !held) {
          held = true;
          // All of this delivery first: it is here already.
          setTimeout(() => settle({ reason: `${transport}: held for ${span.toFixed(1)} s and more`, useless: true }));
        }
      };
      const lost = (why, waitS = 0) => settle({ reason: `${transport}: ${why}`, waitS });
      // Of one that worked a moment ago it may be the server that is away, or a proxy that says so.
      const refused = (why) => settle({ reason: `${transport}: ${why}`, useless: !trusted });
      const address = resume(options.urls[transport], transport, next);
      OPEN[transport]({ address, take, lost, refused, signal: own.signal, next: () => next, pollEveryS });
    });
  }

  const done = run().finally(() => options.signal?.removeEventListener("abort", stop));
  return { done, stop };
}

/** What came together. A machine or a network may stall once, a buffer holds from the start or again and again. */
class Together {
  #heldS;
  #came_ms = -Infinity;
  #first_s = 0; // when the first piece of this delivery was sent
  #pieces = 0; // in this delivery
  #deliveries = 0;
  #late = false; // this delivery
  #lateInARow = 0;

  constructor(heldS) {
    this.#heldS = heldS;
  }

  /** A piece that was sent at this moment has come; over how many seconds those were sent that were held together, else 0. */
  add(sent_s) {
    const now = performance.now();
    if (now - this.#came_ms > SAME_DELIVERY_MS) {
      if (!this.#late) this.#lateInARow = 0;
      this.#deliveries += 1;
      this.#first_s = sent_s;
      this.#pieces = 0;
      this.#late = false;
    }
    this.#came_ms = now;
    this.#pieces += 1;
    const span = sent_s - this.#first_s;
    if (this.#pieces < LEAST_TOGETHER || !(span > this.#heldS)) return 0;
    if (!this.#late) this.#lateInARow += 1;
    this.#late = true;
    return this.#deliveries === 1 || this.#lateInARow > 1 ? span : 0;
  }
}

const OPEN = {
  events({ address, take, lost, signal }) {
    const source = new EventSource(address);
    signal.addEventListener("abort", () => source.close());
    const read = ({ data }) => take(parse(data));
    source.addEventListener("delta", read);
    source.addEventListener(END, read);
    source.onmessage = read;
    source.onerror = () => {
      source.close(); // it would resume by itself, but not on another transport
      lost("the connection broke");
    };
  },

  async chunked({ address, take, lost, refused, signal }) {
    try {
      const response = await fetch(address, { signal, cache: "no-store" });
      if (AWAY.includes(response.status)) return lost(`answered with ${response.status}`, retryAfter(response));
      if (!response.ok) return refused(`answered with ${response.status}`);
      const reader = response.body.getReader();
      const text = new TextDecoder();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) break;
        const lines = (rest + text.decode(value, { stream: true })).split("\n");
        rest = lines.pop();
        for (const line of lines) if (line.trim()) take(parse(line));
      }
      lost("ended without its last word");
    } catch (error) {
      lost(String(error.message));
    }
  },

  websocket({ address, take, lost, refused, signal }) {
    const socket = new WebSocket(address.replace(/^http/, "ws"));
    signal.addEventListener("abort", () => {
      if (socket.readyState === WebSocket.OPEN) socket.send("stop");
      socket.close();
    });
    let opened = false;
    socket.onopen = () => (opened = true);
    socket.onmessage = ({ data }) => take(parse(data));
    socket.onclose = ({ code }) => (opened ? lost(`closed with code ${code}`) : refused("the handshake failed"));
  },

  async polling({ address, take, lost, signal, next, pollEveryS }) {
    const wanted = new URL(address);
    try {
      for (;;) {
        const seq = next();
        wanted.searchParams.set("cnt", seq);
        const response = await fetch(wanted, { signal, cache: "no-store" });
        if (!response.ok && response.status !== 400) return lost(`answered with ${response.status}`, retryAfter(response));
        take(await response.json());
        if (signal.aborted) return;
        if (next() === seq) return lost(`no piece ${seq} in the answer`);
        await pause(pollEveryS * 1000, signal);
      }
    } catch (error) {
      lost(String(error.message));
    }
  },
};

const retryAfter = (response) => Number(response.headers.get("Retry-After")) || 0;

/** Longer each time, and not the same for all who were cut in one moment. */
const wait_ms = (failures, waitS = 0) =>
  Math.max(waitS * 1000, Math.min(MOST_PAUSE_MS, 100 * 2 ** failures)) * (0.75 + Math.random() / 2);

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
