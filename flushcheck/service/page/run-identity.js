// When a run began, by what it was made, and the marker that stands in each of its requests: prober/marking.py says why, and
// does the same for the command.

/** @import { Run } from "./types.d.ts" */
/** @typedef {{marker: string, complete: () => Pick<Run, "began_at" | "took_s" | "observer" | "marker">}} RunIdentity */

const MARKER_BYTES = 4;
const SYSTEMS = ["Android", "iPhone", "iPad", "CrOS", "Windows", "Macintosh", "Linux"]; // Android says Linux too
/** @type {Record<string, string>} */
const NAMES = { Macintosh: "macOS", CrOS: "ChromeOS" };

/** A run begins now.
 * @param {string} userAgent of this browser
 * @returns {RunIdentity} `complete` is to be called at its end */
export function beginRun(userAgent) {
  const began_at = `${new Date().toISOString().slice(0, 19)}Z`;
  const began = performance.now();
  const bytes = [...crypto.getRandomValues(new Uint8Array(MARKER_BYTES))];
  const marker = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const complete = () => ({
    began_at,
    took_s: Math.round(performance.now() - began) / 1000,
    observer: placeOf(userAgent),
    marker,
  });
  return { marker, complete };
}

/** What a browser says of the machine that it runs on. It does not know the machine's name.
 * @param {string} userAgent */
export function placeOf(userAgent) {
  const system = SYSTEMS.find((name) => userAgent.includes(name));
  return system ? `a browser on ${NAMES[system] ?? system}` : "a browser";
}
