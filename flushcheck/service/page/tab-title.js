// The title of the tab: the verdict, or what is known of it so far, for a reader who looks at another tab meanwhile.

import { isHeld } from "./classify.js";

/** @import { Observation, Thresholds } from "./types.d.ts" */

/** Put these words before the page's own title; "" for the title alone.
 * @param {string} words */
export function showInTitle(words) {
  const own = document.documentElement.dataset.title ?? document.title;
  document.documentElement.dataset.title = own;
  document.title = words ? `${words} · ${location.host} · flushcheck` : own;
}

/** What the title says after the first streams of a test. It is no verdict: the service gives that at the end.
 * @param {readonly Observation[]} observations
 * @param {Thresholds} thresholds */
export function titleSoFar(observations, thresholds) {
  const streams = observations.filter(
    ({ probe, outcome }) => probe.transport !== "polling" && probe.vantage === "path" && outcome === "complete",
  );
  if (!streams.length) return "Testing";
  const isAnyHeld = streams.some(({ arrivals }) =>
    isHeld(
      arrivals.flatMap(({ at_s, pieces }) => pieces.map(({ sent_s }) => ({ sent_s, arrived_s: at_s }))),
      thresholds,
    ),
  );
  return isAnyHeld ? "Held so far" : "Flowing so far";
}
