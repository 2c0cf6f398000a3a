// One stream of a card: what has arrived since Start. It draws nothing.

import { protocolLabel } from "./labels.js";
import { protocolOf } from "./observation-values.js";
import { readEventSource } from "./read-event-source.js";
import { readChunked } from "./read-fetch.js";
import { pollAddress, readPolling } from "./read-polling.js";
import { readWebSocket } from "./read-websocket.js";
import { timingOf, timingRecorded } from "./request-timing.js";
import { since } from "./streams.js";

/** @import { Listener, Point, RawRecord, StreamResult, Transport } from "./types.d.ts" */
/** @import { Values } from "./stream-form.js" */
/** @import { WireRecord } from "./wire-table.js" */

const MAX_TEXT = 200_000; // characters shown
const MAX_RECORDS = 300; // shown in the table of bytes

/** One stream from Start to its end. */
export class StreamRun {
  began = performance.now();
  control = new AbortController();
  /** @type {Point[]} */
  points = [];
  /** @type {WireRecord[]} */
  records = [];
  reads = 0;
  connection = 1; // the number of the current one; EventSource may open several
  opened_s = -1; // negative until the response opens
  isOver = false;
  isSilent = false; // the card says that nothing arrives
  isPretended = false; // the service holds it itself, on request
  frame = 0; // of the numbers, when they are due to be shown
  text = document.createTextNode("");

  /** @param {Values} values of the form */
  constructor(values) {
    this.end = values.end ?? "";
    this.count = Number(values.count);
    this.interval_s = Number(values.interval);
    // The same for all four cards, with some room for late pieces, so that their timelines can be compared.
    this.expected_s = this.count * this.interval_s * 1.03 + 0.3;
  }

  /** Add a record that arrives now.
   * @param {RawRecord} record
   * @param {number} sent_s */
  add({ piece, raw }, sent_s) {
    const arrived_s = since(this.began);
    if (this.records.length < MAX_RECORDS) this.records.push({ arrived_s, read: this.reads, raw });
    if (!piece) return;
    this.points.push({ sent_s, arrived_s, connection: this.connection });
    if (this.text.length < MAX_TEXT) this.text.appendData(piece.text);
  }

  /** The protocol that carried a stream that has opened and ended; "" if the browser does not report it.
   * @param {Transport} transport
   * @param {string} url */
  async protocol(transport, url) {
    const request = transport === "polling" ? pollAddress(url, 0) : url;
    const status = transport === "websocket" ? 101 : 200;
    if (status === 200) await timingRecorded(request);
    const nextHopProtocol = timingOf(request)?.nextHopProtocol;
    return protocolLabel(protocolOf(url, { transport, status, nextHopProtocol }).http_version);
  }

  /** Read the stream to its end.
   * @param {Transport} transport
   * @param {string} url
   * @param {{listener: Listener, maxPendingBytes: number}} options
   * @returns {Promise<StreamResult>} */
  read(transport, url, { listener, maxPendingBytes }) {
    const options = { signal: this.control.signal, maxPendingBytes, listener };
    switch (transport) {
      case "polling":
        return readPolling(url, { ...options, began: this.began, interval_s: this.interval_s });
      case "chunked":
        return readChunked(url, options);
      case "events":
        return readEventSource(url, { ...options, end: this.end });
      case "websocket":
        return readWebSocket(url, options);
    }
  }
}
