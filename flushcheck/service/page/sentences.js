// The sentences of a card, as pure functions.

import { countDeliveries, isHeld, longestWait } from "./classify.js";

/** @import { Point, StreamResult, Thresholds } from "./types.d.ts" */
/** @typedef {[sentence: string, tone: "good" | "late" | "bad" | ""]} Toned a sentence and its colour */

const ENDED = { cut: "Cut", refused: "Refused", unreachable: "No connection", foreign: "Not a stream of flushcheck" };

/** How a stream ended and how its pieces arrived.
 * @param {readonly Point[]} points
 * @param {StreamResult} result
 * @param {{end: string, goneHost: string, unavailable: string, thresholds: Thresholds, isPretended?: boolean}} context `end`: the
 * end event that the reader chose; `goneHost`: the service's host if it does not respond any more, else ""; `unavailable`: why
 * this server cannot offer the transport, "" if it can; `isPretended`: the service held it on request
 * @returns {Toned} */
export function endSentence(points, result, context) {
  if (!context.isPretended) return ownSentence(points, result, context);
  if (result.ended === "complete") return [pretendedSentence(points, context.thresholds), "late"];
  const [sentence, tone] = ownSentence(points, result, context);
  return [`Pretended. ${sentence}`, tone];
}

/** How the pieces of a stream arrived that the service held on request: without a verdict, since it has no path.
 * @param {readonly Point[]} points
 * @param {Thresholds} thresholds */
function pretendedSentence(points, thresholds) {
  const deliveries = countDeliveries(points, thresholds);
  const how = deliveries === 1 ? "together" : `in ${deliveries} deliveries`;
  return `Pretended. ${count(points.length, "piece")} arrived ${how}, up to ${longestWait(points).toFixed(1)} s late.`;
}

/** @param {readonly Point[]} points
 * @param {StreamResult} result
 * @param {{end: string, goneHost: string, unavailable: string, thresholds: Thresholds}} context
 * @returns {Toned} */
function ownSentence(points, { ended, detail, status = 0, reason = "" }, { end, goneHost, unavailable, thresholds }) {
  const pieces = count(points.length, "piece");
  if (ended === "stopped") return [`Stopped after ${pieces}.`, ""];
  if (goneHost) {
    const lost = points.length ? `Connection lost after ${pieces}` : "No connection";
    return [`${lost}: ${goneHost} does not respond. Is the service still running?`, "bad"];
  }
  if (ended === "complete") return arrivalSentence(points, thresholds);
  if (ended === "cut" && end === "none") return [`Ended without an end record after ${pieces}, as chosen.`, "late"];
  if (ended === "refused" && unavailable) return [`Not available on this server: ${unavailable}.`, "bad"];
  if (ended === "refused" && status) return [`${statusSentence(status, reason)}.`, isBusy(status) ? "late" : "bad"];
  return [`${ENDED[ended]}${points.length ? ` after ${pieces}` : ""}: ${detail}`, "bad"];
}

/** What a status other than 200 means, and why, as far as the service says.
 * @param {number} status
 * @param {string} reason the service's own, without a full stop; "" if the response is not one of the service's errors */
export function statusSentence(status, reason) {
  if (!reason && status === 502) return "Status 502 from a proxy: the service behind it gives no valid response";
  if (!reason && status === 504) return "Status 504 from a proxy: the service behind it does not respond in time";
  if (!reason)
    return `Refused with status ${status}, without a reason of the service: a proxy or another server responded`;
  if (status === 429) return `Too many requests (status 429): ${reason}`;
  if (status === 503) return `The service is full (status 503): ${reason}`;
  return `Refused (status ${status}): ${reason}`;
}

/** Whether a status says to try again later.
 * @param {number} status */
export const isBusy = (status) => status === 429 || status === 503;

/** Whether a stream that ended like this may work if it is started again.
 * @param {StreamResult} result */
export const isOverSoon = ({ ended, status = 0 }) =>
  ended === "unreachable" || (ended === "refused" && (isBusy(status) || status === 502 || status === 504));

/** How the pieces of a complete stream arrived.
 * @param {readonly Point[]} points
 * @param {Thresholds} thresholds
 * @returns {Toned} */
function arrivalSentence(points, thresholds) {
  const pieces = count(points.length, "piece");
  if (!isHeld(points, thresholds)) return [`Flowing: all ${pieces} arrived one by one.`, "good"];
  const deliveries = countDeliveries(points, thresholds);
  const how = deliveries === 1 ? "together" : `in ${deliveries} blocks`;
  const longest_s = longestWait(points);
  if (longest_s > thresholds.held_s)
    return [`Held: ${pieces} arrived ${how}, up to ${longest_s.toFixed(1)} s late.`, "bad"];
  return [`Late: ${pieces} arrived ${how}, up to ${longest_s.toFixed(2)} s late.`, "late"];
}

/** A number with its noun.
 * @param {number} number
 * @param {string} noun in the singular */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** 1st, 2nd, 3rd, 4th ...
 * @param {number} number */
export function ordinal(number) {
  const isTeen = number % 100 > 10 && number % 100 < 14;
  return `${number}${(!isTeen && ["th", "st", "nd", "rd"][number % 10]) || "th"}`;
}
