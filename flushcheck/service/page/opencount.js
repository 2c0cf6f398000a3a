// How many streams the service has open, as it says itself: a stop here is seen to be a stop there.

import { $ } from "./dom.js";

const EVERY_MS = 1000;
const AFTER_A_CHANGE_MS = [30, 120, 300];

/** Ask while `busy()`, and shortly after each `look()`. */
export function watchOpen(busy) {
  const output = $("#open-count");
  let timer = 0;
  const ask = async () => {
    try {
      const response = await fetch("readyz", { cache: "no-store" });
      const data = await response.json();
      output.textContent = Number.isSafeInteger(data.streams) ? String(data.streams) : "full";
    } catch {
      output.textContent = "no answer";
    }
  };
  const tick = () => {
    clearTimeout(timer);
    timer = 0;
    if (!busy()) return;
    ask();
    timer = setTimeout(tick, EVERY_MS);
  };
  return {
    look() {
      for (const wait of AFTER_A_CHANGE_MS) setTimeout(ask, wait);
      if (!timer) timer = setTimeout(tick, EVERY_MS);
    },
  };
}
