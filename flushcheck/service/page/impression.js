// A first impression of a stream, for the eye and for what is compared on the page: in the manner of measurement/timing.py, blind
// to what no eye sees. The verdict is the service's.
//
// Points are [{sent_s, came_s, connection}], as for `aligned`.

export const LATE_S = 0.1;
export const HELD_S = 0.5;
// As in measurement/timing.py.
const SAME_DELIVERY_S = 0.012;
const KEPT_SHARE = 0.3;

/**
 * Put sends on the reader's clock: of each connection the quickest piece counts as not delayed.
 * @returns [{sent_s, came_s}] in seconds since the request.
 */
export function aligned(points) {
  const quickest = new Map();
  for (const { sent_s, came_s, connection = 0 } of points) {
    quickest.set(connection, Math.min(quickest.get(connection) ?? Infinity, came_s - sent_s));
  }
  return points.map(({ sent_s, came_s, connection = 0 }) => ({ sent_s: sent_s + quickest.get(connection), came_s }));
}

/** The longest that a piece waited beyond the quickest one, in seconds. */
export function longestWait(points) {
  return aligned(points).reduce((most, { sent_s, came_s }) => Math.max(most, came_s - sent_s), 0);
}

/**
 * Whether pieces came only after later ones had been sent. A busy machine does that to some, a buffer to nearly all: so it
 * is their share that counts, and never a single wait.
 */
export function kept(points) {
  const all = aligned(points);
  const late = all.filter(({ came_s }, index) => came_s > (all[index + 1]?.sent_s ?? Infinity) + LATE_S);
  return all.length > 1 && late.length / (all.length - 1) >= KEPT_SHARE;
}

/** How many times something came: pieces that came together count once. */
export function deliveries(points) {
  return points.filter(({ came_s }, index) => !index || came_s - points[index - 1].came_s > SAME_DELIVERY_S).length;
}
