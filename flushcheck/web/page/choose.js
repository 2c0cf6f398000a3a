// "Which transport shall I use here?": the client at work, and what it decided.

import { openStream } from "./client.js";
import { chosen, query } from "./controls.js";
import { $, copyable, el } from "./dom.js";

let current = null;

$("#client-code").replaceChildren(
  copyable(`<script type="module">
import { openStream } from "${new URL("client.js", document.baseURI.replace(/[?#].*/, "")).href}";

const stream = openStream({
  urls: { events: "/stream/events", chunked: "/stream/chunked", websocket: "/stream/ws", polling: "/stream/polling" },
  onPiece: ({ text }) => output.append(text),
  onTransport: ({ transport, reason }) => console.info(transport, reason),
});
const { ended, transport } = await stream.done;
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
  status.textContent = "Looking for a transport that flows…";
  status.dataset.tone = "";
  button.textContent = "Stop";
  const values = chosen();
  const base = (path) => new URL(path.slice(1), document.baseURI.replace(/[?#].*/, "")).href;
  const asked = new URLSearchParams(query(values));
  for (const name of ["end", "format"]) asked.delete(name);
  const urls = Object.fromEntries(
    Object.entries(settings.routes).map(([transport, path]) => [transport, `${base(path)}?${asked}&nonce=${Math.random().toString(36).slice(2)}`]),
  );
  current = openStream({
    urls,
    pollEveryS: Math.max(0.02, Number(values.interval)),
    onPiece: (piece) => {
      text.appendData(piece.text);
      $("#client-text").scrollTop = $("#client-text").scrollHeight;
    },
    onTransport: ({ transport, reason }) => {
      status.textContent = `Trying ${transport}.`;
      note(`${transport} (${reason})`);
    },
  });
  const { ended, pieces, transport } = await current.done;
  current = null;
  button.textContent = "Let it choose";
  status.dataset.tone = ended === "complete" ? "good" : ended === "failed" ? "bad" : "";
  status.textContent = {
    complete: `Use ${transport} here: all ${pieces} pieces came, each once.`,
    stopped: `Stopped after ${pieces} pieces.`,
    failed: `No transport worked; ${pieces} pieces came.`,
  }[ended];
  note(status.textContent);
}
