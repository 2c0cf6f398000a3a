// A pretended hold on the page of a culprit: reads one stream of this service, and draws it as it arrives.

import { $, element } from "./dom.js";
import { readChunked } from "./read-fetch.js";
import { endSentence } from "./sentences.js";
import { settings } from "./settings.js";
import { since } from "./streams.js";
import { Timeline } from "./timeline.js";

/** @import { Point } from "./types.d.ts" */

const SPAN_S = 4.5; // drawn from the start, so that the line of the present moves evenly

/** Have the button of this section show its stream.
 * @param {HTMLElement} section */
export function showHoldOnClick(section) {
  const button = element("button", HTMLButtonElement, section);
  const status = $("[data-part=status]", section);
  const timeline = new Timeline($("[data-part=timeline]", section), "Pretended stream");
  $(".actions", section).hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    status.textContent = "Pretended: the stream is open.";
    /** @type {Point[]} */
    const points = [];
    const began = performance.now();
    const ticking = setInterval(() => timeline.draw({ points, span_s: SPAN_S, now_s: since(began) }), 50);
    const url = new URL(`${section.dataset.path}&nonce=${Math.random().toString(36).slice(2, 10)}`, document.baseURI);
    const result = await readChunked(url.href, {
      signal: new AbortController().signal,
      maxPendingBytes: settings.bounds.max_pending_bytes,
      listener: {
        record: ({ piece }, sent_s = 0) => piece && points.push({ sent_s, arrived_s: since(began), connection: 1 }),
      },
    });
    clearInterval(ticking);
    timeline.draw({ points, span_s: SPAN_S });
    const context = { end: "done", unavailable: "", thresholds: settings.thresholds, isPretended: true };
    const [sentence, tone] = endSentence(points, result, context);
    status.textContent = sentence;
    status.dataset.tone = tone;
    button.disabled = false;
  });
}
