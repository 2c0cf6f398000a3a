// The test of the connection: this browser makes the probes, the service plans them and judges what they saw.

import { browserChecks } from "./browser-checks.js";
import { compareRuns } from "./comparison.js";
import { $, $$, announce, el } from "./dom.js";
import { keepRun, lastRun } from "./last-run.js";
import { PROBE_TIMEOUT_S, ProbeRunner, STOPPED, WorkerFailed } from "./probe-runner.js";
import { showReport, VERDICTS } from "./report.js";
import { readRun, unpackRun } from "./run-file.js";
import { beginRun } from "./run-identity.js";
import { NoResponse, postRun, RESPONSE_WITHIN_S, Refused } from "./service-requests.js";
import { isServiceThere } from "./service-state.js";
import { NO_RESPONSE, root, settings } from "./settings.js";
import { messageOf } from "./streams.js";
import { showInTitle, titleSoFar } from "./tab-title.js";
import { toolName } from "./tool-name.js";

/** @import { RunIdentity } from "./run-identity.js" */
/** @import { NotedRun, Observation, PlannedProbe, Report } from "./types.d.ts" */
/** @typedef {{report: Report, own: Report | null, overPublicUrl: Report | null, run: NotedRun}} Reports on the path, on the service
 * measured on its own machine, and on the service over its public address; null where it was not measured */

const AT_ONCE = 4; // leaves room for the control and polling: a browser opens six connections to a host over HTTP/1.1
const FIRST_AT_ONCE = 6;
const openStorage = () => sessionStorage;
const START = $("[data-action=diagnose]").textContent ?? "";
// A file may have spaces and line breaks. The service counts the run without them.
const MAX_KEPT = (settings.limits.max_judge_bytes ?? 0) / 2; // two runs go to the service at once
const MAX_RUN = 4 * (settings.limits.max_judge_bytes ?? 0);

/** @type {ProbeRunner | null} */
let current = null;

export function stopDiagnosis() {
  current?.stop();
}

/** Test the connection, show the progress, then the report. */
export async function diagnose() {
  if (current) return;
  const identity = beginRun(navigator.userAgent);
  const runner = new ProbeRunner(identity.marker);
  current = runner;
  showInTitle("Testing");
  forgetLink();
  $("#report").replaceChildren();
  $("#progress").hidden = false;
  $("#probes").replaceChildren();
  showButtons(true);
  $("#progress").scrollIntoView({ block: "nearest" });
  try {
    const reports = await Promise.race([gather(runner, identity), runner.stopped]);
    const comparison = await compareRuns(lastRun(root, openStorage), reports.run);
    keepRun(reports.run, MAX_KEPT, openStorage);
    showReport({ ...reports, comparison, source: "" });
    showInTitle(VERDICTS[reports.report.verdict] ?? "");
    $("#progress").hidden = true;
    $("#report").focus({ preventScroll: true });
    $("#report").scrollIntoView();
    announce(`Done: ${reports.report.verdict}. ${reports.report.headline}`);
  } catch (error) {
    $("#progress").hidden = true;
    showInTitle("");
    if (error === STOPPED) showProblem("Stopped.");
    else showProblem(await problem(error), retryButton());
  } finally {
    runner.stop();
    current = null;
    showButtons(false);
  }
}

/** Make all observations and have them judged.
 * @param {ProbeRunner} runner
 * @param {RunIdentity} identity
 * @returns {Promise<Reports>} */
async function gather(runner, identity) {
  await runner.ready;
  /** @type {NotedRun} */
  const run = { target: root, observations: [], tool: toolName() };
  const baselines = await plan(run);
  runner.begin("Streams of every kind, side by side", baselines.length);
  run.observations.push(...(await runner.run(baselines, FIRST_AT_ONCE)));
  showInTitle(titleSoFar(run.observations, settings.thresholds));
  const control = fetchControl();
  const experiments = await plan(run);
  if (experiments.length) {
    runner.begin("The same with one change at a time", experiments.length);
    const together = experiments.filter(({ probe }) => probe.variant === "together");
    const others = experiments.filter(({ probe }) => probe.variant !== "together");
    run.observations.push(...(await runner.run(others, AT_ONCE)));
    run.observations.push(...(await runner.run(together, together.length)));
  }
  runner.begin("What only a browser sees", 0);
  run.observations.push(...(await control));
  const overPublicUrl = settings.public ? fetchPublicReport() : Promise.resolve(null);
  run.notes = await browserChecks(baselines, run, { others: overPublicUrl, signal: runner.signal });
  Object.assign(run, identity.complete());
  const [report, own] = await Promise.all([judge(run), judgeControl(run)]);
  return { report, own, overPublicUrl: await overPublicUrl, run };
}

/** The probes to make next.
 * @param {NotedRun} run what was seen so far */
