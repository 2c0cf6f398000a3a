// A stream of the visitor's own: the browser requests it, the service reads the records out of what came and judges them, with
// the engine and the words of `flushcheck watch`. The service itself connects to no address that is typed here.

import { ArrivalsPicture } from "./arrivals-picture.js";
import { countDeliveries } from "./classify.js";
import { $, announce, copyable, element } from "./dom.js";
import { commandLine, FormError, isSafe, mayVary, readRequest, shownUrl } from "./own-request.js";
import { startWorker } from "./page-worker.js";
import { showReport, VERDICTS } from "./report.js";
import { beginRun } from "./run-identity.js";
import { host, NO_RESPONSE, root, settings } from "./settings.js";
import { messageOf } from "./streams.js";
import { showInTitle } from "./tab-title.js";
import { toolName } from "./tool-name.js";

/** @import { NotedRun, Observation, OwnRequest, PageCapture, PlannedRepeat, Probe, Report, WatchEvent, WatchOrder } from "./types.d.ts" */

const PLACE = "#watch-report";
const RESPONSE_WITHIN_S = 30;
const MAX_SHOWN = 20_000; // characters of the stream's text
const REDRAW_MS = 100;

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

/** The service gave no response, or none that helps: says what. */
class ServiceError extends Error {}

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
    if (current === watching)
      showStatus(error instanceof ServiceError ? error.message : `The page failed: ${messageOf(error)}`, "bad");
  } finally {
    watching.end();
    current = null;
    showButtons(false);
  }
}

/** The requests of one run, and what is shown meanwhile. */
class Watching {
  #request;
  #repeats;
  #worker = startWorker("watch-worker.js");
  #live = new LiveView();
  #stopped = false;
  #number = 0;
  #runBegan = 0;
  /** @type {Map<number, (capture: PageCapture | null) => void>} */
  #waiting = new Map();
  /** @type {Promise<never>} rejects if the worker cannot be started */
  #failed;

  /** @param {OwnRequest} request
   * @param {boolean} repeats */
  constructor(request, repeats) {
    this.#request = request;
    this.#repeats = repeats;
    this.#failed = new Promise((_, reject) => {
      this.#worker.onerror = () =>
        reject(new ServiceError(`The browser could not start page/watch-worker.js. ${NO_RESPONSE}`));
    });
    this.#failed.catch(() => {});
    this.#worker.onmessage = (/** @type {MessageEvent<WatchEvent>} */ { data }) => this.#hear(data);
  }

  stop() {
    this.#stopped = true;
    this.#worker.postMessage("stop");
  }

  end() {
    this.#worker.terminate();
    this.#live.end();
  }

  async run() {
    const identity = beginRun(navigator.userAgent);
    showStatus(`Waiting for the first byte from ${new URL(this.#request.url).host}…`, "");
    const first = await this.#observe(null, 0);
    this.#live.end();
    if (!first) throw new ServiceError("The browser could not make the request.");
    /** @type {NotedRun} */
    const run = {
      target: shownUrl(this.#request.url, settings.secret_names),
      method: this.#request.method,
      observations: [first],
      tool: toolName(),
    };
    if (this.#repeats && !this.#stopped) run.observations.push(...(await this.#repeated(run, first)));
    // The marker of a run is in no request here: another origin would have to allow its header.
    Object.assign(run, { ...identity.complete(), marker: "" });
    showStatus("The service reads the records out of what came…", "");
    const report = /** @type {Report} */ (await post("diagnostics/judge", run));
    showReport({ report, own: null, overPublicUrl: null, run, source: "", place: PLACE });
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
    const planned = /** @type {{probes: PlannedRepeat[], max_s: number}} */ (await post("diagnostics/plan", run));
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
    const { observation } = /** @type {{observation: Observation}} */ (await post("diagnostics/observation", capture));
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

/** Deliveries, bytes, the text and the picture while the first response comes. */
class LiveView {
  #picture = new ArrivalsPicture($("#watch-picture"), "What arrived by now");
  #text = $("#watch-text");
  /** @type {number[]} */
  #moments = [];
  #bytes = 0;
  #began = 0;
  #shown = 0;
  #timer = 0;

  begin() {
    this.#began = performance.now();
    this.#text.replaceChildren();
    $("#watch-live").hidden = false;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#draw();
  }

  /** @param {{at_s: number, size_bytes: number, text: string}} read */
  read({ at_s, size_bytes, text }) {
    this.#moments.push(at_s);
    this.#bytes += size_bytes;
    if (this.#shown < MAX_SHOWN) {
      this.#text.append(text.slice(0, MAX_SHOWN - this.#shown));
      this.#shown += text.length;
      if (this.#shown >= MAX_SHOWN) this.#text.append("\n… the rest is not shown");
      this.#text.scrollTop = this.#text.scrollHeight;
    }
  }

  end() {
    clearInterval(this.#timer);
    if (this.#timer) this.#draw();
    this.#timer = 0;
  }

  #draw() {
    const now_s = (performance.now() - this.#began) / 1000;
    this.#picture.draw(this.#moments, now_s);
    if (!this.#moments.length) return showStatus(`Waiting for the first byte, ${now_s.toFixed(1)} s`, "");
    const points = this.#moments.map((arrived_s) => ({ sent_s: 0, arrived_s }));
    const deliveries = countDeliveries(points, settings.thresholds);
    const count = `${deliveries} ${deliveries === 1 ? "delivery" : "deliveries"}`;
    showStatus(`${count}, ${this.#bytes.toLocaleString("en")} bytes, ${now_s.toFixed(1)} s`, "");
  }
}

/** Send JSON to the service.
 * @param {string} path
 * @param {NotedRun | PageCapture} value
 * @returns {Promise<unknown>} the JSON of the response
 * @throws {ServiceError} */
async function post(path, value) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(value),
    signal: AbortSignal.timeout(RESPONSE_WITHIN_S * 1000),
  }).catch(() => {
    throw new ServiceError(NO_RESPONSE);
  });
  const data = await response.json().catch(() => ({}));
  if (response.ok) return data;
  throw new ServiceError(
    `${host} could not judge it: ${String(data.error ?? `status ${response.status}`).slice(0, 300)}`,
  );
}

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
