// How long this worker could not run: what arrived meanwhile is not late by the path.

const TICK_MS = 20;
const MAX_STALLS = 1000;

let lastTick = performance.now();
/** @type {[moment: number, milliseconds: number][]} */
const stalls = [];
setInterval(() => {
  const now = performance.now();
  if (now - lastTick > 2 * TICK_MS) stalls.push([now, now - lastTick - TICK_MS]);
  if (stalls.length > MAX_STALLS) stalls.shift();
  lastTick = now;
}, TICK_MS);

/** The longest time this worker could not run since a moment, in seconds.
 * @param {number} began */
export function longestStall(began) {
  return stalls.reduce((longest, [moment, ms]) => (moment > began ? Math.max(longest, ms / 1000) : longest), 0);
}
