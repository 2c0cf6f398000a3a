// The records of a stream and their framing: the JavaScript half of flushcheck/streaming/transports. Pure functions.
//
// A decoder is fed text that is cut anywhere and returns the records that are complete. The text may come from a
// server that is no flushcheck service, so every field is checked before it is used.

/** @import { RawRecord, StreamRecord } from "./types.d.ts" */

const LITERAL_ENDS = ["END", "[DONE]"]; // a stream may end with one of these texts instead of a JSON object

/** The text is not a stream of flushcheck. */
export class Malformed extends Error {}

/** Parse one record.
 * @param {string} text
 * @returns {StreamRecord}
 * @throws {Malformed} */
export function parseRecord(text) {
  const name = text.trim();
  if (LITERAL_ENDS.includes(name)) return { end: { name, count: null, at_s: null, request_at_app: null } };
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw notARecord(text);
  }
  if (data !== null && typeof data === "object") {
    const { seq, at_s, delta, end, count } = data;
    if (typeof end === "string" && Number.isSafeInteger(count)) {
      const { request_at_app = null, pretended } = data;
      return { end: { name: end, count, at_s: Number(at_s) || 0, request_at_app, ...(pretended && { pretended }) } };
    }
    if (Number.isSafeInteger(seq) && seq >= 0 && Number.isFinite(at_s) && typeof delta === "string") {
      return { piece: { seq, at_s, text: delta } };
    }
  }
  throw notARecord(text);
}

/** @param {string} text */
const notARecord = (text) => new Malformed(`not a flushcheck record: ${text.slice(0, 80)}`);

/** Decodes records that are separated by newlines. Blank lines are padding. */
export class LineDecoder {
  #pending = "";
  #maxPending;

  /** @param {number} maxPending characters of a record that is not complete yet */
  constructor(maxPending) {
    this.#maxPending = maxPending;
  }

  /** Take the next text and return the records that it completes.
   * @param {string} text
   * @returns {RawRecord[]}
   * @throws {Malformed} */
  feed(text) {
    const lines = (this.#pending + text).split("\n");
    this.#pending = lines.pop() ?? "";
    if (this.#pending.length > this.#maxPending) throw new Malformed("a line without an end");
    return lines.filter((line) => line.trim()).map((line) => ({ raw: `${line}\n`, ...parseRecord(line) }));
  }
}

/** Decodes records in server-sent events. Source: WHATWG HTML 9.2.6, "Interpreting an event stream"; the fields
 * `event`, `id` and `retry` are skipped, because a record needs only its data. */
export class EventDecoder {
  #pending = "";
  #raw = "";
  /** @type {string[]} */
  #data = [];
  #maxPending;

  /** @param {number} maxPending characters of an event that is not complete yet */
  constructor(maxPending) {
    this.#maxPending = maxPending;
  }

  /** Take the next text and return the records that it completes.
   * @param {string} text
   * @returns {RawRecord[]}
   * @throws {Malformed} */
  feed(text) {
    let pending = this.#pending + text;
    // A CR at the end may be the first half of a CRLF: wait for the next text.
    let tail = "";
    if (pending.endsWith("\r")) [pending, tail] = [pending.slice(0, -1), "\r"];
    const lines = pending.split(/\r\n|\r|\n/);
    this.#pending = lines.pop() + tail;
    const records = [];
    for (const line of lines) {
      const record = this.#line(line);
      if (record) records.push(record);
    }
    if (this.#raw.length + this.#pending.length > this.#maxPending) throw new Malformed("an event without an end");
    return records;
  }

  /** Take one line; returns the record if the line completes one.
   * @param {string} line
   * @returns {RawRecord | null} */
  #line(line) {
    this.#raw += `${line}\n`;
    if (line.startsWith("data:")) this.#data.push(line.slice(5)); // JSON ignores the space after the colon
    if (line !== "") return null;
    const record = this.#data.length ? { raw: this.#raw, ...parseRecord(this.#data.join("\n")) } : null;
    this.#data = [];
    this.#raw = "";
    return record;
  }
}
