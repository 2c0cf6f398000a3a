// What came, byte by byte: the records of a run as they were on the wire. A browser takes the outer frame off before a page
// sees anything; it is put back here from the record's length, which is all that it holds.

import { el } from "./dom.js";

export const NOTES = {
  polling: "Each answer is whole, with its Content-Length.",
  chunked:
    "On HTTP/1.1 the service writes each piece as a chunk: its size in hexadecimal, a line end, the bytes, a line end. A browser takes that frame off; it is put back here.",
  events:
    "As chunked HTTP, with the frame of server-sent events inside. A browser takes the chunk’s frame off; it is put back here.",
  websocket: "A text frame each: 81, the length, the bytes. A browser takes the frame’s head off; it is put back here.",
};

const utf8 = new TextEncoder();

/** Rows of a table: @param records [{came_s, read, raw}], where `read` counts the reads of this browser. */
export function rawRows(transport, records) {
  return records.map(({ came_s, read, raw }, index) => {
    const bytes = utf8.encode(raw).length;
    const [head, tail] = framing(transport, bytes);
    const fresh = !index || records[index - 1].read !== read;
    return el("tr", { class: fresh && "read" },
      el("td", {}, fresh ? came_s.toFixed(3) : ""),
      el("td", {}, String(bytes)),
      el("td", {}, el("span", { class: "framing" }, head), visible(raw), el("span", { class: "framing" }, tail)));
  });
}

function framing(transport, bytes) {
  if (transport === "polling") return ["", ""];
  if (transport === "websocket") {
    // RFC 6455, section 5.2
    const length = bytes < 126 ? hex(bytes, 2) : bytes < 65536 ? `7e ${hex(bytes, 4)}` : `7f ${hex(bytes, 16)}`;
    return [`81 ${length} `, ""];
  }
  return [`${bytes.toString(16)}\\r\\n`, "\\r\\n"];
}

const hex = (number, digits) => number.toString(16).padStart(digits, "0");
const visible = (text) =>
  text.replace(/[\x00-\x1f\x7f]/g, (char) => ({ "\n": "\\n", "\r": "\\r", "\t": "\\t" })[char] ?? "\ufffd");
