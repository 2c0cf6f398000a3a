// Runs the probes of a test in one worker, several at once, and shows the progress.

import { $, announce, el, element } from "./dom.js";
import { startWorker } from "./page-worker.js";
import { root, settings } from "./settings.js";

/** @import { Observation, PlannedProbe } from "./types.d.ts" */

export const PROBE_TIMEOUT_S = 14; // the longest probe takes 2 s on a path that flows
export const STOPPED = new Error("stopped");
const WORKER = "probe-worker.js";

/** The worker's file could not be loaded or run. */
export class WorkerFailed extends Error {}

export class ProbeRunner {
  #worker;
  /** @type {Map<string, (observation: Observation | null) => void>} by the probe's id */
  #waiting = new Map();
  #stop = new AbortController();
  #stage = "";
  #done = 0;
  #total = 0;

  #marker;

  /** @param {string} marker stands in each request of the run */
  constructor(marker) {
    this.#marker = marker;
    this.signal = this.#stop.signal;
    /** Rejects with STOPPED on `stop()`; never fulfilled.
     * @type {Promise<never>} */
    this.stopped = new Promise((_, reject) => this.signal.addEventListener("abort", () => reject(STOPPED)));
    this.stopped.catch(() => {}); // a stop that no code waits for is no error
    this.#worker = startWorker(WORKER);
    /** @type {Promise<void>} */
    this.ready = new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => {
        if (data.ready) return resolve();
        this.#waiting.get(data.id)?.(data.observation);
        this.#waiting.delete(data.id);
      };
      this.#worker.onerror = () => reject(new WorkerFailed(`the browser could not start ${WORKER}`));
    });
  }

  /** Show the stage that begins now.
   * @param {string} stage
   * @param {number} probes their number; 0 if it is not known */
  begin(stage, probes) {
    this.#stage = stage;
    this.#done = 0;
    this.#total = probes;
    this.#showProgress();
    announce(stage);
  }

  #showProgress() {
    const bar = element("#progress-bar", HTMLProgressElement);
    const progress = this.#total ? `: ${this.#done} of ${this.#total} probes done` : "…";
    $("#progress-text").textContent = this.#stage + progress;
    bar.max = this.#total || 1;
    if (this.#total) bar.value = this.#done;
    else bar.removeAttribute("value");
  }

  /** Make these probes, a number of them at once; returns the observations in the order of the probes. Probes that this
   * browser cannot make are left out.
   * @param {readonly PlannedProbe[]} probes
   * @param {number} atOnce */
  async run(probes, atOnce) {
    const queue = [...probes];
    /** @type {Map<string, Observation | null>} */
    const observations = new Map();
    const lane = async () => {
      for (let probe = queue.shift(); probe && !this.signal.aborted; probe = queue.shift()) {
        observations.set(probe.id, await this.#runOne(probe));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return probes.flatMap(({ id }) => observations.get(id) ?? []);
  }

  /** @param {PlannedProbe} planned */
  async #runOne(planned) {
    const item = el("li", { "data-state": "running" }, planned.id);
    $("#probes").append(item);
    const observation = await new Promise((resolve) => {
      this.#waiting.set(planned.id, resolve);
      this.#worker.postMessage({
        planned,
        root,
        options: { timeout_s: PROBE_TIMEOUT_S, bounds: settings.bounds, marker: this.#marker },
      });
    });
    item.dataset.state = observation?.outcome === "complete" ? "done" : "bad";
    this.#done += 1;
    this.#showProgress();
    return observation;
  }

  stop() {
    this.#worker.terminate(); // also closes its connections
    this.#stop.abort();
  }
}
