// What only a browser can see, as sentences. Runs in the page and not in the worker: an extension that replaces fetch or
// EventSource does so in the page.

import { isHeld, longestWait } from "./classify.js";
import { protocolLabel } from "./labels.js";
import { readEventSource } from "./read-event-source.js";
import { readChunked } from "./read-fetch.js";
import { root, settings } from "./settings.js";

/** @import { Listener, NotedRun, Observation, PlannedProbe, Point, StreamResult } from "./types.d.ts" */
/** @typedef {{first_s: number | null, first_chars: number}} FirstText when XMLHttpRequest could read its first text, and how much */

const MAX_CONNECTIONS = 6; // that browsers open to one host over HTTP/1.1
const OPENED = MAX_CONNECTIONS + 1;
const SNIFFED_BYTES = 1024; // of text/plain that Chromium collects before XMLHttpRequest sees any
const TIMEOUT_S = 6;

/** Make the checks.
 * @param {readonly PlannedProbe[]} planned the baselines as the service planned them
 * @param {NotedRun} run what the worker saw
 * @param {{others: Promise<unknown>, signal: AbortSignal}} options `others`: whatever else still uses a connection to the
 * service; connections are counted after it. `signal` ends all checks.
 * @returns {Promise<string[]>} */
export async function browserChecks(planned, run, { others, signal }) {
  const probes = new Map(planned.map((probe) => [probe.id, probe]));
  /** @param {string} transport */
  const baselineOf = (transport) =>
    run.observations.find(
      ({ probe }) =>
        probe.vantage === "path" &&
        probe.transport === transport &&
        probe.scenario === "token" &&
        probe.variant === "baseline",
    );
  const baseline = baselineOf("chunked");
  const notes = [...protocol(baseline), ...replacedFunctions(), ...serviceWorker()];
  const chunked = probes.get("chunked-token");
  const events = probes.get("events-token");
  // Without a complete stream there is nothing to compare.
  if (!chunked || !events || baseline?.outcome !== "complete") return notes;
  const brief = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_S * 1000)]);
  const options = { signal: brief, maxPendingBytes: settings.bounds.max_pending_bytes };
  const [plain, nosniff, fetched, source] = await Promise.all([
    firstText(address(chunked), brief),
    firstText(address(chunked).replace("nosniff=0", "nosniff=1"), brief),
    pointsOf((listener) => readChunked(address(chunked), { ...options, listener })),
    pointsOf((listener) => readEventSource(address(events), { ...options, listener, end: "done" })),
  ]);
  notes.push(...sniffing(plain, nosniff));
  notes.push(...compared("fetch", fetched, pointsInWorker(baseline)));
  notes.push(...compared("EventSource", source, pointsInWorker(baselineOf("events"))));
  await others;
  // On a path where a stream opens only after its end, open streams cannot be counted.
  if (baseline.http_version === "1.1" && fetched && !isHeld(fetched, settings.thresholds)) {
    notes.push(...(await connections(address(chunked), signal)));
  }
  return notes;
}

/** A fresh address of a planned stream.
 * @param {PlannedProbe} planned */
const address = ({ path }) => new URL(path.slice(1) + Math.random().toString(36).slice(2, 12), root).href;

/** @param {Observation | undefined} observation */
function protocol(observation) {
  const version = observation?.http_version ?? "";
  const name = protocolLabel(version);
  if (!name) return [];
  // A server may hold for HTTP/1.1 clients over TLS what it passes on to browsers.
  const others = ["2", "3"].includes(version)
    ? ". HTTP/1.1 clients may get something else: the command flushcheck diagnose asks as one too"
    : "";
  return [`this browser and the first server on the path speak ${name}${others}`];
}

function replacedFunctions() {
  /** @param {unknown} value */
  const isNative = (value) => /\{\s*\[native code\]\s*\}/.test(Function.prototype.toString.call(value));
  const replaced = Object.entries({ fetch, XMLHttpRequest, EventSource, WebSocket })
    .filter(([, value]) => !isNative(value))
    .map(([name]) => name);
  return replaced.length
    ? [`a script, most likely a browser extension, has replaced ${replaced.join(", ")} in this page and may hold data`]
    : [];
}

function serviceWorker() {
  const worker = navigator.serviceWorker?.controller;
  return worker
    ? [
        `a service worker (${worker.scriptURL.slice(0, 200)}) responds to the requests of this page, so the test measured ` +
          "what it passes on. To bypass it, hold Shift while you reload, then test again",
      ]
    : [];
}

