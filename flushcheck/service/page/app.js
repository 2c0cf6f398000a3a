// The entry of the page: connects the buttons to the modules.

import { checkExample, checkFile, checkText } from "./config-check.js";
import { diagnose, showRunFile, showRunInAddress, stopDiagnosis } from "./diagnose.js";
import { $, $$, announce, copy, element } from "./dom.js";
import { showOpenStreams } from "./open-streams.js";
import { keepTimings } from "./request-timing.js";
import { settings } from "./settings.js";
import { StreamCard } from "./stream-card.js";
import { fillForm, formFragment, formSummary, onFormChange, PRESETS, parseFragment } from "./stream-form.js";
import { startChooser } from "./transport-chooser.js";
import { leaveWatch, setUpWatch, stopWatch } from "./watch.js";

/** @import { Transport } from "./types.d.ts" */

// A query does the same as a fragment, for links that lost theirs.
const values = parseFragment(location.hash) ?? parseFragment(location.search.replace(/^\?/, ""));
if (values) fillForm(values);

keepTimings();
const lookAtOpenStreams = showOpenStreams(() => cards.some((card) => card.isRunning));
const cards = $$(".card").map((card) => {
  const transport = /** @type {Transport} */ (card.dataset.transport);
  const unavailable = transport === "websocket" ? settings.no_websocket : "";
  return new StreamCard(card, transport, { onChange: lookAtOpenStreams, unavailable });
});

const describeAll = () => {
  for (const card of cards) card.describe();
  $("#settings-now").textContent = formSummary();
};
const startAll = () => {
  for (const card of cards) card.start();
  $(".cards").scrollIntoView();
  announce("All four streams started");
};
const stopAll = () => {
  for (const card of cards) card.stop();
  announce("All streams stopped");
};

const startDiagnosis = () => {
  stopAll();
  diagnose();
};

onFormChange(() => {
  const fragment = formFragment();
  history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search.replace(/^\?.*/, ""));
  describeAll();
});

/** @type {Record<string, (button: HTMLButtonElement) => void>} */
const ACTIONS = {
  "start-all": startAll,
  "stop-all": stopAll,
  "copy-link": (button) => {
    const url = new URL(`#${formFragment() || "streams"}`, location.href.replace(/[?#].*/, ""));
    copy(url.href, button);
  },
  diagnose: startDiagnosis,
  "diagnose-again": startDiagnosis,
  "stop-diagnosis": stopDiagnosis,
  "stop-watch": stopWatch,
  "check-open": () => $("#check-file").click(),
  "check-example": checkExample,
  "open-run": () => $("#run-file").click(),
  client: startChooser,
};

document.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("button") : null;
  if (!button) return;
  const { action, preset } = button.dataset;
  if (action) ACTIONS[action]?.(button);
  if (preset) usePreset(preset);
  if ("copy" in button.dataset) copy($("pre", button.parentElement ?? document).textContent ?? "", button);
});

/** @param {string} name */
function usePreset(name) {
  stopAll();
  fillForm(PRESETS[name] ?? {});
  history.replaceState(null, "", `#${formFragment() || "streams"}`);
  describeAll();
  if (name !== "plain") startAll();
}

addEventListener("hashchange", () => {
  const linked = parseFragment(location.hash);
  if (linked) {
    fillForm(linked);
    describeAll();
  }
  showRunInAddress();
});

/** Pass on the file that was chosen. The same file may be chosen again.
 * @param {string} selector
 * @param {(file: File) => Promise<void>} take */
function onFile(selector, take) {
  const input = element(selector, HTMLInputElement);
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (file) await take(file);
    input.value = "";
  });
}
onFile("#run-file", showRunFile);
onFile("#check-file", checkFile);

$("#check-form").addEventListener("submit", (event) => {
  event.preventDefault();
  checkText();
});

describeAll();

// A page that is left ends its streams at once. If the browser shows it again from its cache, no stream runs.
addEventListener("pagehide", () => {
  stopAll();
  leaveWatch();
});

setUpWatch();
showRunInAddress();
document.documentElement.dataset.ready = "yes";
