// The number of streams that the service has open, as the service counts them: a stop on the page is a stop there.

import { $ } from "./dom.js";

const EVERY_MS = 1000;
const AFTER_A_CHANGE_MS = [30, 120, 300];
const MAX_EXTRA = 10; // requests after the last stream of this page: the service may notice its end late

/** Show the number while a stream runs, and shortly after each change.
 * @param {() => boolean} isRunning whether a stream of this page runs
 * @returns {() => void} call it when a stream starts or ends */
export function showOpenStreams(isRunning) {
  const output = $("#open-count");
  let isWaiting = false;
  let extra = 0;
  const request = async () => {
    try {
      const response = await fetch("readyz", { cache: "no-store" });
      const { streams } = await response.json();
      output.textContent = Number.isSafeInteger(streams) ? String(streams) : "full";
    } catch {
      output.textContent = "no response";
    }
  };
  const tick = () => {
    request();
    extra = isRunning() ? 0 : extra + 1;
    isWaiting = isRunning() || (extra < MAX_EXTRA && output.textContent !== "0");
    if (isWaiting) setTimeout(tick, EVERY_MS);
  };
  return () => {
    for (const wait of AFTER_A_CHANGE_MS) setTimeout(request, wait);
    extra = 0;
    if (!isWaiting) setTimeout(tick, EVERY_MS);
    isWaiting = true;
  };
}
