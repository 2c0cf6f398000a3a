// Where the fault lies, from the same streams at up to three vantages: the difference between two verdicts shows it. Pure.

/** @import { Report } from "./types.d.ts" */
/** @typedef {Pick<Report, "verdict">} Judged */

/** One sentence; "" if there is nothing to compare.
 * @param {Judged} report on the path from this browser
 * @param {Judged | null} own on the service, measured on its own machine; null if it was not measured
 * @param {Judged | null} overPublicUrl on the service over its public address; null if it was not measured
 * @param {string} source how the run came to this page; "" if it was made here and now */
export function compareVantages(report, own, overPublicUrl, source) {
  const isBad = ["held", "broken"].includes(report.verdict);
  const isPublicBad = ["held", "broken"].includes(overPublicUrl?.verdict ?? "");
  if (!own)
    return source ? "" : "The service could not probe itself. So it is not known whether the app itself is fine.";
  if (own.verdict === "unknown") {
    return "The service probed itself without a clear result. So it is not known whether the app itself is fine.";
  }
  if (own.verdict !== "flowing")
    return "The service itself holds the streams: the fault is in the app or its server, before any proxy.";
  if (isBad && overPublicUrl?.verdict === "flowing") {
    return "Over the public address the streams flow. Something on your side delays the data: this browser, its computer or its network.";
  }
  if (isBad && isPublicBad) {
    return "Over the public address the result is the same. Something on the server side, in front of the app, delays the data.";
  }
  if (isBad) return "The app is fine. Something between the app and your browser delays the data.";
  if (report.verdict !== "flowing") return "";
  if (isPublicBad)
    return "Here the streams flow; over the public address they do not. Your browser reaches the service over another path.";
  return "The result is the same everywhere: nothing on this path holds a stream.";
}
