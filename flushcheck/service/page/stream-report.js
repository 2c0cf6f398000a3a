// What the report says of a stream of the visitor's own app: its format, its tokens, how it ended. The sentences are the
// service's, those of `flushcheck watch`.

import { el } from "./dom.js";

/** @import { StreamReport } from "./types.d.ts" */

/** @param {number | null} seconds */
const inSeconds = (seconds) => (seconds === null ? "–" : `${seconds.toFixed(2)} s`);

/** @param {StreamReport | null} stream
 * @returns {HTMLElement | null} null in a report on a flushcheck service, and where nothing arrived */
export function streamPanel(stream) {
  if (!stream?.records) return null;
  const isModel = stream.ttft_s !== null && stream.format !== stream.framing;
  /** @type {[string, string][]} */
  const numbers = [
    ["records", String(stream.records)],
    ["deliveries", String(stream.deliveries)],
    ["records per delivery", stream.records_per_delivery.toFixed(1)],
    ["longest wait", inSeconds(stream.longest_gap_s)],
    ...(isModel
      ? /** @type {[string, string][]} */ ([
          ["tokens", String(stream.tokens)],
          ["first token after", inSeconds(stream.ttft_s)],
        ])
      : []),
  ];
  return el(
    "section",
    { class: "panel", "data-part": "stream" },
    el("h3", {}, "The stream"),
    el("p", {}, `${stream.format}, ${stream.summary}`),
    el(
      "dl",
      { class: "numbers" },
      ...numbers.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { "data-number": name }, value))),
    ),
    ...stream.sentences.map((sentence) => el("p", {}, sentence)),
  );
}
