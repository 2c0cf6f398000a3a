// The last run of this service, kept in the tab for the comparison with the next one. It holds what a saved run holds, and is
// gone when the tab is closed.

/** @import { NotedRun } from "./types.d.ts" */

const KEY = "flushcheck-last-run";

/** Keep a run in place of the one before. A run that is too large, or a browser that keeps nothing, is no error.
 * @param {NotedRun} run
 * @param {number} maxChars
 * @param {() => Storage} open the storage, which a browser may forbid */
export function keepRun(run, maxChars, open) {
  const text = JSON.stringify(run);
  try {
    if (text.length > maxChars) open().removeItem(KEY);
    else open().setItem(KEY, text);
  } catch {
    // Storage is full or forbidden.
  }
}

/** The run that was kept; null if there is none for this service.
 * @param {string} target
 * @param {() => Storage} open the storage, which a browser may forbid
 * @returns {NotedRun | null} as it was kept: other code of this origin may have changed it, and the service checks it */
export function lastRun(target, open) {
  try {
    const run = JSON.parse(open().getItem(KEY) ?? "null");
    return run?.target === target && Array.isArray(run.observations) ? run : null;
  } catch {
    return null;
  }
}
