// The picture of time: for each piece a tick above when it was sent, a tick below when it came, and a line between them.
// Parallel lines flow; lines that fan into one point were held together. reports/html.py draws the same for files.
//
// All ticks are one path and all lines three (by how late the piece was), so that 500 pieces cost four attributes.

import { aligned, HELD_S, LATE_S } from "./impression.js";

const WIDTH = 1000;
const TOP = 14;
const BOTTOM = 82;
const HEIGHT = 96;
const MOST_DRAWN = 2000; // pieces; of more, every n-th is drawn
const DENSE = 120; // from so many pieces on, lines are drawn finer
const SPANS_S = [1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1200, 3600];

const svg = (name, attributes = {}) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

/** A span of time that a person likes to read, at least as long as this. */
export const niceSpan = (seconds) => SPANS_S.find((span) => span >= seconds) ?? seconds;

export class Picture {
  #paths = {};
  #now;
  #scale;
  #svg;
  #name;
  #frame = 0;
  #next = null;

  /** @param host an element to draw in; @param name what the picture is of, for who cannot see it. */
  constructor(host, name) {
    this.#name = name;
    this.#svg = svg("svg", { viewBox: `-6 0 ${WIDTH + 12} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this.#svg.append(svg("path", { class: "axis", d: `M0 ${TOP}H${WIDTH}M0 ${BOTTOM}H${WIDTH}` }));
    for (const kind of ["prompt", "slow", "kept", "tick"]) {
      this.#paths[kind] = svg("path", { class: kind });
      this.#svg.append(this.#paths[kind]);
    }
    this.#now = svg("path", { class: "now" });
    this.#svg.append(this.#now);
    const box = document.createElement("div");
    box.className = "picture";
    const row = (text) => {
      const label = document.createElement("span");
      label.className = "row";
      label.textContent = text;
      label.setAttribute("aria-hidden", "true");
      return label;
    };
    this.#scale = document.createElement("span");
    this.#scale.className = "scale";
    this.#scale.setAttribute("aria-hidden", "true");
    box.append(row("sent"), this.#svg, row("received"), this.#scale);
    host.replaceChildren(box);
    this.draw({ points: [] });
  }

  /** Draw at the next frame; of several calls within one frame the last one counts. */
  soon(state) {
    this.#next = state;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw(this.#next);
    });
  }

  /** @param points as for `aligned`; @param span_s at least so much time; @param now_s where time is, null for none. */
  draw({ points, span_s = 1, now_s = null }) {
    const all = aligned(points);
    const last = all.reduce((most, point) => Math.max(most, point.came_s), now_s ?? 0);
    const whole = Math.max(span_s, last * 1.01);
    const x = (at_s) => Math.min(WIDTH, Math.max(0, (at_s / whole) * WIDTH)).toFixed(1);
    const lines = { prompt: "", slow: "", kept: "" };
    let ticks = "";
    let worst = 0;
    const step = Math.ceil(all.length / MOST_DRAWN) || 1;
    for (let index = 0; index < all.length; index += step) {
      const { sent_s, came_s } = all[index];
      const late = came_s - sent_s;
      worst = Math.max(worst, late);
      const [from, to] = [x(sent_s), x(came_s)];
      lines[late > HELD_S ? "kept" : late > LATE_S ? "slow" : "prompt"] += `M${from} ${TOP}L${to} ${BOTTOM}`;
      ticks += `M${from} ${TOP - 12}V${TOP}M${to} ${BOTTOM}V${BOTTOM + 12}`;
    }
    this.#svg.classList.toggle("dense", all.length > DENSE);
    for (const [kind, d] of Object.entries({ ...lines, tick: ticks })) this.#paths[kind].setAttribute("d", d);
    this.#now.setAttribute("d", now_s === null ? "" : `M${x(now_s)} 2V${HEIGHT - 2}`);
    this.#scale.textContent = `${whole.toFixed(whole < 10 ? 1 : 0)} s`;
    this.#svg.setAttribute(
      "aria-label",
      all.length
        ? `${this.#name}: ${all.length} pieces, each line from sent to received, the longest ${worst.toFixed(2)} seconds`
        : `${this.#name}: nothing yet`,
    );
  }
}
