// A stream of the visitor's own: the browser requests it, the service reads the records out of what came and judges them, with
// the engine and the words of `flushcheck watch`. The service itself connects to no address that is typed here.

import { $, announce, copyable, element } from "./dom.js";
import { commandLine, FormError, isSafe, marked, mayVary, readRequest, shownUrl } from "./own-request.js";
import { startWorker } from "./page-worker.js";
import { WorkerFailed } from "./probe-runner.js";
import { showReport, VERDICTS } from "./report.js";
import { beginRun } from "./run-identity.js";
import { NoResponse, postRun } from "./service-requests.js";
import { isServiceThere } from "./service-state.js";
import { NO_RESPONSE, root, settings } from "./settings.js";
import { messageOf } from "./streams.js";
import { showInTitle } from "./tab-title.js";
import { toolName } from "./tool-name.js";
import { WatchLive } from "./watch-live.js";

/** @import { NotedRun, Observation, OwnRequest, PageCapture, PlannedRepeat, Probe, Report, WatchEvent, WatchOrder } from "./types.d.ts" */

const PLACE = "#watch-report";
const LEFT = new Error("left");

/** @type {Watching | null} */
let current = null;

const form = element("#watch-form", HTMLFormElement);
const field = {
  url: element("#watch-url", HTMLInputElement),
  method: element("#watch-method", HTMLSelectElement),
  headers: element("#watch-headers", HTMLTextAreaElement),
  body: element("#watch-body", HTMLTextAreaElement),
  limit: element("#watch-limit", HTMLInputElement),
  repeat: element("#watch-repeat", HTMLInputElement),
};

/** Connect the form. */
export function setUpWatch() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  form.addEventListener("input", showCommand);
  // What may cost money or change data is requested again only if the visitor says so.
  field.method.addEventListener("change", () => {
    field.repeat.checked = isSafe(field.method.value);
    showCommand();
  });
  showCommand();
}

/** End the requests; what came until then is judged. */
export function stopWatch() {
  current?.stop();
}

/** End the requests at once, without a report. */
export function leaveWatch() {
  current?.end();
}

/** @returns {OwnRequest} */
const typed = () =>
  readRequest(
    {
      url: field.url.value,
      method: field.method.value,
      headers: field.headers.value,
      body: field.body.value,
      time_limit_s: Math.min(
        Math.max(Number(field.limit.value) || settings.bounds.watch_s, 1),
        settings.bounds.max_watch_s,
      ),
    },
    root,
  );

/** The same request for a terminal, as far as the form can be read. */
function showCommand() {
  try {
    $("#watch-command").replaceChildren(
      copyable(commandLine(typed(), { secretNames: settings.secret_names, repeats: field.repeat.checked })),
    );
    $("#watch-terminal").hidden = false;
  } catch {
    $("#watch-terminal").hidden = true;
  }
}

async function start() {
  if (current) return;
  let request;
  try {
    request = typed();
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    showStatus(error.message, "bad");
    return;
  }
  const watching = new Watching(request, field.repeat.checked);
  showInTitle("Watching");
  current = watching;
  showButtons(true);
  $(PLACE).replaceChildren();
  try {
    await watching.run();
  } catch (error) {
    showInTitle("");
    showStatus(await problem(error), "bad");
  } finally {
    watching.end();
    current = null;
    showButtons(false);
  }
}

/** Why there is no report, as a sentence.
 * @param {unknown} error */
async function problem(error) {
  if (error === LEFT) return "Stopped, because the page was left.";
  const isGone = error instanceof NoResponse || (error instanceof WorkerFailed && !(await isServiceThere()));
  return isGone ? NO_RESPONSE : `The watch ended early: ${messageOf(error).slice(0, 300)}`;
}

/** The requests of one run, and what is shown meanwhile. */
class Watching {
  #identity = beginRun(navigator.userAgent);
  #request;
  #marker;
  #repeats;
  #worker = startWorker("watch-worker.js");
  #live = new WatchLive();
  #stopped = false;
  #number = 0;
  #runBegan = 0;
  /** @type {Map<number, (capture: PageCapture | null) => void>} */
  #waiting = new Map();
  /** @type {Promise<never>} rejects if the worker cannot be started, or was ended */
  #failed;
  /** @type {(reason: Error) => void} */
  #fail = () => {};