async function plan(run) {
  const { probes } = /** @type {{probes: PlannedProbe[]}} */ (await postRun("diagnostics/plan", run));
  return probes;
}

/** @param {NotedRun} run */
const judge = async (run) => /** @type {Report} */ (await postRun("diagnostics/judge", run));

/** The report on what the service saw of itself: its observations, judged as if they were the path's.
 * @param {NotedRun} run */
async function judgeControl(run) {
  const observations = run.observations
    .filter((observation) => observation?.probe?.vantage === "loopback")
    .map((observation) => ({
      ...observation,
      probe: { ...observation.probe, vantage: /** @type {const} */ ("path") },
    }));
  return observations.length ? judge({ target: "the service itself", observations }) : null;
}

/** What the service sees when it probes itself.
 * @returns {Promise<Observation[]>} none if it cannot */
async function fetchControl() {
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_S * 1000);
    const response = await fetch("diagnostics/control", { cache: "no-store", signal });
    const data = await response.json();
    return Array.isArray(data.observations) ? data.observations : [];
  } catch {
    return [];
  }
}

/** The report on the service over its public address, made by the service.
 * @returns {Promise<Report | null>} */
async function fetchPublicReport() {
  try {
    const response = await fetch("diagnostics?quick=1", {
      headers: { Accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(RESPONSE_WITHIN_S * 1000),
    });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** @param {boolean} running */
function showButtons(running) {
  const again = document.querySelector("#report .verdict") !== null;
  $("[data-action=diagnose]").textContent = running ? "Testing…" : again ? "Test again" : START;
  // Other streams would use the connections that the probes need.
  for (const button of $$("[data-action=diagnose], [data-action=start-all]"))
    button.toggleAttribute("disabled", running);
  $("[data-action=stop-diagnosis]").hidden = !running;
}

/** Why the test ended early, as a sentence.
 * @param {unknown} error */
async function problem(error) {
  // A worker does not say why it failed. If the service is gone, that is the reason.
  if (error instanceof NoResponse || (error instanceof WorkerFailed && !(await isServiceThere()))) return NO_RESPONSE;
  if (error instanceof Refused) return `${error.message}.`;
  return `The test ended early: ${messageOf(error).slice(0, 300)}`;
}

/** @param {string} sentence
 * @param {...Node} more */
function showProblem(sentence, ...more) {
  $("#report").replaceChildren(el("p", { class: "problem" }, sentence), ...more);
  announce(sentence);
}

/** The button that starts the test again; `app.js` does what it says. */
const retryButton = () =>
  el("p", { class: "actions" }, el("button", { type: "button", "data-action": "diagnose-again" }, "Try again"));

/** Whether the page's address was made as a link to a report. */
const isReportLink = () => new URLSearchParams(location.search).has("report");

/** What the page shows next is not what its address links to. */
function forgetLink() {
  if (isReportLink() || location.hash.startsWith("#run="))
    history.replaceState(null, "", `${location.pathname}#diagnose`);
}

/** Show the run in the page's address, if there is one. */
export async function showRunInAddress() {
  if (!location.hash.startsWith("#run=")) {
    if (isReportLink() && !location.hash)
      showProblem("This link has lost its report: everything after # is missing. Ask for the file.");
    return;
  }
  await showRun(() => unpackRun(location.hash.slice(5), MAX_RUN), "A shared run", "This link");
}

/** Show a run that was saved by this page or by `flushcheck diagnose --save`.
 * @param {File} file */
export async function showRunFile(file) {
  if (current) return;
  forgetLink();
  await showRun(() => readRun(file, MAX_RUN), "A saved run", file.name.slice(0, 100));
}

/** A saved run of this service is what the next test is compared with.
 * @param {NotedRun} run */
function keepOwn(run) {
  if (run.target === root) keepRun(run, MAX_KEPT, openStorage);
}

/** @param {() => Promise<NotedRun>} read
 * @param {string} source how the run came here
 * @param {string} name of the file or link, for an error */
async function showRun(read, source, name) {
  try {
    const run = await read();
    const [report, own] = await Promise.all([judge(run), judgeControl(run)]);
    keepOwn(run);
    showReport({ report, own, overPublicUrl: null, run, comparison: null, source });
    showInTitle(VERDICTS[report.verdict] ?? "");
    announce(`${report.verdict}. ${report.headline}`);
  } catch (error) {
    const isRun = error instanceof NoResponse || (error instanceof Refused && error.status !== 400);
    const reason = error instanceof Refused ? error.reason : messageOf(error).slice(0, 300);
    showProblem(isRun ? await problem(error) : `${name} has no readable run: ${reason}`);
  }
  $("#report").focus({ preventScroll: true });
  $("#report").scrollIntoView();
}
