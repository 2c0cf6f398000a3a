// One card a transport: start, stop, the text as it grows, the picture, and what came.

import { snippets } from "./code.js";
import { chosen, query } from "./controls.js";
import { $, $$, copyable, el } from "./dom.js";
import { deliveries, HELD_S, kept, longestWait } from "./impression.js";
import { niceSpan, Picture } from "./picture.js";
import { NOTES, rawRows } from "./rawbytes.js";
import { readChunked, readEventSource, readPolling, readWebSocket, since } from "./streams.js";

const MOST_TEXT = 200_000; // characters shown
const MOST_RAW = 300; // records shown in the table of bytes
const SILENT_S = 2;

export class Card {
  #element;
  #transport;
  #path;
  #parts;
  #picture;
  #unable;
  #run = null; // what is going on; null if nothing is
  #last = null; // the run before, whose picture still stands

  /** @param unable why this transport cannot be had from this server, "" if it can. */
  constructor(element, path, { onChange, unable = "" }) {
    this.#element = element;
    this.#transport = element.dataset.transport;
    this.#path = path;
    this.#parts = Object.fromEntries($$("[data-part]", element).map((part) => [part.dataset.part, part]));
    this.#picture = new Picture(this.#parts.picture, $("h3", element).textContent);
    this.onChange = onChange;
    this.#unable = unable;
    $("[data-action=toggle]", element).addEventListener("click", () => (this.running ? this.stop() : this.start()));
    this.#parts["raw-box"].addEventListener("toggle", () => this.#showRaw());
    this.describe();
  }

  get running() {
    return this.#run !== null;
  }

