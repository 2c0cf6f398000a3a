// One card per transport: start and stop, the text as it grows, its timeline, and the records as they were on the wire.

import { countDeliveries, longestWait } from "./classify.js";
import { $, $$, copyable, el } from "./dom.js";
import { pretended } from "./pretend.js";
import { ReconnectLog } from "./reconnect-log.js";
import { endSentence, isOverSoon } from "./sentences.js";
import { isServiceThere, mayBeGone } from "./service-state.js";
import { host, NO_RESPONSE, root, settings } from "./settings.js";
import { snippets } from "./snippets.js";
import { formValues, streamQuery } from "./stream-form.js";
import { StreamRun } from "./stream-run.js";
import { since } from "./streams.js";
import { niceSpan, Timeline } from "./timeline.js";
import { WIRE_NOTES, wireRows } from "./wire-table.js";

/** @import { Header, Listener, RawRecord, StreamResult, Transport } from "./types.d.ts" */
/** @import { Values } from "./stream-form.js" */

const SILENT_S = 2;

export class StreamCard {
  #element;
  #transport;
  #timeline;
  #unavailable;
  #onChange;
  #reconnects;
  /** @type {Record<string, HTMLElement>} */
  #parts;
  /** @type {StreamRun | null} */
  #run = null; // the stream that runs
  /** @type {StreamRun | null} */
  #last = null; // the stream that the card shows

  /** @param {HTMLElement} element
   * @param {Transport} transport
   * @param {{onChange: () => void, unavailable: string}} options `unavailable`: why this server cannot offer the transport,
   * "" if it can */
  constructor(element, transport, { onChange, unavailable }) {
    this.#element = element;
    this.#transport = transport;
    this.#parts = Object.fromEntries($$("[data-part]", element).map((part) => [part.dataset.part ?? "", part]));
    this.#timeline = new Timeline(this.#part("timeline"), $("h3", element).textContent ?? "");
    this.#onChange = onChange;
    this.#unavailable = unavailable;
    this.#reconnects = transport === "events" ? new ReconnectLog(this.#part("loop"), this.#part("connections")) : null;
    $("[data-action=toggle]", element).addEventListener("click", () => (this.isRunning ? this.stop() : this.start()));
    this.#part("wire-box").addEventListener("toggle", () => this.#showRecords());
  }

  get isRunning() {
    return this.#run !== null;
  }

