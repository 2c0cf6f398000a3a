// A stream without send times as a picture: a tick for each read or record, when it arrived. Ticks side by side flow; ticks
// that lie on each other came together. The terminal draws the same row.

import { countDeliveries } from "./classify.js";
import { el } from "./dom.js";
import { settings } from "./settings.js";
import { niceSpan } from "./timeline.js";

const WIDTH = 1000;
const HEIGHT = 40;
const MAX_DRAWN = 4000;

/** @param {string} name
 * @param {Record<string, unknown>} attributes */
function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

export class ArrivalsPicture {
  #ticks = svg("path", { class: "tick" });
  #now = svg("path", { class: "now" });
  #svg = svg("svg", { viewBox: `-6 0 ${WIDTH + 12} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  #scale = el("span", { class: "scale", "aria-hidden": "true" });
  #name;

  /** @param {HTMLElement} container
   * @param {string} name what it shows, for screen readers */
  constructor(container, name) {
    this.#name = name;
    this.#svg.append(svg("path", { class: "axis", d: `M0 ${HEIGHT - 2}H${WIDTH}` }), this.#ticks, this.#now);
    const row = el("span", { class: "row", "aria-hidden": "true" }, "received");
    container.replaceChildren(el("div", { class: "timeline arrivals" }, row, this.#svg, this.#scale));
  }

  /** @param {readonly number[]} received_s in order
   * @param {number | null} [now_s] where to draw the present; null for none */
  draw(received_s, now_s = null) {
    const last_s = Math.max(received_s.at(-1) ?? 0, now_s ?? 0);
    const whole_s = now_s === null ? Math.max(last_s * 1.01, 0.1) : niceSpan(last_s);
    /** @param {number} at_s */
    const x = (at_s) => ((at_s / whole_s) * WIDTH).toFixed(1);
    const step = Math.ceil(received_s.length / MAX_DRAWN) || 1;
    const drawn = received_s.filter((_, index) => index % step === 0);
    this.#ticks.setAttribute("d", drawn.map((at_s) => `M${x(at_s)} 4V${HEIGHT - 2}`).join(""));
    this.#now.setAttribute("d", now_s === null ? "" : `M${x(now_s)} 0V${HEIGHT}`);
    this.#scale.textContent = `${whole_s.toFixed(whole_s < 10 ? 1 : 0)} s`;
    const points = received_s.map((arrived_s) => ({ sent_s: 0, arrived_s }));
    const summary = received_s.length
      ? `${countDeliveries(points, settings.thresholds)} deliveries, the last one after ${last_s.toFixed(2)} seconds`
      : "nothing yet";
    this.#svg.setAttribute("aria-label", `${this.#name}: ${summary}`);
  }
}