  /** Show the request that Start would make. */
  describe() {
    const values = chosen();
    const url = this.#url(values);
    const blocks = snippets(this.#transport, url, {
      count: Number(values.count),
      interval: Number(values.interval),
      end: values.end,
    });
    this.#parts.code.replaceChildren(
      ...blocks.flatMap(({ title, code }) => [el("h4", {}, title), copyable(code)]),
    );
  }

  #url(values) {
    return new URL(`${this.#path.slice(1)}?${query(values)}`, document.baseURI.replace(/#.*/, "")).href;
  }

  async start() {
    this.stop();
    const values = chosen();
    const control = new AbortController();
    const run = {
      began: performance.now(),
      control,
      points: [],
      raw: [],
      reads: 0,
      connection: 1,
      interval_s: Number(values.interval),
      count: Number(values.count),
      text: document.createTextNode(""),
      // The same for all four, with some room for what is late, so that they can be compared.
      expected_s: Number(values.count) * Number(values.interval) * 1.03 + 0.3,
    };
    this.#run = this.#last = run;
    this.#parts.text.replaceChildren(run.text);
    this.#parts.text.dataset.empty = "";
    this.#parts.headers.replaceChildren(el("p", { class: "soft" }, "Nothing yet."));
    this.#parts.connections?.replaceChildren();
    if (this.#parts.loop) this.#parts.loop.hidden = true;
    this.#showRaw();
    this.#button();
    this.#say("Opening…", "");
    const ticking = this.#animate(run);
    this.onChange();
    const nonce = Math.random().toString(36).slice(2, 10);
    const url = `${this.#url(values)}&nonce=${nonce}`;
    const listener = {
      opened: ({ status, headers }) => this.#opened(run, status, headers),
      read: () => (run.reads += 1),
      record: (record, { sent_s }) => this.#record(run, record, sent_s),
      connected: (number) => this.#connected(run, number, url),
      dropped: (number) => this.#dropped(run, number),
    };
    const options = { listener, signal: control.signal };
    const read = {
      polling: () => readPolling(url, { ...options, began: run.began, interval_s: run.interval_s, nonce: true }),
      chunked: () => readChunked(url, options),
      events: () => readEventSource(url, { ...options, end: values.end }),
      websocket: () => readWebSocket(url, options),
    };
    const result = await read[this.#transport]();
    run.over = true;
    clearInterval(ticking);
    this.#draw(run);
    if (this.#run === run) {
      this.#run = null;
      this.#button();
      this.#finish(run, result);
      this.onChange();
    }
    return result;
  }

  stop() {
    if (!this.#run) return;
    this.#run.control.abort();
  }

  #opened(run, status, headers) {
    run.opened_s = since(run.began);
    const rows = headers.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)));
    const note = this.#transport === "websocket" ? "A browser shows no headers of a WebSocket's answer." : "";
    this.#parts.headers.replaceChildren(
      el("p", {}, `Status ${status}, ${run.opened_s.toFixed(2)} s after the request. ${note}`),
      el("div", { class: "scroller" }, el("table", {}, el("tbody", {}, ...rows))),
    );
    if (!run.points.length) this.#say("Open; nothing came yet.", "");
  }

  async #connected(run, number, url) {
    run.connection = number;
    if (number === 1) {
      run.opened_s = since(run.began);
      this.#say("Open; nothing came yet.", "");
      // EventSource hides its answer's headers: the same address, asked for its headers alone.
      try {
        const head = await fetch(url, { method: "HEAD", headers: { Accept: "text/event-stream" }, signal: run.control.signal });
        const rows = [...head.headers].map(([name, value]) =>
          el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)));
        this.#parts.headers.replaceChildren(
          el("p", { class: "soft" }, `EventSource shows no headers; a HEAD request to the same address got status ${head.status}:`),
          el("div", { class: "scroller" }, el("table", {}, el("tbody", {}, ...rows))),
        );
      } catch {
        return; // stopped meanwhile
      }
    } else {
      run.text.appendData(`\n— connection ${number} —\n`);
    }
    const line = el("li", {}, `Connection ${number} opened at ${since(run.began).toFixed(1)} s`);
    if (number > 1) this.#parts.connections.append(line);
  }

  #dropped(run, number) {
    this.#parts.loop.hidden = false;
    const own = run.points.filter((point) => point.connection === number).length;
    this.#parts.connections.append(
      el("li", {}, `Connection ${number} ended without a word at ${since(run.began).toFixed(1)} s, after ${own} pieces`),
    );
    this.#say("The stream ended without a word; the browser connects again by itself. Stop ends the loop.", "late");
  }

  #record(run, record, sent_s) {
    const came_s = since(run.began);
    if (run.raw.length < MOST_RAW) run.raw.push({ came_s, read: run.reads, raw: record.raw });
    if (record.piece) {
      const first = run.points.length === 0;
      const point = { seq: record.piece.seq, sent_s, came_s, connection: run.connection };
      run.points.push(point);
      if (run.text.length < MOST_TEXT) run.text.appendData(record.piece.text);
      if (first) {
        this.#parts.first.textContent = `${came_s.toFixed(2)} s`;
        this.#say("Streaming.", "good");
      }
    }
    this.#draw(run);
  }

  #draw(run) {
    if (this.#last !== run) return;
    const now_s = run.over ? null : since(run.began);
    const known = run.count > 0 && run.connection === 1;
    const span_s = known ? run.expected_s : niceSpan(Math.max(now_s ?? 0, run.points.at(-1)?.came_s ?? 0));
    this.#picture.soon({ points: run.points, span_s, now_s });
    if (run.counting) return;
    run.counting = requestAnimationFrame(() => {
      run.counting = 0;
      if (this.#last !== run) return;
      this.#parts.pieces.textContent = String(run.points.length);
      this.#parts.worst.textContent = run.points.length ? `${longestWait(run.points).toFixed(2)} s` : "–";
      this.#parts.deliveries.textContent = String(deliveries(run.points));
      this.#parts.text.scrollTop = this.#parts.text.scrollHeight;
      if (this.#parts["raw-box"].open) this.#showRaw();
    });
  }

  /** Time goes on where nothing comes: its line moves, and the status says for how long. */
  #animate(run) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    return setInterval(() => {
      this.#draw(run);
      const waited = since(run.began);
      if (run.points.length || waited < 1) return;
      this.#parts.first.textContent = `not after ${Math.floor(waited)} s`;
      // Said once, not every second: a screen reader reads it aloud.
      if (waited >= SILENT_S && !run.silent) {
        run.silent = true;
        const open = run.opened_s === undefined ? "No answer yet" : "Open, but nothing came";
        this.#say(`${open} after ${SILENT_S} s: held on the way, or not sent.`, "late");
      }
    }, calm ? 1000 : 50);
  }

  #finish(run, { ended, detail }) {
    const count = run.points.length;
    const worst = longestWait(run.points);
    const many = `${count} piece${count === 1 ? "" : "s"}`;
    if (!count) this.#parts.text.dataset.empty = "Nothing came.";
    if (ended === "stopped") return this.#say(`Stopped after ${many}.`, "");
    if (ended === "complete") {
      if (!kept(run.points)) return this.#say(`Flowing: all ${many} came one by one.`, "good");
      const groups = deliveries(run.points);
      const how = groups === 1 ? "all at once" : `in ${groups} deliveries`;
      if (worst > HELD_S) return this.#say(`Held: ${many} came ${how}, up to ${worst.toFixed(1)} s late.`, "bad");
      return this.#say(`Late: ${many} came ${how}, up to ${worst.toFixed(2)} s late.`, "late");
    }
    if (ended === "cut" && chosen().end === "none") return this.#say(`Ended without a word after ${many}, as asked.`, "late");
    if (ended === "refused" && this.#unable) return this.#say(`Not to be had here: ${this.#unable}.`, "bad");
    const words = { cut: "Cut", refused: "Refused", unreachable: "Unreachable", foreign: "Not a stream of flushcheck" };
    this.#say(`${words[ended]}${count ? ` after ${many}` : ""}: ${detail}`, "bad");
  }

  #say(sentence, tone) {
    if (this.#parts.status.textContent !== sentence) this.#parts.status.textContent = sentence;
    this.#parts.status.dataset.tone = tone;
  }

  #button() {
    const button = $("[data-action=toggle]", this.#element);
    button.textContent = this.running ? "Stop" : "Start";
    button.setAttribute("aria-pressed", String(this.running));
  }

  #showRaw() {
    const { raw, "raw-box": box, "raw-note": note } = this.#parts;
    if (!box.open) return;
    note.textContent = `${NOTES[this.#transport]} A line above a row: a new read in this browser.`;
    raw.replaceChildren(...rawRows(this.#transport, this.#last?.raw ?? []));
  }
}
