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
 *     const { ended, pieces } = await stream.done;       // "complete", "stopped" or "failed"
 *     stream.stop();                                     // ends the server's work too
 *
 * How it decides
 * - It opens the transports in order: server-sent events, chunked HTTP, WebSocket, polling. Those without a URL are left out.
 * - Nothing within `patienceS` seconds: the transport is dead, or opened and held. The next one is tried. After a whole
 *   round without a piece the patience doubles, so a server that thinks for long is waited for in the end.
 * - Pieces that were sent over more than `heldS` seconds and came all at once: held. Those that came are kept, the next
 *   transport goes on behind them.
 * - A stream that breaks is resumed on the same transport behind the last piece, `retries` times in a row without
 *   progress; then on the next one. Polling is the last: nothing can hold it.
 *
 * What the server has to say (flushcheck's delta framing; see /stream/* with format=delta)
 * - Each piece: {"seq": n, "at_s": seconds since this stream began, "delta": text}: an SSE event `delta`, a line of chunked
 *   text, a WebSocket message. Polling answers {"message": text, "cnt": n, "count": all}, and 400 with {"count": all} past
 *   the end.
 * - The end: {"end": name, "count": all}, an event `done` in SSE.
 * - `start=n` in the query begins at piece n (`resume` below, if yours does it otherwise).
 *
 * No dependencies, no globals; works in any page that may connect to the server (CORS, connect-src).
 */

export const ORDER = ["events", "chunked", "websocket", "polling"];

const END = "done";
const LEAST_TOGETHER = 3; // pieces in one delivery before it can be called held
const SAME_DELIVERY_MS = 12; // reads closer than this are one delivery

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
 * @param {number} [options.retries] on one transport in a row, without a new piece
 * @param {number} [options.rounds] through all transports without a new piece, before it gives up
 * @param {number} [options.pollEveryS]
 * @param {typeof resumeByStart} [options.resume]
 * @param {AbortSignal} [options.signal]
 * @returns {{done: Promise<{ended: string, pieces: number, transport: string}>, stop: () => void}}
 */
export function openStream(options) {
  const { onPiece, onTransport = () => {}, heldS = 1, retries = 2, rounds = 3, pollEveryS = 0.1 } = options;
  const { patienceS = 3, quietS = 20, resume = resumeByStart } = options;
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
        if (fruitless >= rounds) return { ended: "failed", pieces: next, transport };
      }
      onTransport({ transport, reason });
      for (let failures = 0; ; ) {
        const before = next;
        const outcome = await attempt(transport, patienceS * 2 ** round);
        if (control.signal.aborted) return { ended: "stopped", pieces: next, transport };
        if (outcome.ended) return { ended: "complete", pieces: next, transport };
        reason = outcome.reason;
        if (next > before) fruitless = 0;
        failures = next > before ? 1 : failures + 1;
        if (outcome.useless || failures > retries) break;
        onTransport({ transport, reason: next ? `${reason}; going on behind piece ${next - 1}` : `${reason}; once more` });
        await pause(Math.min(2000, 100 * 2 ** failures), control.signal);
      }
    }
    return { ended: "failed", pieces: next, transport: "" };
  }

  /** One connection. Resolves with {ended: true}, or {reason, useless}. */
  function attempt(transport, patience) {
    return new Promise((resolve) => {
      const began = performance.now();
      let settled = false;
      let delivery = { at: -Infinity, first: null, last: null, count: 0 };
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
      wait(patience, `${transport}: nothing came within ${patience} s`, true);

      const take = (record) => {
        if (settled || record === null || typeof record !== "object") return;
        if (typeof record.end === "string" || (transport === "polling" && record.message === undefined)) {
          const count = Number(record.count);
          if (count === next) settle({ ended: true });
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
        const now = performance.now();
        if (now - delivery.at > SAME_DELIVERY_MS) delivery = { first: record.at_s, count: 0 };
        delivery = { at: now, first: delivery.first, last: record.at_s, count: delivery.count + 1 };
        wait(quietS, `${transport}: silent for ${quietS} s`, false);
        onPiece({ seq, text, transport });
        const span = delivery.last - delivery.first;
        if (delivery.count >= LEAST_TOGETHER && span > heldS && !settled) {
          // All of this delivery first: it is here already.
          setTimeout(() => settle({ reason: `${transport}: held for ${span.toFixed(1)} s and more`, useless: true }));
        }
      };
      const lost = (why) => settle({ reason: `${transport}: ${why}` });
      const refused = (why) => settle({ reason: `${transport}: ${why}`, useless: true });
      const address = resume(options.urls[transport], transport, next);
      OPEN[transport]({ address, take, lost, refused, signal: own.signal, next: () => next, pollEveryS, began });
    });
  }

  const done = run().finally(() => options.signal?.removeEventListener("abort", stop));
  return { done, stop };
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
        if (!response.ok && response.status !== 400) return lost(`answered with ${response.status}`);
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
