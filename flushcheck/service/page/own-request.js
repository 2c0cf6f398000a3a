// The request for a stream of the visitor's own: read from the form, checked, and shown without its secrets. Pure functions.
//
// What was typed goes to the address that was typed. What the page shows, sends for analysis or puts into a link has the
// names of headers and parameters only.

/** @import { Header, OwnRequest, Probe } from "./types.d.ts" */

const HIDDEN = "…";
const MAX_HEADERS = 50;
const MAX_BODY = 1024 * 1024;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// RFC 9110, section 5.5: what the value of a header may hold. A header takes Latin-1 only.
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
// Browsers pass over these without a word (Fetch standard, "forbidden request-header"), so the page says it.
const FORBIDDEN =
  /^(accept-charset|accept-encoding|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|via|proxy-.*|sec-.*|access-control-request-.*)$/i;

/** What was wrong with the form, as a sentence for its status line. */
export class FormError extends Error {}

/** Read the form.
 * @param {{url: string, method: string, headers: string, body: string, time_limit_s: number}} form as typed
 * @param {string} base the page's address: a path is one on its host
 * @returns {OwnRequest}
 * @throws {FormError} */
export function readRequest({ url, method, headers, body, time_limit_s }, base) {
  const address = readAddress(url, base);
  const withBody = method !== "GET" && method !== "HEAD";
  if (body.length > MAX_BODY) throw new FormError("The body is too long: expected at most 1 MiB.");
  if (body && !withBody) throw new FormError(`A ${method} has no body: choose POST, or empty the body.`);
  const pairs = readHeaders(headers);
  if (body && !pairs.some(([name]) => name.toLowerCase() === "content-type")) {
    pairs.push(["Content-Type", /^\s*[[{]/.test(body) ? "application/json" : "application/x-www-form-urlencoded"]);
  }
  return { url: address, method, headers: pairs, body: withBody ? body : null, time_limit_s };
}

/** @param {string} typed
 * @param {string} base */
function readAddress(typed, base) {
  const text = typed.trim();
  if (!text) throw new FormError("Type the address of a stream, for example /chat or https://example.org/events.");
  let url;
  try {
    url = new URL(text, base);
  } catch {
    throw new FormError(
      "That is no address: expected a path on this host, or one that begins with https:// or http://.",
    );
  }
  if (url.protocol === "ws:" || url.protocol === "wss:") {
    throw new FormError("This page watches HTTP responses, not WebSockets: expected https:// or http://.");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new FormError("Expected an address that begins with https:// or http://.");
  }
  if (url.username || url.password) {
    throw new FormError(
      "Browsers request no address with a password in it: give a header under “The request”, as in Authorization: Basic …",
    );
  }
  url.hash = "";
  return url.href;
}

/** @param {string} text a header a line
 * @returns {Header[]} */
function readHeaders(text) {
  /** @type {Header[]} */
  const pairs = [];
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim()) continue;
    const at = line.indexOf(":");
    const [name, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    // A line without its colon may be a secret: it is not repeated.
    if (at < 1 || !TOKEN.test(name)) throw new FormError("A header is one line, for example Authorization: Bearer …");
    if (!VALUE.test(value)) throw new FormError(`The header ${name} has a character that headers cannot have.`);
    if (FORBIDDEN.test(name)) {
      const cookie = /^cookie2?$/i.test(name) ? " Cookies of this host are sent by the browser itself." : "";
      throw new FormError(`Browsers let no page set the header ${name}.${cookie} flushcheck watch in a terminal can.`);
    }
    pairs.push([name, value]);
  }
  if (pairs.length > MAX_HEADERS) throw new FormError(`Expected at most ${MAX_HEADERS} headers.`);
  return pairs;
}

/** The address without the values in its query whose names look like secrets, as flushcheck/prober/redaction.py shows it.
 * @param {string} url
 * @param {string} secretNames a regular expression */
export function shownUrl(url, secretNames) {
  const [address = "", ...rest] = url.split("?");
  if (!rest.length) return address;
  const secret = new RegExp(secretNames, "i");
  const pairs = rest
    .join("?")
    .split("&")
    .map((pair) => {
      const at = pair.indexOf("=");
      return at > 0 && at < pair.length - 1 && secret.test(pair.slice(0, at)) ? `${pair.slice(0, at)}=${HIDDEN}` : pair;
    });
  return `${address}?${pairs.join("&")}`;
}

// Headers whose values say what is wanted, not who asks. flushcheck/prober/redaction.py has the same ones.
const PUBLIC = new Set(["accept", "accept-language", "cache-control", "content-type", "pragma", "x-request-id"]);
const MIN_SECRET = 6; // a shorter value stands in other words too

/** The texts that a response may repeat and that must not travel on with it, longest first.
 * @param {OwnRequest} request
 * @param {string} secretNames */
export function secretsOf({ url, headers, body }, secretNames) {
  const secret = new RegExp(secretNames, "i");
  const typed = headers.filter(([name]) => !PUBLIC.has(name.toLowerCase())).map(([, value]) => value);
  const values = [...new URL(url).searchParams].filter(([name]) => secret.test(name)).map(([, value]) => value);
  // "Bearer …": what follows the scheme too.
  const texts = [...typed, ...typed.map((value) => value.replace(/^\S+\s+/, "")), ...values, body?.trim() ?? ""];
  return [...new Set(texts)].filter((text) => text.length >= MIN_SECRET).sort((a, b) => b.length - a.length);
}

/** Text without these secrets.
 * @param {string} text
 * @param {readonly string[]} secrets */
export const withoutSecrets = (text, secrets) =>
  secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);

