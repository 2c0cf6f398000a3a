// What a worker keeps of one stream while it is read.

import { printable, round } from "./observation-values.js";
import { pollAddress } from "./read-polling.js";
import { timingOf } from "./request-timing.js";
import { since } from "./streams.js";

/** @import { Arrival, Bounds, Header, Listener, StreamEnd } from "./types.d.ts" */

const encoder = new TextEncoder();

/** Collects what happens to one stream.
 * @implements {Listener} */
export class Capture {
  began = performance.now();
  control = new AbortController();
  status = 0;
  headers_s = 0;
  /** @type {Header[]} */
  headers = [];
  /** @type {Arrival[]} */
  arrivals = [];
  /** @type {StreamEnd | null} */
  end = null;
  /** @type {unknown} */
  request_at_app = null;
  pieces = 0;
  flood = false; // more reads arrived than a stream of the service can cause
  #bounds;

  /** @param {Bounds} bounds */
  constructor(bounds) {
    this.#bounds = bounds;
  }

  /** @param {{status: number, headers: Header[]}} response */
  opened({ status, headers }) {
    this.status = status;
    this.headers_s = since(this.began);
    const { max_headers, max_header_chars } = this.#bounds;
    this.headers = headers
      .slice(0, max_headers)
      .map(([name, value]) => [name.toLowerCase().slice(0, 100), printable(value).slice(0, max_header_chars)]);
  }

  /** @param {number} bytes */
  read(bytes) {
    this.flood ||= this.arrivals.length >= this.#bounds.max_arrivals;
    if (this.flood) return this.control.abort();
    // A browser does not report compressed sizes: both numbers are the size of the text.
    this.arrivals.push({ at_s: since(this.began), size_bytes: bytes, text_bytes: bytes, pieces: [] });
  }

  /** @type {NonNullable<Listener["record"]>} */
  record({ piece, end }, sent_s = 0) {
    if (this.flood) return;
    if (end) {
      this.end = end;
      this.request_at_app = end.request_at_app;
    }
    if (piece) {
      this.pieces += 1;
      const size_bytes = encoder.encode(piece.text).length;
      this.arrivals.at(-1)?.pieces.push({ seq: piece.seq, sent_s: round(sent_s), size_bytes });
    }
  }

  /** Polls: count from the moment a request was sent, so that the time to connect is no delay.
   * @param {string} url */
  countFromRequests(url) {
    for (const piece of this.arrivals.flatMap(({ pieces }) => pieces)) {
      const sent = timingOf(pollAddress(url, piece.seq))?.requestStart;
      if (sent) piece.sent_s = round((sent - this.began) / 1000);
    }
  }
}
