// How the pieces of one stream arrived, as far as a person can see it in a picture. Pure functions.
//
// The verdict in a report is the service's (measurement/timing.py). This module serves the cards and the
// comparisons inside the page. The thresholds are the service's too; the page gets them with its settings.

/** @import { Point, Thresholds } from "./types.d.ts" */

/** Move the send times to the receiver's clock: in each connection, the fastest piece counts as not delayed.
 * @param {readonly Point[]} points
 * @returns {{sent_s: number, arrived_s: number}[]} seconds since the request */
export function aligned(points) {
  /** @type {Map<number, number>} */
  const fastest = new Map();
  for (const { sent_s, arrived_s, connection = 0 } of points) {
    fastest.set(connection, Math.min(fastest.get(connection) ?? Number.POSITIVE_INFINITY, arrived_s - sent_s));
  }
  return points.map(({ sent_s, arrived_s, connection = 0 }) => ({
    sent_s: sent_s + (fastest.get(connection) ?? 0),
    arrived_s,
  }));
}

/** The longest delay of a piece beyond that of the fastest piece, in seconds.
 * @param {readonly Point[]} points */
export function longestWait(points) {
  return aligned(points).reduce((longest, { sent_s, arrived_s }) => Math.max(longest, arrived_s - sent_s), 0);
}

/** Whether something held the pieces: a share of them arrived only after the next one had been sent.
 * A busy machine delays single pieces, a buffer delays nearly all. So the share decides, not the longest wait.
 * @param {readonly Point[]} points
 * @param {Pick<Thresholds, "late_s" | "held_share">} thresholds */
export function isHeld(points, { late_s, held_share }) {
  const all = aligned(points);
  const overtaken = all.filter(({ arrived_s }, index) => {
    const next = all[index + 1];
    return next !== undefined && arrived_s > next.sent_s + late_s;
  });
  return all.length > 1 && overtaken.length / (all.length - 1) >= held_share;
}

/** The number of deliveries: pieces that arrived together count once.
 * @param {readonly Point[]} points in order of arrival
 * @param {Pick<Thresholds, "same_delivery_s">} thresholds */
export function countDeliveries(points, { same_delivery_s }) {
  return points.filter(({ arrived_s }, index) => {
    const before = points[index - 1];
    return before === undefined || arrived_s - before.arrived_s > same_delivery_s;
  }).length;
}

/** How late one piece was: the picture draws each kind in its own colour.
 * @param {number} wait_s beyond the fastest piece
 * @param {Pick<Thresholds, "late_s" | "held_s">} thresholds
 * @returns {"prompt" | "slow" | "kept"} */
export function lateness(wait_s, { late_s, held_s }) {
  if (wait_s > held_s) return "kept";
  return wait_s > late_s ? "slow" : "prompt";
}