  /** @param {string} name */
  #part(name) {
    const part = this.#parts[name];
    if (!part) throw new TypeError(`the card ${this.#transport} has no part ${name}`);
    return part;
  }

  /** Show the request that Start would make. */
  describe() {
    const values = formValues();
    const blocks = snippets(this.#transport, this.#url(values), {
      count: Number(values.count),
      interval: Number(values.interval),
      end: values.end ?? "",
      isTrusted: isSecureContext,
    });
    this.#part("code").replaceChildren(...blocks.flatMap(({ title, code }) => [el("h4", {}, title), copyable(code)]));
  }

  /** @param {Values} values */
  #url(values) {
    const { query } = this.#pretended(values);
    return `${root}${settings.routes[this.#transport].slice(1)}?${streamQuery(values)}${query}`;
  }

  /** @param {Values} values */
  #pretended(values) {
    return pretended(values.pretend ?? "", this.#transport, settings.pretend);
  }

  async start() {
    this.stop();
    const values = formValues();
    const run = new StreamRun(values);
    const { query, note } = this.#pretended(values);
    run.isPretended = query !== "";
    this.#part("pretended").textContent = note;
    this.#part("pretended").hidden = !note;
    this.#run = this.#last = run;
    this.#clear(run);
    const ticking = this.#animate(run);
    this.#onChange();
    const url = `${this.#url(values)}&nonce=${Math.random().toString(36).slice(2, 10)}`;
    const maxPendingBytes = settings.bounds.max_pending_bytes;
    const result = await run.read(this.#transport, url, { listener: this.#listener(run, url), maxPendingBytes });
    run.isOver = true;
    clearInterval(ticking);
    this.#draw(run);
    const isGone = mayBeGone(result) && !(await isServiceThere());
    if (this.#run === run) {
      this.#run = null;
      this.#showButton();
      this.#finish(run, result, isGone);
      this.#onChange();
    }
    if (run.opened_s < 0) return;
    const protocol = await run.protocol(this.#transport, url);
    if (this.#last === run) this.#part("protocol").textContent = protocol || "not reported";
  }

  stop() {
    this.#run?.control.abort();
  }

  /** @param {StreamRun} run */
  #clear(run) {
    this.#part("text").replaceChildren(run.text);
    this.#part("text").dataset.empty = "";
    this.#part("headers").replaceChildren(el("p", { class: "soft" }, "No response yet."));
    this.#part("protocol").textContent = "–";
    this.#reconnects?.clear();
    this.#showRecords();
    this.#showButton();
    this.#status("Opening…", "");
  }

  /** What the card does with each event of its stream.
   * @param {StreamRun} run
   * @param {string} url
   * @returns {Listener} */
  #listener(run, url) {
    return {
      opened: ({ status, headers }) => this.#opened(run, status, headers),
      read: () => {
        run.reads += 1;
      },
      record: (record, sent_s) => this.#record(run, record, sent_s),
      connected: (connection) => this.#connected(run, connection, url),
      dropped: (connection) => this.#dropped(run, connection),
    };
  }

  /** @param {StreamRun} run
   * @param {number} status
   * @param {readonly Header[]} headers */
  #opened(run, status, headers) {
    run.opened_s = since(run.began);
    const note = this.#transport === "websocket" ? " Browsers do not show the headers of a WebSocket handshake." : "";
    this.#showHeaders(`Status ${status}, ${run.opened_s.toFixed(2)} s after the request.${note}`, headers);
    if (!run.points.length) this.#status("Open; no piece yet.", "");
  }

  /** @param {string} sentence
   * @param {readonly Header[]} headers */
  #showHeaders(sentence, headers) {
    const rows = headers.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)));
    const table = el("div", { class: "scroller" }, el("table", {}, el("tbody", {}, ...rows)));
    this.#part("headers").replaceChildren(el("p", {}, sentence), table);
  }

  /** An EventSource has opened a connection.
   * @param {StreamRun} run
   * @param {number} connection its number
   * @param {string} url */
  async #connected(run, connection, url) {
    run.connection = connection;
    if (connection > 1) {
      run.text.appendData(`\n— connection ${connection} —\n`);
      this.#reconnects?.reopened(connection, since(run.began));
      return;
    }
    run.opened_s = since(run.began);
    this.#status("Open; no piece yet.", "");
    // EventSource hides the response headers. A HEAD request to the same address shows them.
    try {
      const options = { method: "HEAD", headers: { Accept: "text/event-stream" }, signal: run.control.signal };
      const { status, headers } = await fetch(url, options);
      const sentence = `EventSource shows no headers. A HEAD request to the same address got status ${status}:`;
      this.#showHeaders(sentence, [...headers]);
    } catch {
      // Stopped in the meantime.
    }
  }

  /** A connection of an EventSource has ended without the end event, or an attempt to reconnect has failed.
   * @param {StreamRun} run
   * @param {number} connection the number of the last one that opened */
  async #dropped(run, connection) {
    const pieces = run.points.filter((point) => point.connection === connection).length;
    const sentence = this.#reconnects?.dropped(connection, pieces, since(run.began));
    if (!sentence) return;
    this.#status(sentence, "late");
    if (!(await isServiceThere()) && this.#run === run) this.#status(`${NO_RESPONSE} ${sentence}`, "bad");
  }

  /** @param {StreamRun} run
   * @param {RawRecord} record
   * @param {number} [sent_s] */
  #record(run, record, sent_s = 0) {
    run.add(record, sent_s);
    const [first] = run.points;
    if (record.piece && first && run.points.length === 1) {
      this.#part("first").textContent = `${first.arrived_s.toFixed(2)} s`;
      this.#status("Streaming.", "good");
    }
    this.#draw(run);
  }

  /** @param {StreamRun} run */
  #draw(run) {
    if (this.#last !== run) return;
    const { points } = run;
    const now_s = run.isOver ? null : since(run.began);
    const isExpected = run.count > 0 && run.connection === 1;
    const span_s = isExpected ? run.expected_s : niceSpan(Math.max(now_s ?? 0, points.at(-1)?.arrived_s ?? 0));
    this.#timeline.drawSoon({ points, span_s, now_s });
    run.frame ||= requestAnimationFrame(() => {
      run.frame = 0;
      if (this.#last !== run) return;
      this.#part("pieces").textContent = String(points.length);
      this.#part("longest").textContent = points.length ? `${longestWait(points).toFixed(2)} s` : "–";
      this.#part("deliveries").textContent = String(countDeliveries(points, settings.thresholds));
      this.#part("text").scrollTop = this.#part("text").scrollHeight;
      this.#showRecords();
    });
  }

  /** Move the line of the present, and say so when no piece arrives.
   * @param {StreamRun} run */
  #animate(run) {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const tick = () => {
      this.#draw(run);
      const waited_s = since(run.began);
      if (run.points.length || waited_s < 1) return;
      this.#part("first").textContent = `more than ${Math.floor(waited_s)} s`;
      // Once, not every second: a screen reader reads it aloud.
      if (waited_s < SILENT_S || run.isSilent) return;
      run.isSilent = true;
      const state = run.opened_s < 0 ? "No response" : "The response is open, but no piece arrived";
      this.#status(`${state} for ${SILENT_S} s: held on the path, or not sent.`, "late");
    };
    return setInterval(tick, isCalm ? 1000 : 50);
  }

  /** @param {StreamRun} run
   * @param {StreamResult} result
   * @param {boolean} isGone whether the service does not respond any more */
  #finish({ points, end, isPretended }, result, isGone) {
    if (!points.length) this.#part("text").dataset.empty = "No text arrived.";
    const context = {
      end,
      goneHost: isGone ? host : "",
      unavailable: this.#unavailable,
      thresholds: settings.thresholds,
      isPretended,
    };
    this.#status(...endSentence(points, result, context));
    if (isGone || isOverSoon(result)) $("[data-action=toggle]", this.#element).textContent = "Try again";
  }

  /** @param {string} sentence
   * @param {string} tone */
  #status(sentence, tone) {
    const status = this.#part("status");
    if (status.textContent !== sentence) status.textContent = sentence;
    status.dataset.tone = tone;
  }

  #showButton() {
    const button = $("[data-action=toggle]", this.#element);
    button.textContent = this.isRunning ? "Stop" : "Start";
    button.setAttribute("aria-pressed", String(this.isRunning));
  }

  #showRecords() {
    if (!this.#part("wire-box").hasAttribute("open")) return;
    this.#part("wire-note").textContent =
      `${WIRE_NOTES[this.#transport]} A line above a row marks a new read of this browser.`;
    const records = this.#last?.records ?? [];
    this.#part("wire-table").hidden = !records.length;
    this.#part("wire").replaceChildren(...wireRows(this.#transport, records));
  }
}
