// "Diagnose this path": this browser observes, the service plans and judges.

import { $, $$, el, say } from "./dom.js";
import { Hands, ROUND_S, STOPPED } from "./hands.js";
import { onlyHere } from "./onlyhere.js";
import { showReport } from "./report.js";
import { opened, unpack } from "./share.js";

const AT_ONCE = 4; // streams beside the control and polling: a browser opens six connections to a host over HTTP/1.1
const FIRST_AT_ONCE = 6;
const ANSWER_S = 30; // that the service may take to think

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
    signal: AbortSignal.timeout(ANSWER_S * 1000),
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
  const hands = new Hands(root());
  current = hands;
  if (location.hash.startsWith("#run=")) history.replaceState(null, "", "#diagnose");
  $("#report").replaceChildren();
  $("#progress").hidden = false;
  $("#probes").replaceChildren();
  buttons(true);
  $("#progress").scrollIntoView({ block: "nearest" });
  try {
    const { report, ...rest } = await Promise.race([gather(hands, settings), hands.stopped]);
    await showReport({ report, ...rest, shared: "" });
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

/** Observe and have it judged: {report, own, far, run} as showReport wants them. */
async function gather(hands, settings) {
  await hands.ready;
  const run = { target: root(), observations: [], tool: observer(settings) };
  const first = (await post("diagnostics/plan", run)).probes;
  hands.tell("Streams of every kind, side by side", first.length);
  run.observations.push(...(await hands.make(first, FIRST_AT_ONCE)));
  const control = fetchControl();
  const next = (await post("diagnostics/plan", run)).probes;
  if (next.length) {
    hands.tell("One thing changed at a time", next.length);
    const together = next.filter(({ probe }) => probe.variant === "together");
    const others = next.filter(({ probe }) => probe.variant !== "together");
    run.observations.push(...(await hands.make(others, AT_ONCE)));
    run.observations.push(...(await hands.make(together, together.length)));
  }
  hands.tell("What only a browser sees", 0);
  run.observations.push(...(await control));
  const far = settings.public ? fetchFar() : Promise.resolve(null);
  run.notes = await onlyHere(first, run, { root: root(), others: far, signal: hands.signal });
  const [report, own] = await Promise.all([post("diagnostics/judge", run), judgeControl(run)]);
  return { report, own, far: await far, run };
}

function buttons(running) {
  const shown = Boolean($("#report .verdict"));
  $("[data-action=diagnose]").textContent = running ? "Diagnosing…" : shown ? "Diagnose again" : "Diagnose this path";
  // Streams beside the probes would take their connections.
  for (const button of $$("[data-action=diagnose], [data-action=start-all]")) button.disabled = running;
  $("[data-action=stop-diagnosis]").hidden = !running;
}

/** Show the run in the address, if there is one. */
export async function showShared() {
  if (!location.hash.startsWith("#run=")) return;
  await showRun(() => unpack(location.hash.slice(5)), "A run that somebody shared", "This link");
}

/** Show a run that was saved here or by `flushcheck diagnose --save`. @param file a File. */
export async function showSaved(file) {
  if (current) return;
  if (location.hash.startsWith("#run=")) history.replaceState(null, "", "#diagnose");
  await showRun(() => opened(file), "A run that was saved", file.name.slice(0, 100));
}

async function showRun(read, shared, source) {
  try {
    const run = await read();
    const [report, own] = await Promise.all([post("diagnostics/judge", run), judgeControl(run)]);
    await showReport({ report, own, far: null, run, shared });
    say(`${report.verdict}. ${report.headline}`);
  } catch (error) {
    const sentence = `${source} holds no run that can be read: ${String(error.message).slice(0, 300)}`;
    $("#report").replaceChildren(el("p", { class: "problem" }, sentence));
    say(sentence);
  }
  $("#report").focus({ preventScroll: true });
  $("#report").scrollIntoView();
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
