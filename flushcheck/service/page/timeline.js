// A stream as a picture of time: for each piece a tick above when it was sent, a tick below when it arrived, and a line
// between the two. Parallel lines flow; lines that meet in one point were held together. reports/html.py draws the same.
//
// All ticks are one SVG path and all lines are three (by how late the piece was), so 500 pieces change four attributes.

import { aligned, lateness } from "./classify.js";
import { el } from "./dom.js";
import { settings } from "./settings.js";

/** @import { Point } from "./types.d.ts" */
/** @typedef {{points: readonly Point[], span_s?: number, now_s?: number | null}} TimelineState `span_s`: draw at least so much
 * time; `now_s`: where to draw the present, null for none */

const WIDTH = 1000;
const TOP = 14;
const BOTTOM = 82;
const HEIGHT = 96;
const TICK = 12;
const MAX_DRAWN = 2000; // pieces; of more, every n-th is drawn
const DENSE = 120; // with more pieces than this, lines are drawn thinner
const SPANS_S = [1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1200, 3600];

/** @param {string} name
 * @param {Record<string, unknown>} attributes */
function svg(name, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** The next larger span of time that is easy to read.
 * @param {number} seconds */
export const niceSpan = (seconds) => SPANS_S.find((span) => span >= seconds) ?? seconds;

export class Timeline {
  #paths = {
    prompt: svg("path", { class: "prompt" }),
    slow: svg("path", { class: "slow" }),
    kept: svg("path", { class: "kept" }),
    tick: svg("path", { class: "tick" }),
  };
  #now = svg("path", { class: "now" });
  #scale = el("span", { class: "scale", "aria-hidden": "true" });
  #svg = svg("svg", { viewBox: `-6 0 ${WIDTH + 12} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  #name;
  #frame = 0;
  /** @type {TimelineState} */
  #next = { points: [] };

  /** @param {HTMLElement} container
   * @param {string} name what it shows, for screen readers */
  constructor(container, name) {
    this.#name = name;
    const axis = svg("path", { class: "axis", d: `M0 ${TOP}H${WIDTH}M0 ${BOTTOM}H${WIDTH}` });
    this.#svg.append(axis, ...Object.values(this.#paths), this.#now);
    /** @param {string} text */
    const row = (text) => el("span", { class: "row", "aria-hidden": "true" }, text);
    container.replaceChildren(el("div", { class: "timeline" }, row("sent"), this.#svg, row("received"), this.#scale));
    this.draw({ points: [] });
  }

  /** Draw in the next frame. Of several calls within one frame only the last one counts.
   * @param {TimelineState} state */
  drawSoon(state) {
    this.#next = state;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw(this.#next);
    });
  }

  /** @param {TimelineState} state */
  draw({ points, span_s = 1, now_s = null }) {
    const all = aligned(points);
    const last_s = all.reduce((latest, { arrived_s }) => Math.max(latest, arrived_s), now_s ?? 0);
    const whole_s = Math.max(span_s, last_s * 1.01);
    /** @param {number} at_s */
    const x = (at_s) => Math.min(WIDTH, Math.max(0, (at_s / whole_s) * WIDTH)).toFixed(1);
    const paths = { prompt: "", slow: "", kept: "", tick: "" };
    let longest_s = 0;
    const step = Math.ceil(all.length / MAX_DRAWN) || 1;
    for (const [index, { sent_s, arrived_s }] of all.entries()) {
      if (index % step) continue;
      longest_s = Math.max(longest_s, arrived_s - sent_s);
      const [from, to] = [x(sent_s), x(arrived_s)];
      paths[lateness(arrived_s - sent_s, settings.thresholds)] += `M${from} ${TOP}L${to} ${BOTTOM}`;
      paths.tick += `M${from} ${TOP - TICK}V${TOP}M${to} ${BOTTOM}V${BOTTOM + TICK}`;
    }
    this.#svg.classList.toggle("dense", all.length > DENSE);
    for (const kind of /** @type {const} */ (["prompt", "slow", "kept", "tick"])) {
      this.#paths[kind].setAttribute("d", paths[kind]);
    }
    this.#now.setAttribute("d", now_s === null ? "" : `M${x(now_s)} 2V${HEIGHT - 2}`);
    this.#scale.textContent = `${whole_s.toFixed(whole_s < 10 ? 1 : 0)} s`;
    const summary = all.length
      ? `${all.length} pieces, each a line from sent to received; longest wait ${longest_s.toFixed(2)} seconds`
      : "no piece yet";
    this.#svg.setAttribute("aria-label", `${this.#name}: ${summary}`);
  }
}
