// The records of a stream as they were on the wire. A browser removes the outer frame before a page sees the data; the
// table restores it from the record's length, because the frame holds nothing else.

import { el } from "./dom.js";

/** @import { Transport } from "./types.d.ts" */
/** @typedef {{arrived_s: number, read: number, raw: string}} WireRecord `read` is the number of the browser's read that completed it */

/** @type {Record<Transport, string>} */
export const WIRE_NOTES = {
  polling: "Each response is complete and has a Content-Length.",
  chunked:
    "On HTTP/1.1 the service writes each piece as one chunk: its size in hexadecimal, a line end, the bytes, a line end. The browser removes the size and the last line end; this table restores them. Over HTTP/2 and HTTP/3 the first server sends DATA frames instead of chunks.",
  events:
    "Chunked HTTP, with the framing of server-sent events inside. The browser removes the chunk’s size and its last line end; this table restores them. Over HTTP/2 and HTTP/3 the first server sends DATA frames instead of chunks.",
  websocket:
    "Each piece is a text frame: 81, the length, the bytes. The browser removes the frame’s header; this table restores it.",
};

const utf8 = new TextEncoder();

/** The rows of the table.
 * @param {Transport} transport
 * @param {readonly WireRecord[]} records */
export function wireRows(transport, records) {
  return records.map(({ arrived_s, read, raw }, index) => {
    const bytes = utf8.encode(raw).length;
    const [head, tail] = framing(transport, bytes);
    const newRead = records[index - 1]?.read !== read;
    return el(
      "tr",
      { class: newRead && "read" },
      el("td", {}, newRead ? arrived_s.toFixed(3) : ""),
      el("td", {}, String(bytes)),
      el("td", {}, el("span", { class: "framing" }, head), visible(raw), el("span", { class: "framing" }, tail)),
    );
  });
}

/** What the browser removed before and after a record.
 * @param {Transport} transport
 * @param {number} bytes */
function framing(transport, bytes) {
  if (transport === "polling") return ["", ""];
  if (transport !== "websocket") return [`${bytes.toString(16)}\\r\\n`, "\\r\\n"];
  // RFC 6455, section 5.2
  const length = bytes < 126 ? hex(bytes, 2) : bytes < 65536 ? `7e ${hex(bytes, 4)}` : `7f ${hex(bytes, 16)}`;
  return [`81 ${length} `, ""];
}

/** @param {number} number
 * @param {number} digits */
const hex = (number, digits) => number.toString(16).padStart(digits, "0");

/** @type {Record<string, string>} */
const ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** @param {string} text */
const visible = (text) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is made visible
  text.replace(/[\x00-\x1f\x7f]/g, (char) => ESCAPES[char] ?? "\ufffd");
