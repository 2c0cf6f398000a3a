// "Diagnose this path": this browser observes, the service plans and judges.

import { $, el, say } from "./dom.js";
import { onlyHere } from "./onlyhere.js";
import { showReport } from "./report.js";
import { unpack } from "./share.js";

const ROUND_S = 14; // after this a Probe is given up; the longest takes 2 s on a path that flows
const AT_ONCE = 4; // streams beside the control and polling: a browser opens six connections to a host over HTTP/1.1
const FIRST_AT_ONCE = 6;

const root = () => new URL("./", document.baseURI.replace(/[?#].*/, "")).href;

let current = null;

export function stopDiagnosis() {
  current?.stop();
}

/** Ask the service something about a run; returns its answer, or throws with its words. */
async function post(path, run, accept = "application/json") {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: accept },
    body: JSON.stringify(run),
  });
  if (!response.ok) {
    const data = await response.json().catch(() => ({}));
    throw new Error(String(data.error ?? `${path} answered with ${response.status}`));
  }
  return accept === "application/json" ? response.json() : response.text();
}

/** Diagnose, show how far it is, then show the Report. */
export async function diagnose(settings) {
  if (current) return;
  const hands = new Hands();
  current = hands;
  if (location.hash.startsWith("#run=")) history.replaceState(null, "", "#diagnose");
  $("#report").replaceChildren();
  $("#progress").hidden = false;
  $("#probes").replaceChildren();
  buttons(true);
  $("#progress").scrollIntoView({ block: "nearest" });
  try {
    await hands.ready;
    const run = { target: root(), observations: [], tool: observer(settings) };
    const first = (await post("diagnostics/plan", run)).probes;
    tell("Streams of every kind, side by side", first.length);
    run.observations.push(...(await hands.make(first, FIRST_AT_ONCE)));
    hands.check();
    const control = fetchControl();
    const next = (await post("diagnostics/plan", run)).probes;
    if (next.length) {
      tell("One thing changed at a time", next.length);
      const together = next.filter(({ probe }) => probe.variant === "together");
      const others = next.filter(({ probe }) => probe.variant !== "together");
      run.observations.push(...(await hands.make(others, AT_ONCE)));
      run.observations.push(...(await hands.make(together, together.length)));
      hands.check();
    }
    tell("What only a browser sees", 0);
    run.observations.push(...(await control));
    const [report, own, far, notes] = await Promise.all([
      post("diagnostics/judge", run),
      judgeControl(run),
      settings.public ? fetchFar() : null,
      onlyHere(first, run, root()).catch(() => []),
    ]);
    hands.check();
    run.notes = notes;
    await showReport({ report, own, far, run, settings, shared: false });
    $("#progress").hidden = true;
    $("#report").focus({ preventScroll: true });
    $("#report").scrollIntoView();
    say(`Done: ${report.verdict}. ${report.headline}`);
  } catch (error) {
    const stopped = error === STOPPED;
    $("#progress").hidden = true;
    const sentence = stopped ? "Stopped." : `The diagnosis did not come to its end: ${String(error.message).slice(0, 300)}`;
    $("#report").replaceChildren(el("p", { class: "problem" }, sentence));
    say(sentence);
  } finally {
    hands.stop();
    current = null;
    buttons(false);
  }
}

function buttons(running) {
  for (const button of document.querySelectorAll("[data-action=diagnose]")) button.disabled = running;
  $("[data-action=stop-diagnosis]").hidden = !running;
}

/** Show the run in the address, if there is one. */
export async function showShared(settings) {
  if (!location.hash.startsWith("#run=")) return;
  const host = $("#report");
  try {
    const run = await unpack(location.hash.slice(5));
    const [report, own] = await Promise.all([post("diagnostics/judge", run), judgeControl(run)]);
    await showReport({ report, own, far: null, run, settings, shared: true });
  } catch (error) {
    host.replaceChildren(el("p", { class: "problem" }, `This link holds no run that can be read: ${String(error.message).slice(0, 300)}`));
  }
  host.scrollIntoView();
}

/** What the service saw of itself: told as a Verdict of its own, beside that of the path. */
async function judgeControl(run) {
  const observations = run.observations
    .filter((one) => one?.probe?.vantage === "loopback")
    .map((one) => ({ ...one, probe: { ...one.probe, vantage: "path" } }));
  return observations.length ? post("diagnostics/judge", { target: "the service itself", observations }) : null;
}

async function fetchControl() {
  try {
    const response = await fetch("diagnostics/control", { cache: "no-store", signal: AbortSignal.timeout(ROUND_S * 1000) });
    const data = await response.json();
    return Array.isArray(data.observations) ? data.observations : [];
  } catch {
    return [];
  }
}

async function fetchFar() {
  try {
    const response = await fetch("diagnostics?quick=1", {
      headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(30_000),
    });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function observer(settings) {
  const brands = navigator.userAgentData?.brands?.filter(({ brand }) => !/not.?a.?brand/i.test(brand)) ?? [];
  const short = brands.map(({ brand, version }) => `${brand} ${version}`).join(", ");
  const long = /(Firefox|Chrome|Version)\/[\d.]+/.exec(navigator.userAgent)?.[0] ?? "a browser";
  return `${settings.tool}, page in ${(short || long).slice(0, 120)}`;
}

let done = 0;
let total = 0;

function tell(stage, more) {
  done = 0;
  total = more;
  $("#progress-text").textContent = more ? `${stage}: ${more} probes` : stage;
  const bar = $("#progress-bar");
  bar.max = more || 1;
  if (more) bar.value = 0;
  else bar.removeAttribute("value");
  say(stage);
}

const STOPPED = new Error("stopped");

/** The worker that makes the Probes. */
class Hands {
  #worker;
  #waiting = new Map();
  #stopped = false;

  constructor() {
    const url = "page/worker.js";
    // Only this one file may become a worker.
    const policy = globalThis.trustedTypes?.createPolicy("flushcheck-worker", { createScriptURL: () => url });
    this.#worker = new Worker(policy ? policy.createScriptURL("") : url, { type: "module" });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => {
        if (data.ready) return resolve();
        this.#waiting.get(data.id)?.(data.observation);
        this.#waiting.delete(data.id);
      };
      this.#worker.onerror = () => reject(new Error("the worker did not start"));
    });
  }

  /** Make these Probes, so many at once, in order. */
  async make(asked, atOnce) {
    const queue = [...asked];
    const found = new Map();
    const lane = async () => {
      for (let one = queue.shift(); one && !this.#stopped; one = queue.shift()) {
        found.set(one.id, await this.#one(one));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    this.check();
    return asked.map(({ id }) => found.get(id)).filter(Boolean);
  }

  async #one(asked) {
    const item = el("li", { "data-state": "running" }, asked.id);
    $("#probes").append(item);
    const observation = await new Promise((resolve, reject) => {
      this.#waiting.set(asked.id, resolve);
      this.reject ??= [];
      this.reject.push(reject);
      this.#worker.postMessage({ asked, root: root(), timeout_s: ROUND_S });
    });
    item.dataset.state = observation?.outcome === "complete" ? "done" : "bad";
    $("#progress-bar").value = done += 1;
    $("#progress-text").textContent = `${done} of ${total} probes`;
    return observation;
  }

  check() {
    if (this.#stopped) throw STOPPED;
  }

  stop() {
    this.#stopped = true;
    this.#worker.terminate(); // closes every connection that it holds
    for (const reject of this.reject ?? []) reject(STOPPED);
  }
}

