// What only a browser can see, as sentences. Made in the page itself and not in the worker: an extension that wraps fetch or
// EventSource does so here.

import { HELD_S } from "./picture.js";
import { readChunked, readEventSource } from "./streams.js";

const MANY = 7; // one more than a browser opens to a host over HTTP/1.1
const MANY_WITHIN_S = 0.7;
const GIVE_UP_S = 6;

/** @param planned the baselines as the service planned them; @param run what the worker saw. */
export async function onlyHere(planned, run, root) {
  const byId = new Map(planned.map((asked) => [asked.id, asked]));
  const path = run.observations.filter(({ probe }) => probe.vantage === "path"); // the control is not this browser's
  const seen = new Map(path.map((one) => [`${one.probe.transport}-${one.probe.scenario}-${one.probe.variant}`, one]));
  const notes = [];
  const baseline = seen.get("chunked-token-baseline");
  notes.push(...protocol(baseline), ...wrapped());
  notes.push(...(await workers()));
  const chunked = byId.get("chunked-token");
  const events = byId.get("events-token");
  // On a path that answers nothing there is nothing to compare.
  if (!chunked || !events || baseline?.outcome !== "complete") return notes;
  const url = (asked, more = "") => new URL(`${asked.path.slice(1)}${nonce()}${more}`, root).href;
  const [plain, safe, own, source] = await Promise.all([
    xhr(url(chunked)),
    xhr(url(chunked).replace("nosniff=0", "nosniff=1")),
    longest((options) => readChunked(url(chunked), options)),
    longest((options) => readEventSource(url(events), { ...options, end: "done" })),
  ]);
  notes.push(...sniffing(plain, safe, worst(baseline)), ...compared("fetch in this page", own, worst(baseline)));
  notes.push(...compared("EventSource", source, worst(seen.get("events-token-baseline"))));
  if (baseline.http_version === "1.1") notes.push(...(await connections(url, chunked)));
  return notes;
}

const nonce = () => Math.random().toString(36).slice(2, 12);

function protocol(observation) {
  const names = { "1.1": "HTTP/1.1", 2: "HTTP/2", 3: "HTTP/3", "1.0": "HTTP/1.0" };
  const name = names[observation?.http_version];
  return name ? [`this browser and the first server it meets speak ${name}`] : [];
}

function wrapped() {
  const native = (value) => /\{\s*\[native code\]\s*\}/.test(Function.prototype.toString.call(value));
  const changed = Object.entries({ fetch, XMLHttpRequest, EventSource, WebSocket })
    .filter(([, value]) => !native(value))
    .map(([name]) => name);
  return changed.length ? [`an extension has replaced ${changed.join(", ")} in this page, and may hold what they bring`] : [];
}

async function workers() {
  const own = navigator.serviceWorker?.controller;
  return own ? ["a service worker answers for this page: what it passes on is what was measured"] : [];
}

/** XMLHttpRequest as pages use it: when its first text could be read. */
function xhr(url) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const began = performance.now();
    const found = { first_s: null, first_bytes: 0, events: 0, ended_s: 0 };
    const timer = setTimeout(() => request.abort(), GIVE_UP_S * 1000);
    request.open("GET", url);
    request.onprogress = () => {
      if (!request.responseText) return;
      found.events += 1;
      found.first_s ??= (performance.now() - began) / 1000;
      found.first_bytes ||= request.responseText.length;
    };
    request.onloadend = () => {
      clearTimeout(timer);
      found.ended_s = (performance.now() - began) / 1000;
      resolve(found);
    };
    request.send();
  });
}

/** The longest wait of a piece, in seconds; null if the stream did not come to its end. */
async function longest(read) {
  const points = [];
  const began = performance.now();
  const listener = {
    record: ({ piece }, { sent_s }) => piece && points.push((performance.now() - began) / 1000 - sent_s),
  };
  const { ended } = await read({ listener, signal: AbortSignal.timeout(GIVE_UP_S * 1000) });
  return ended === "complete" && points.length ? Math.max(...points) - Math.min(...points) : null;
}

function worst(observation) {
  if (observation?.outcome !== "complete") return null;
  const delays = observation.arrivals.flatMap(({ at_s, marks }) => marks.map(({ sent_s }) => at_s - sent_s));
  return delays.length ? Math.max(...delays) - Math.min(...delays) : null;
}

function sniffing(plain, safe, path_s) {
  if (path_s === null || path_s > HELD_S || plain.first_s === null || safe.first_s === null) return [];
  if (plain.first_s - safe.first_s < HELD_S) {
    return [`XMLHttpRequest reads text/plain here at once (after ${plain.first_s.toFixed(2)} s), with and without nosniff`];
  }
  return [
    `XMLHttpRequest holds text/plain without nosniff: its first text came after ${plain.first_s.toFixed(2)} s ` +
      `(${plain.first_bytes} characters), with X-Content-Type-Options: nosniff after ${safe.first_s.toFixed(2)} s. ` +
      "This is the browser guessing the type, not the path; fetch and EventSource do not wait",
  ];
}

function compared(name, own_s, worker_s) {
  if (own_s === null || worker_s === null) return [];
  if (own_s > HELD_S && worker_s < HELD_S) {
    return [`${name} was up to ${own_s.toFixed(1)} s late while a worker of the same browser was not: something in this page holds it, such as an extension`];
  }
  return own_s < HELD_S ? [`${name} was at most ${(own_s * 1000).toFixed(0)} ms late`] : [];
}

/** How many streams open at once. */
async function connections(url, asked) {
  const opened = [];
  const control = new AbortController();
  const began = performance.now();
  const streams = Array.from({ length: MANY }, () =>
    readChunked(url(asked), { listener: { opened: () => opened.push(performance.now() - began) }, signal: control.signal }));
  await new Promise((resolve) => setTimeout(resolve, MANY_WITHIN_S * 1000));
  const count = opened.length;
  control.abort();
  await Promise.all(streams);
  if (count === 0 || count === MANY) return [];
  return [`over HTTP/1.1 ${count} of ${MANY} streams opened at once; the next one waits until another ends, in every tab together`];
}