/** Read with XMLHttpRequest, as many pages do.
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {Promise<FirstText>} */
function firstText(url, signal) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const began = performance.now();
    /** @type {FirstText} */
    const first = { first_s: null, first_chars: 0 };
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.open("GET", url);
    request.onprogress = () => {
      if (!request.responseText) return;
      first.first_s ??= (performance.now() - began) / 1000;
      first.first_chars ||= request.responseText.length;
    };
    request.onloadend = () => {
      signal.removeEventListener("abort", stop);
      resolve(first);
    };
    request.send();
  });
}

/** How a stream arrived in this page; null if it did not complete.
 * @param {(listener: Listener) => Promise<StreamResult>} read
 * @returns {Promise<Point[] | null>} */
async function pointsOf(read) {
  /** @type {Point[]} */
  const points = [];
  const began = performance.now();
  const { ended } = await read({
    record({ piece }, sent_s = 0) {
      if (piece) points.push({ sent_s, arrived_s: (performance.now() - began) / 1000 });
    },
  });
  return ended === "complete" && points.length ? points : null;
}

/** How a stream arrived in the worker; null if it did not complete.
 * @param {Observation | undefined} observation */
function pointsInWorker(observation) {
  if (observation?.outcome !== "complete") return null;
  return observation.arrivals.flatMap(({ at_s, pieces }) => pieces.map(({ sent_s }) => ({ sent_s, arrived_s: at_s })));
}

/** Decided by the number of characters and not by time: a busy machine is late for other reasons.
 * @param {FirstText} plain
 * @param {FirstText} nosniff */
function sniffing(plain, nosniff) {
  if (plain.first_s === null || nosniff.first_s === null || nosniff.first_chars >= SNIFFED_BYTES) return [];
  if (plain.first_chars < SNIFFED_BYTES) {
    return [`XMLHttpRequest reads text/plain at once (after ${plain.first_s.toFixed(2)} s), with and without nosniff`];
  }
  return [
    `XMLHttpRequest holds text/plain without nosniff: the first text arrived after ${plain.first_s.toFixed(2)} s ` +
      `(${plain.first_chars} characters), with X-Content-Type-Options: nosniff after ${nosniff.first_s.toFixed(2)} s. ` +
      "The browser holds it to guess the content type, not the path; fetch and EventSource do not wait",
  ];
}

/** @param {string} name
 * @param {readonly Point[] | null} here
 * @param {readonly Point[] | null} inWorker */
function compared(name, here, inWorker) {
  if (!here || !inWorker) return [];
  const late_s = longestWait(here);
  if (!isHeld(here, settings.thresholds)) {
    return [`${name} in this page: each piece arrived when it was sent, at most ${(late_s * 1000).toFixed(0)} ms late`];
  }
  if (isHeld(inWorker, settings.thresholds) || late_s <= settings.thresholds.held_s) return [];
  return [
    `${name} was up to ${late_s.toFixed(1)} s late in this page, while a worker of the same browser got every piece on time: ` +
      "something in the page holds the data, for example an extension. To find out, use a private window without extensions",
  ];
}

/** How many streams open at once. Where the limit is reached, one more opens only when another ends.
 * @param {string} url
 * @param {AbortSignal} signal */
async function connections(url, signal) {
  const control = new AbortController();
  const stop = AbortSignal.any([signal, control.signal, AbortSignal.timeout(TIMEOUT_S * 1000)]);
  let opened = 0;
  /** @type {number} */
  const atOnce = await new Promise((resolve) => {
    const listener = {
      opened() {
        opened += 1;
        if (opened === OPENED) resolve(opened);
      },
    };
    for (let n = 0; n < OPENED; n += 1) {
      const options = { listener, signal: stop, maxPendingBytes: settings.bounds.max_pending_bytes };
      readChunked(`${url}-${n}`, options).then(() => resolve(opened));
    }
  });
  control.abort();
  if (atOnce === 0 || atOnce === OPENED) return [];
  const why =
    atOnce === MAX_CONNECTIONS
      ? "the next one waits until another ends, also in other tabs"
      : `browsers open ${MAX_CONNECTIONS} connections to a host, so other tabs or something on the path use the rest`;
  return [`over HTTP/1.1 ${atOnce} of ${OPENED} streams opened at once; ${why}`];
}