/** Whether one more request of this kind may cost or change something.
 * @param {string} method */
export const isSafe = (method) => ["GET", "HEAD", "OPTIONS"].includes(method);

/** The same request for a terminal, with a placeholder for each value that may be a secret.
 * @param {OwnRequest} request
 * @param {{secretNames: string, repeats: boolean}} options `repeats`: whether a request that may change data is repeated */
export function commandLine(request, { secretNames, repeats }) {
  const { url, method, headers, body } = request;
  const words = ["flushcheck watch", quoted(shownUrl(url, secretNames))];
  if (method !== (body === null ? "GET" : "POST")) words.push(`-X ${method}`);
  for (const [name, value] of headers) {
    words.push(`-H ${quoted(`${name}: ${PUBLIC.has(name.toLowerCase()) ? value : HIDDEN}`)}`);
  }
  if (body !== null) words.push("-d @body");
  if (isSafe(method) !== repeats) words.push(repeats ? "--repeat" : "--once");
  return words.join(" ");
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const MARKER = "X-Request-ID"; // as in flushcheck/prober/target.py

/** The request with the marker of its run, and that marker, for access logs. Another origin would have to allow the header, and
 * one that was typed takes its place: then there is none.
 * @param {OwnRequest} request
 * @param {string} marker
 * @param {string} page
 * @returns {[OwnRequest, string]} */
export function marked(request, marker, page) {
  const isTyped = request.headers.some(([name]) => name.toLowerCase() === MARKER.toLowerCase());
  if (isTyped || new URL(request.url).origin !== new URL(page).origin) return [request, ""];
  return [{ ...request, headers: [...request.headers, [MARKER, marker]] }, marker];
}

/** The request in the way that a probe says; the one that was typed for the first look.
 * @param {OwnRequest} request
 * @param {Probe | null} probe
 * @returns {OwnRequest} */
export function varied(request, probe) {
  const without = (/** @type {string} */ name) => request.headers.filter(([key]) => key.toLowerCase() !== name);
  // The browser sends "Accept-Encoding: identity" by itself when it requests a range: see observe.js.
  if (probe?.variant === "identity") return { ...request, headers: [...without("range"), ["Range", "bytes=0-"]] };
  if (probe?.variant === "event-stream") {
    return { ...request, headers: [...without("accept"), ["Accept", "text/event-stream"]] };
  }
  return request;
}

/** Whether the page makes this repeat: a header that was typed does not change.
 * @param {OwnRequest} request
 * @param {Probe} probe */
export function mayVary({ headers }, { variant }) {
  const typed = headers.map(([name]) => name.toLowerCase());
  if (variant === "identity") return !typed.includes("range");
  return variant !== "event-stream" || !typed.includes("accept");
}
