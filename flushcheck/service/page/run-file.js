// A run in a link, and a run in a file. A link carries the run in its fragment, compressed; browsers send a fragment to no
// server. Both may come from anywhere: the size is bounded here, the service checks the rest, the page shows it as text.

/** @import { NotedRun, Report } from "./types.d.ts" */

/** The longest link that mail programs and chats pass on whole. */
export const MAX_LINK = 2000;

/** A link to a report. Only the query reaches a server; its two words are for the preview of the link (service/preview.py).
 * @param {string} root the service's address
 * @param {NotedRun} run
 * @param {Pick<Report, "verdict" | "culprits">} report */
export async function reportLink(root, run, { verdict, culprits }) {
  const url = new URL(root);
  url.searchParams.set("report", verdict);
  if (culprits[0]) url.searchParams.set("culprit", culprits[0].id);
  url.hash = `run=${await packRun(run)}`;
  return url.href;
}

/** Pack a run for a link.
 * @param {NotedRun} run
 * @returns {Promise<string>} base64url of deflated JSON */
export async function packRun(run) {
  const stream = new Blob([JSON.stringify(run)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Unpack a run from a link.
 * @param {string} packed
 * @param {number} maxChars of its JSON
 * @throws if it is not a run, or larger */
export async function unpackRun(packed, maxChars) {
  const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (text.length > maxChars) {
      reader.cancel();
      throw tooLarge(maxChars);
    }
  }
  return parseRun(text);
}

/** Read a run from a file.
 * @param {Blob} file
 * @param {number} maxBytes
 * @throws if it is not a run, or larger */
export async function readRun(file, maxBytes) {
  if (file.size > maxBytes) throw tooLarge(maxBytes);
  return parseRun(await file.text());
}

/** @param {number} max */
const tooLarge = (max) => new Error(`too large: expected a run of at most ${max.toLocaleString("en")} bytes`);

/** @param {string} text
 * @returns {NotedRun} checked only as far as the page needs; the service checks the rest */
function parseRun(text) {
  const run = JSON.parse(text);
  if (run === null || typeof run !== "object" || !Array.isArray(run.observations)) throw new Error("not a run");
  return run;
}
