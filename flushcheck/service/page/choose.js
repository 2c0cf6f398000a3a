// "Which transport shall I use here?": the client at work, and what it decided.

import { openStream } from "./client.js";
import { chosen, query } from "./controls.js";
import { $, copyable, el } from "./dom.js";
import { TRANSPORTS } from "./words.js";

const LEAST_S = 6; // a shorter stream is over before a hold can be told from a pause

let current = null;

$("#client-code").replaceChildren(
  copyable(`<script type="module">
import { openStream } from "${new URL("client.js", document.baseURI.replace(/[?#].*/, "")).href}";

const stream = openStream({
  urls: { events: "/stream/events", chunked: "/stream/chunked", websocket: "/stream/ws", polling: "/stream/polling" },
  onPiece: ({ text }) => output.append(text),
  onTransport: ({ transport, reason }) => console.info(transport, reason),
});
const { ended, transport, held } = await stream.done;
</script>`),
);

/** Start it, or stop it. */
export async function startClient(settings, button) {
  if (current) return current.stop();
  const status = $("#client-status");
  const log = $("#client-log");
  const text = document.createTextNode("");
  const began = performance.now();
  const note = (sentence) => log.append(el("li", {}, `${((performance.now() - began) / 1000).toFixed(1)} s: ${sentence}`));
  log.replaceChildren();
  $("#client-text").replaceChildren(text);
  $("#client-text").dataset.empty = "";
  status.textContent = "Looking for a transport that flows…";
  status.dataset.tone = "";
  button.textContent = "Stop";
  const values = chosen();
  const base = (path) => new URL(path.slice(1), document.baseURI.replace(/[?#].*/, "")).href;
  const asked = new URLSearchParams(query(values));
  for (const name of ["end", "format"]) asked.delete(name);
  const interval_s = Number(values.interval);
  if (interval_s) asked.set("count", Math.max(Number(values.count), Math.ceil(LEAST_S / interval_s)));
  const urls = Object.fromEntries(
    Object.entries(settings.routes).map(([transport, path]) => [transport, `${base(path)}?${asked}&nonce=${Math.random().toString(36).slice(2)}`]),
  );
  current = openStream({
    urls,
    pollEveryS: Math.max(0.02, interval_s),
    onPiece: (piece) => {
      text.appendData(piece.text);
      $("#client-text").scrollTop = $("#client-text").scrollHeight;
    },
    onTransport: ({ transport, reason }) => {
      status.textContent = `Trying ${TRANSPORTS[transport]}.`;
      note(`${TRANSPORTS[transport]}: ${reason}`);
    },
  });
  const { ended, pieces, transport, held } = await current.done;
  current = null;
  button.textContent = "Let it choose";
  const [sentence, tone] = {
    complete: held
      ? [`All ${pieces} pieces came over ${TRANSPORTS[transport]}, but were held to the end.`, "bad"]
      : [`Use ${TRANSPORTS[transport]} here: all ${pieces} pieces came, each once.`, "good"],
    stopped: [`Stopped after ${pieces} pieces.`, ""],
    failed: [`No transport worked; ${pieces} pieces came.`, "bad"],
  }[ended];
  status.dataset.tone = tone;
  status.textContent = sentence;
  note(sentence);
}
