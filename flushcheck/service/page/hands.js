// The worker that makes the Probes of a diagnosis, and the list that shows how far it is.

import { $, el, say } from "./dom.js";

export const ROUND_S = 14; // after this a Probe is given up; the longest takes 2 s on a path that flows
export const STOPPED = new Error("stopped");

export class Hands {
  #worker;
  #root;
  #waiting = new Map(); // Probe's id → who waits for its Observation
  #stop = new AbortController();
  #stage = "";
  #done = 0;
  #total = 0;

  /** @param root the service's address, with a slash at its end. */
  constructor(root) {
    this.#root = root;
    this.signal = this.#stop.signal;
    /** Never fulfilled; rejects with STOPPED. */
    this.stopped = new Promise((_, reject) => this.signal.addEventListener("abort", () => reject(STOPPED)));
    this.stopped.catch(() => {}); // whether anybody waits for it or not
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

  /** Say what comes next, and how many Probes that is; 0 if it is not known. */
  tell(stage, probes) {
    this.#stage = stage;
    this.#done = 0;
    this.#total = probes;
    this.#progress();
    say(stage);
  }

  #progress() {
    const [bar, text] = [$("#progress-bar"), $("#progress-text")];
    text.textContent = this.#total ? `${this.#stage}: ${this.#done} of ${this.#total} probes done` : `${this.#stage}…`;
    bar.max = this.#total || 1;
    if (this.#total) bar.value = this.#done;
    else bar.removeAttribute("value");
  }

  /** Make these Probes, so many at once, in order; returns the Observations of those that this browser can make. */
  async make(asked, atOnce) {
    const queue = [...asked];
    const found = new Map();
    const lane = async () => {
      for (let one = queue.shift(); one && !this.signal.aborted; one = queue.shift()) found.set(one.id, await this.#one(one));
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return asked.map(({ id }) => found.get(id)).filter(Boolean);
  }

  async #one(asked) {
    const item = el("li", { "data-state": "running" }, asked.id);
    $("#probes").append(item);
    const observation = await new Promise((resolve) => {
      this.#waiting.set(asked.id, resolve);
      this.#worker.postMessage({ asked, root: this.#root, timeout_s: ROUND_S });
    });
    item.dataset.state = observation?.outcome === "complete" ? "done" : "bad";
    this.#done += 1;
    this.#progress();
    return observation;
  }

  stop() {
    this.#worker.terminate(); // closes every connection that it holds
    this.#stop.abort();
  }
}
