// Records and how they are framed: the JavaScript half of flushcheck/streaming/transports. Fed text cut anywhere; whatever
// comes may be a stranger's, so every field is looked at before it is used.

const MAX_PENDING = 256 * 1024; // characters of a record that is not whole yet, as in streaming/transports/records.py
const WORDS = ["END", "[DONE]"]; // endings that are a literal text

export class Malformed extends Error {}

/** One record: {piece: {seq, at_s, text}} or {end: {name, count, at_s, request_at_app}}. Throws Malformed. */
export function load(text) {
  if (WORDS.includes(text.trim())) return { end: { name: text.trim(), count: null, at_s: null, request_at_app: null } };
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Malformed(`not a flushcheck record: ${text.slice(0, 80)}`);
  }
  if (data !== null && typeof data === "object") {
    const { seq, at_s, delta, end, count } = data;
    if (typeof end === "string" && Number.isSafeInteger(count)) {
      return { end: { name: end, count, at_s: Number(at_s) || 0, request_at_app: data.request_at_app ?? null } };
    }
    if (Number.isSafeInteger(seq) && seq >= 0 && Number.isFinite(at_s) && typeof delta === "string") {
      return { piece: { seq, at_s, text: delta } };
    }
  }
  throw new Malformed(`not a flushcheck record: ${text.slice(0, 80)}`);
}

/** Newline-delimited records; blank lines are padding. */
export class Lines {
  #pending = "";

  feed(text) {
    const lines = (this.#pending + text).split("\n");
    this.#pending = lines.pop();
    if (this.#pending.length > MAX_PENDING) throw new Malformed("a line without an end");
    return lines.filter((line) => line.trim()).map((line) => ({ raw: `${line}\n`, ...load(line) }));
  }
}

/** The specification's event stream interpreter (WHATWG HTML 9.2.6), as far as records need it. */
export class Events {
  #pending = "";
  #raw = "";
  #data = [];

  feed(text) {
    let pending = this.#pending + text;
    // A CR at the very end may be half of a CRLF: wait for what follows.
    let tail = "";
    if (pending.endsWith("\r")) [pending, tail] = [pending.slice(0, -1), "\r"];
    const lines = pending.split(/\r\n|\r|\n/);
    this.#pending = lines.pop() + tail;
    if (this.#pending.length > MAX_PENDING) throw new Malformed("an event without an end");
    const found = [];
    for (const line of lines) {
      this.#raw += `${line}\n`;
      if (line === "") {
        if (this.#data.length) found.push({ raw: this.#raw, ...load(this.#data.join("\n")) });
        this.#data = [];
        this.#raw = "";
      } else if (line.startsWith("data:")) {
        this.#data.push(line.slice(5).replace(/^ /, ""));
      }
    }
    return found;
  }
}
