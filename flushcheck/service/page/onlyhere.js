// What only a browser can see, as sentences. Made in the page itself and not in the worker: an extension that wraps fetch or
// EventSource does so here.

import { HELD_S, kept, longestWait } from "./impression.js";
import { readChunked, readEventSource } from "./streams.js";

const ROOM = 6; // connections that browsers open to a host over HTTP/1.1
const MANY = ROOM + 1;
const SNIFFED_BYTES = 1024; // that Chromium wants of a text/plain before it shows any to XMLHttpRequest
const GIVE_UP_S = 6;

/**
 * @param planned the baselines as the service planned them; @param run what the worker saw; @param root the service's
 * address; @param others a promise of whatever else has a connection to the service: connections are counted after it;
 * @param signal ends all of it.
 */
export async function onlyHere(planned, run, { root, others, signal }) {
  const byId = new Map(planned.map((asked) => [asked.id, asked]));
  const path = run.observations.filter(({ probe }) => probe.vantage === "path"); // the control is not this browser's
  const seen = new Map(path.map((one) => [`${one.probe.transport}-${one.probe.scenario}-${one.probe.variant}`, one]));
  const baseline = seen.get("chunked-token-baseline");
  const notes = [...protocol(baseline), ...wrapped(), ...workers()];
  const chunked = byId.get("chunked-token");
  const events = byId.get("events-token");
  // On a path that answers nothing there is nothing to compare.
  if (!chunked || !events || baseline?.outcome !== "complete") return notes;
  const url = (asked) => new URL(`${asked.path.slice(1)}${nonce()}`, root).href;
  const brief = AbortSignal.any([signal, AbortSignal.timeout(GIVE_UP_S * 1000)]);
  const [plain, safe, fetched, source] = await Promise.all([
    xhr(url(chunked), brief),
    xhr(url(chunked).replace("nosniff=0", "nosniff=1"), brief),
    points((listener) => readChunked(url(chunked), { listener, signal: brief })),
    points((listener) => readEventSource(url(events), { listener, signal: brief, end: "done" })),
  ]);
  notes.push(...sniffing(plain, safe));
  notes.push(...compared("fetch", fetched, received(baseline)));
  notes.push(...compared("EventSource", source, received(seen.get("events-token-baseline"))));
  await others;
  // Where a stream opens only when it is over, nothing can be counted.
  if (baseline.http_version === "1.1" && fetched && !kept(fetched)) notes.push(...(await connections(url(chunked), signal)));
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
  return changed.length
    ? [`something, most likely an extension, has replaced ${changed.join(", ")} in this page, and may hold what they bring`]
    : [];
}

function workers() {
  const own = navigator.serviceWorker?.controller;
  return own
    ? [
        `a service worker (${own.scriptURL.slice(0, 200)}) answers for this page: what it passes on is what was measured. ` +
          "Reload with Shift held to go past it, and ask again",
      ]
    : [];
}

/** XMLHttpRequest as pages use it: when its first text could be read, and how much that was. */
function xhr(url, signal) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const began = performance.now();
    const found = { first_s: null, first_bytes: 0 };
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.open("GET", url);
    request.onprogress = () => {
      if (!request.responseText) return;
      found.first_s ??= (performance.now() - began) / 1000;
      found.first_bytes ||= request.responseText.length;
    };
    request.onloadend = () => {
      signal.removeEventListener("abort", stop);
      resolve(found);
    };
    request.send();
  });
}

/** How a stream reached this page: points as in impression.js; null if it did not come to its end. */
async function points(read) {
  const found = [];
  const began = performance.now();
  const listener = {
    record: ({ piece }, { sent_s }) => piece && found.push({ sent_s, came_s: (performance.now() - began) / 1000 }),
  };
  const { ended } = await read(listener);
  return ended === "complete" && found.length ? found : null;
}

/** How it reached the worker. */
function received(observation) {
  if (observation?.outcome !== "complete") return null;
  return observation.arrivals.flatMap(({ at_s, pieces }) => pieces.map(({ sent_s }) => ({ sent_s, came_s: at_s })));
}

/** Told by bytes and not by time: how late a busy machine is says nothing of what the browser waits for. */
function sniffing(plain, safe) {
  if (plain.first_s === null || safe.first_s === null || safe.first_bytes >= SNIFFED_BYTES) return [];
  if (plain.first_bytes < SNIFFED_BYTES) {
    return [`XMLHttpRequest reads text/plain here at once (after ${plain.first_s.toFixed(2)} s), with and without nosniff`];
  }
  return [
    `XMLHttpRequest holds text/plain without nosniff: its first text came after ${plain.first_s.toFixed(2)} s ` +
      `(${plain.first_bytes} characters), with X-Content-Type-Options: nosniff after ${safe.first_s.toFixed(2)} s. ` +
      "This is the browser guessing the type, not the path; fetch and EventSource do not wait",
  ];
}

function compared(name, here, worker) {
  if (!here || !worker) return [];
  const late_s = longestWait(here);
  if (kept(here)) {
    if (kept(worker) || late_s <= HELD_S) return [];
    return [
      `${name} was up to ${late_s.toFixed(1)} s late in this page, while a worker of the same browser got every piece as it ` +
        "came: something in the page holds it, such as an extension. A private window without extensions shows whether it is one",
    ];
  }
  return [`${name} in this page: each piece came as it was sent, the latest by ${(late_s * 1000).toFixed(0)} ms`];
}

/** How many streams open at once: where there is room for no more, one opens only when another ends. */
async function connections(url, signal) {
  const control = new AbortController();
  const stops = AbortSignal.any([signal, control.signal, AbortSignal.timeout(GIVE_UP_S * 1000)]);
  let opened = 0;
  const room = await new Promise((resolve) => {
    for (let n = 0; n < MANY; n += 1) {
      const listener = { opened: () => (opened += 1) === MANY && resolve(MANY) };
      readChunked(`${url}-${n}`, { listener, signal: stops }).then(() => resolve(opened));
    }
  });
  control.abort();
  if (room === 0 || room === MANY) return [];
  const waits =
    room === ROOM
      ? "the next one waits until another ends, in every tab together"
      : `browsers open ${ROOM} connections to a host, so other tabs or something on the path have the rest`;
  return [`over HTTP/1.1 ${room} of ${MANY} streams opened at once; ${waits}`];
}
