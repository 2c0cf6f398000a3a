// This test beside the one before: what the service says of both, in the words of `flushcheck compare`.

import { el } from "./dom.js";
import { CLIENT_NAMES, TRANSPORT_LABELS } from "./labels.js";
import { postRun } from "./service-requests.js";

/** @import { Comparison, NotedRun } from "./types.d.ts" */

/** @type {Record<string, string>} */
const TONES = { better: "good", same: "soft", worse: "bad" };
const CHANGES = {
  better: "Better than before",
  same: "As before",
  worse: "Worse than before",
  unclear: "Cannot be compared",
};

/** Have two runs compared.
 * @param {NotedRun | null} before
 * @param {NotedRun} after
 * @returns {Promise<Comparison | null>} null if there is nothing to compare, or the service refuses */
export async function compareRuns(before, after) {
  if (!before) return null;
  try {
    return /** @type {Comparison} */ (await postRun("diagnostics/compare", { before, after }));
  } catch {
    return null; // the report itself is there
  }
}

/** @param {Comparison | null} comparison */
export function comparisonPanel(comparison) {
  if (!comparison) return null;
  const rows = comparison.changes.map(({ name, trend, sentence }) =>
    el("tr", {}, el("th", { scope: "row" }, label(name)), el("td", {}, sentence), el("td", {}, chip(trend))),
  );
  const remarks = comparison.remarks.map((remark) => el("li", {}, remark));
  const before = comparison.before.measured || "at an unknown time";
  return el(
    "section",
    { class: "panel", "data-part": "comparison", "data-trend": comparison.trend },
    el("h3", {}, CHANGES[comparison.trend]),
    el("p", { class: "soft" }, `The test before: ${before}`),
    el("div", { class: "scroller" }, el("table", { class: "plain" }, el("tbody", {}, ...rows))),
    remarks.length ? el("ul", { class: "plain" }, ...remarks) : null,
  );
}

/** @param {string} trend */
const chip = (trend) => el("span", { class: `chip ${TONES[trend] ?? "late"}` }, trend);

/** The name of a transport, and of the client where it is no browser: "chunked, http1".
 * @param {string} name */
function label(name) {
  const [transport = "", client] = name.split(", ");
  const shown = /** @type {Record<string, string>} */ (TRANSPORT_LABELS)[transport] ?? transport;
  return client ? `${shown}, ${CLIENT_NAMES[client] ?? client}` : shown;
}