  /** @param {OwnRequest} request
   * @param {boolean} repeats */
  constructor(request, repeats) {
    [this.#request, this.#marker] = marked(request, this.#identity.marker, root);
    this.#repeats = repeats;
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
      this.#worker.onerror = () => reject(new WorkerFailed("the browser could not start page/watch-worker.js"));
    });
    this.#failed.catch(() => {});
    this.#worker.onmessage = (/** @type {MessageEvent<WatchEvent>} */ { data }) => this.#hear(data);
  }

  stop() {
    this.#stopped = true;
    this.#worker.postMessage("stop");
  }

  end() {
    this.#fail(LEFT);
    this.#worker.terminate();
    this.#live.end();
  }

  async run() {
    showStatus(`Waiting for the first byte from ${new URL(this.#request.url).host}…`, "");
    const first = await this.#observe(null, 0);
    this.#live.end();
    if (!first) throw new WorkerFailed("the browser could not make the request");
    /** @type {NotedRun} */
    const run = {
      target: shownUrl(this.#request.url, settings.secret_names),
      method: this.#request.method,
      observations: [first],
      tool: toolName(),
    };
    if (this.#repeats && !this.#stopped) run.observations.push(...(await this.#repeated(run, first)));
    Object.assign(run, { ...this.#identity.complete(), marker: this.#marker });
    showStatus("The service reads the records out of what came…", "");
    const report = /** @type {Report} */ (await postRun("diagnostics/judge", run));
    showReport({ report, own: null, overPublicUrl: null, run, comparison: null, source: "", place: PLACE });
    showStatus(`Done: ${VERDICTS[report.verdict] ?? report.verdict}.`, "");
    showInTitle(VERDICTS[report.verdict] ?? report.verdict);
    announce(`Done: ${report.verdict}. ${report.headline}`);
    $(PLACE).focus({ preventScroll: true });
    $(PLACE).scrollIntoView({ block: "start" });
  }

  /** The same request in other ways, side by side.
   * @param {NotedRun} run
   * @param {Observation} first */
  async #repeated(run, first) {
    const planned = /** @type {{probes: PlannedRepeat[], max_s: number}} */ (await postRun("diagnostics/plan", run));
    const probes = planned.probes.filter(({ probe }) => mayVary(this.#request, probe));
    if (!probes.length) return [];
    const ways = [...new Set(probes.map(({ probe }) => WAYS[probe.variant] ?? probe.variant))].join("; ");
    showStatus(`Repeating the request: ${ways} (at most ${Math.round(planned.max_s)} s)`, "");
    // A stream that was left before its end is left at the same place again.
    const enough =
      first.outcome === "stopped" ? first.arrivals.reduce((sum, { text_bytes }) => sum + text_bytes, 0) : 0;
    const limit_s = Math.min(planned.max_s, this.#request.time_limit_s);
    const observed = await Promise.all(probes.map(({ probe }) => this.#observe(probe, enough, limit_s)));
    return observed.filter((observation) => observation !== null);
  }

  /** Make one request, and have the service read the records out of its response.
   * @param {Probe | null} probe null for the first look
   * @param {number} enough_bytes
   * @param {number} [limit_s]
   * @returns {Promise<Observation | null>} null where the request could not be made in this way */
  async #observe(probe, enough_bytes, limit_s = this.#request.time_limit_s) {
    this.#number += 1;
    /** @type {WatchOrder} */
    const order = {
      id: this.#number,
      request: { ...this.#request, time_limit_s: limit_s },
      probe,
      enough_bytes,
      bounds: settings.bounds,
      secret_names: settings.secret_names,
      run_began: this.#runBegan,
    };
    const answered = new Promise((resolve) => {
      this.#waiting.set(order.id, resolve);
      this.#worker.postMessage(order);
    });
    const capture = /** @type {PageCapture | null} */ (await Promise.race([answered, this.#failed]));
    if (!capture) return null;
    const { observation } = /** @type {{observation: Observation}} */ (
      await postRun("diagnostics/observation", capture)
    );
    return observation;
  }

  /** @param {WatchEvent} event */
  #hear({ id, began, read, capture }) {
    if (began !== undefined) this.#runBegan ||= began;
    if (read && id === 1) this.#live.read(read);
    if (began !== undefined && id === 1) this.#live.begin();
    if (capture !== undefined) {
      this.#waiting.get(id)?.(capture);
      this.#waiting.delete(id);
    }
  }
}

/** What differs in a repeat, as a person says it.
 * @type {Record<string, string>} */
const WAYS = {
  identity: "without compression",
  "event-stream": "with Accept: text/event-stream",
  together: "two at once",
};

/** @param {string} sentence
 * @param {string} tone */
function showStatus(sentence, tone) {
  const status = $("#watch-status");
  status.textContent = sentence;
  status.dataset.tone = tone;
}

/** @param {boolean} running */
function showButtons(running) {
  $("[data-action=watch]").toggleAttribute("disabled", running);
  $("[data-action=stop-watch]").hidden = !running;
}
