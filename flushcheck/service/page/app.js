// Where the parts of the page meet.

import { Card } from "./cards.js";
import { checkExample, checkFile, checkText } from "./check.js";
import { startClient } from "./choose.js";
import { asked, fill, fragment, onChange, PRESETS } from "./controls.js";
import { diagnose, showSaved, showShared, stopDiagnosis } from "./diagnose.js";
import { $, $$, copy, say } from "./dom.js";
import { watchOpen } from "./opencount.js";

const settings = JSON.parse($("#settings").textContent);

const state = asked(location.hash) ?? asked(location.search.replace(/^\?/, "#"));
if (state) fill(state);

const open = watchOpen(() => cards.some((card) => card.running));
const cards = $$(".card").map((element) => {
  const { transport } = element.dataset;
  const unable = transport === "websocket" ? settings.no_websocket : "";
  return new Card(element, settings.routes[transport], { onChange: () => open.look(), unable });
});

onChange(() => {
  const wanted = fragment();
  history.replaceState(null, "", wanted ? `#${wanted}` : location.pathname + location.search.replace(/^\?.*/, ""));
  for (const card of cards) card.describe();
});

const startAll = () => {
  for (const card of cards) card.start();
  say("All four streams started");
};
const stopAll = () => {
  for (const card of cards) card.stop();
  say("All streams stopped");
};

const ACTIONS = {
  "start-all": (button) => {
    if (button.closest(".hero")) $("#streams").scrollIntoView();
    startAll();
  },
  "stop-all": stopAll,
  "copy-link": (button) => {
    const wanted = fragment();
    copy(new URL(wanted ? `#${wanted}` : "#streams", location.href.replace(/[?#].*/, "")).href, button);
  },
  diagnose: () => {
    stopAll();
    diagnose(settings);
  },
  "stop-diagnosis": stopDiagnosis,
  "check-open": () => $("#check-file").click(),
  "check-example": () => checkExample(settings),
  "open-run": () => $("#run-file").click(),
  client: (button) => startClient(settings, button),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  ACTIONS[button.dataset.action]?.(button);
  if (button.dataset.preset) {
    stopAll();
    fill(PRESETS[button.dataset.preset]);
    const wanted = fragment();
    history.replaceState(null, "", wanted ? `#${wanted}` : "#streams");
    for (const card of cards) card.describe();
    if (button.dataset.preset !== "plain") startAll();
  }
  if ("copy" in button.dataset) copy($("pre", button.parentElement).textContent, button);
});

addEventListener("hashchange", () => {
  const wanted = asked(location.hash);
  if (wanted) {
    fill(wanted);
    for (const card of cards) card.describe();
  }
  showShared();
});

/** Hand over the file that was chosen; the same one may be chosen again. */
const onFile = (selector, take) =>
  $(selector).addEventListener("change", async ({ target }) => {
    if (target.files.length) await take(target.files[0], settings);
    target.value = "";
  });
onFile("#run-file", showSaved);
onFile("#check-file", checkFile);

$("#check-form").addEventListener("submit", (event) => {
  event.preventDefault();
  checkText(settings);
});

// A page that is left ends its streams at once; one that is shown again from the cache starts from nothing.
addEventListener("pagehide", stopAll);

showShared();
document.documentElement.dataset.ready = "yes";
