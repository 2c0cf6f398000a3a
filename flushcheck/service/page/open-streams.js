// The number of streams that the service has open, as the service counts them: a stop on the page is a stop there.

import { $ } from "./dom.js";

const EVERY_MS = 1000;
const AFTER_A_CHANGE_MS = [30, 120, 300];

/** Show the number while a stream runs, and shortly after each change.
 * @param {() => boolean} isRunning whether a stream of this page runs
 * @returns {() => void} call it when a stream starts or ends */
export function showOpenStreams(isRunning) {
  const output = $("#open-count");
  let isWaiting = false;
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
    request(); // once more after the last stream: the service may have noticed its end late
    isWaiting = isRunning();
    if (isWaiting) setTimeout(tick, EVERY_MS);
  };
  return () => {
    for (const wait of AFTER_A_CHANGE_MS) setTimeout(request, wait);
    if (!isWaiting) setTimeout(tick, EVERY_MS);
    isWaiting = true;
  };
}
