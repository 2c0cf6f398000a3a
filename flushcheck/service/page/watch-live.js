// What the page shows while the visitor's own stream comes: deliveries and bytes so far, the text, the picture. Nothing is
// concluded here; what the text means, the service says at the end.

import { ArrivalsPicture } from "./arrivals-picture.js";
import { countDeliveries } from "./classify.js";
import { $, element } from "./dom.js";
import { settings } from "./settings.js";

const MAX_SHOWN = 20_000; // characters of the stream's text
const REDRAW_MS = 100;

/** Deliveries, bytes, the text and the picture while the first response comes. */
export class WatchLive {
  #picture = new ArrivalsPicture($("#watch-picture"), "What arrived by now");
  #text = $("#watch-text");
  #box = element("#watch-text-box", HTMLDetailsElement);
  /** @type {number[]} */
  #moments = [];
  #bytes = 0;
  #began = 0;
  #shown = 0;
  #timer = 0;

  begin() {
    this.#began = performance.now();
    this.#text.replaceChildren();
    this.#text.dataset.empty = "The text appears here while it arrives.";
    $("#watch-live").hidden = false;
    this.#box.open = true;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#draw();
  }

  /** @param {{at_s: number, size_bytes: number, text: string}} read */
  read({ at_s, size_bytes, text }) {
    this.#text.dataset.empty = "";
    this.#moments.push(at_s);
    this.#bytes += size_bytes;
    if (this.#shown < MAX_SHOWN) {
      this.#text.append(text.slice(0, MAX_SHOWN - this.#shown));
      this.#shown += text.length;
      if (this.#shown >= MAX_SHOWN) this.#text.append("\n… the rest is not shown");
      this.#text.scrollTop = this.#text.scrollHeight;
    }
  }

  end() {
    clearInterval(this.#timer);
    if (this.#timer) {
      this.#draw();
      if (!this.#moments.length) this.#text.dataset.empty = "No text arrived.";
      this.#box.open = false; // the report is what counts now
    }
    this.#timer = 0;
  }

  #draw() {
    const now_s = (performance.now() - this.#began) / 1000;
    this.#picture.draw(this.#moments, now_s);
    const counted = $("#watch-count");
    if (!this.#moments.length) {
      counted.textContent = `Waiting for the first byte, ${now_s.toFixed(1)} s`;
      return;
    }
    const points = this.#moments.map((arrived_s) => ({ sent_s: 0, arrived_s }));
    const deliveries = countDeliveries(points, settings.thresholds);
    const count = `${deliveries} ${deliveries === 1 ? "delivery" : "deliveries"}`;
    counted.textContent = `${count}, ${this.#bytes.toLocaleString("en")} bytes, ${now_s.toFixed(1)} s`;
  }
}
