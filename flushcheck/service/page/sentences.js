// The sentences of a card, as pure functions.

import { countDeliveries, isHeld, longestWait } from "./classify.js";

/** @import { Point, StreamResult, Thresholds } from "./types.d.ts" */
/** @typedef {[sentence: string, tone: "good" | "late" | "bad" | ""]} Toned a sentence and its colour */

const ENDED = { cut: "Cut", refused: "Refused", unreachable: "Unreachable", foreign: "Not a stream of flushcheck" };

/** How a stream ended and how its pieces arrived.
 * @param {readonly Point[]} points
 * @param {StreamResult} result
 * @param {{end: string, unavailable: string, thresholds: Thresholds, isPretended?: boolean}} context `end`: the end event that the reader chose;
 * `unavailable`: why this server cannot offer the transport, "" if it can; `isPretended`: the service held it on request
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
 * @param {{end: string, unavailable: string, thresholds: Thresholds}} context
 * @returns {Toned} */
function ownSentence(points, { ended, detail }, { end, unavailable, thresholds }) {
  const pieces = count(points.length, "piece");
  if (ended === "stopped") return [`Stopped after ${pieces}.`, ""];
  if (ended === "complete") return arrivalSentence(points, thresholds);
  if (ended === "cut" && end === "none") return [`Ended without an end record after ${pieces}, as chosen.`, "late"];
  if (ended === "refused" && unavailable) return [`Not available on this server: ${unavailable}.`, "bad"];
  return [`${ENDED[ended]}${points.length ? ` after ${pieces}` : ""}: ${detail}`, "bad"];
}

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
