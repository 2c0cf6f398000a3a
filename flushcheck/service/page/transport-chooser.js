// "Which transport works here?": client.js at work, and what it decided.

import { openStream } from "./client.js";
import { $, copyable, el } from "./dom.js";
import { TRANSPORT_LABELS } from "./labels.js";
import { root, settings } from "./settings.js";
import { formValues, streamQuery } from "./stream-form.js";

/** @import { Transport } from "./types.d.ts" */

const MIN_S = 6; // in a shorter stream a hold cannot be told from a pause

/** @type {ReturnType<typeof openStream> | null} */
let current = null;

$("#client-code").replaceChildren(
  copyable(`<script type="module">
import { openStream } from "${root}client.js";

const stream = openStream({
  urls: { events: "/stream/events", chunked: "/stream/chunked", websocket: "/stream/ws", polling: "/stream/polling" },
  onPiece: ({ text }) => output.append(text),
  onTransport: ({ transport, reason }) => console.info(transport, reason),
});
const { ended, transport, held } = await stream.done;
</script>`),
);

/** Start the client, or stop it.
 * @param {HTMLElement} button */
export async function startChooser(button) {
  if (current) return current.stop();
  const text = document.createTextNode("");
  const began = performance.now();
  /** @param {string} sentence */
  const log = (sentence) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    $("#client-log").append(el("li", {}, `${seconds} s: ${sentence}`));
  };
  $("#client-log").replaceChildren();
  $("#client-text").replaceChildren(text);
  $("#client-text").dataset.empty = "";
  show("Trying the transports in order…", "");
  button.textContent = "Stop";
  const interval_s = Number(formValues().interval);
  /** @type {Transport | ""} */
  let before = "";
  current = openStream({
    urls: addresses(interval_s),
    pollEveryS: Math.max(0.02, interval_s),
    onPiece: (piece) => {
      text.appendData(piece.text);
      $("#client-text").scrollTop = $("#client-text").scrollHeight;
    },
    onTransport: ({ transport, reason }) => {
      show(`Trying ${inSentence(transport)}.`, "");
      if (before === "") log(`${TRANSPORT_LABELS[transport]} first`);
      else log(before === transport ? reason : `${reason}, so now ${inSentence(transport)}`);
      before = transport;
    },
  });
  const result = await current.done;
  current = null;
  button.textContent = "Find the transport";
  const [sentence, tone] = conclusion(result);
  show(sentence, tone);
  log(sentence);
}

/** The streams as the form describes them, long enough to see a hold.
 * @param {number} interval_s */
function addresses(interval_s) {
  const values = formValues();
  const query = new URLSearchParams(streamQuery(values));
  for (const name of ["end", "format"]) query.delete(name);
  if (interval_s) query.set("count", String(Math.max(Number(values.count), Math.ceil(MIN_S / interval_s))));
  query.set("nonce", Math.random().toString(36).slice(2));
  return Object.fromEntries(
    Object.entries(settings.routes).map(([transport, path]) => [transport, `${root}${path.slice(1)}?${query}`]),
  );
}

/** The label inside a sentence: "chunked HTTP", but "WebSocket" and "JSON polling".
 * @param {Transport} transport */
function inSentence(transport) {
  const label = TRANSPORT_LABELS[transport];
  return ["chunked", "events"].includes(transport) ? label.charAt(0).toLowerCase() + label.slice(1) : label;
}

/** @param {{ended: string, pieces: number, transport: Transport | "", held: boolean}} result
 * @returns {[sentence: string, tone: string]} */
function conclusion({ ended, pieces, transport, held }) {
  if (ended === "stopped") return [`Stopped after ${pieces} pieces.`, ""];
  if (ended !== "complete" || !transport) return [`No transport worked; ${pieces} pieces arrived.`, "bad"];
  const label = inSentence(transport);
  if (held) return [`All ${pieces} pieces arrived over ${label}, but together at the end.`, "bad"];
  return [`Use ${label} here: all ${pieces} pieces arrived, each once.`, "good"];
}

/** @param {string} sentence
 * @param {string} tone */
function show(sentence, tone) {
  $("#client-status").textContent = sentence;
  $("#client-status").dataset.tone = tone;
}
