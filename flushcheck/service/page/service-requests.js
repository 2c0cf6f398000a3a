// A run goes to the service, which plans the next probes or judges it. A service that is busy is asked again.

import { isBusy, statusSentence } from "./sentences.js";

export const RESPONSE_WITHIN_S = 30;
const MAX_ATTEMPTS = 4;
const MAX_WAIT_S = 5;

/** The service gave no response at all. */
export class NoResponse extends Error {}

/** The service, or a proxy in front of it, responded with another status than 200; the message says why. */
export class Refused extends Error {
  /** @param {number} status
   * @param {string} reason the service's own; "" if it gave none */
  constructor(status, reason) {
    super(statusSentence(status, reason));
    this.status = status;
    this.reason = reason;
  }
}

/** Send a run to the service.
 * @param {string} path
 * @param {unknown} run
 * @returns {Promise<unknown>} the JSON of the response
 * @throws {NoResponse | Refused} */
export async function postRun(path, run) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(run),
      signal: AbortSignal.timeout(RESPONSE_WITHIN_S * 1000),
    }).catch(() => {
      throw new NoResponse();
    });
    if (response.ok) return response.json();
    const data = await response.json().catch(() => ({}));
    if (!isBusy(response.status) || attempt === MAX_ATTEMPTS)
      throw new Refused(response.status, String(data.error ?? "").slice(0, 300));
    const wait_s = Math.min(MAX_WAIT_S, Number(response.headers.get("Retry-After")) || 1);
    await new Promise((resume) => setTimeout(resume, 1000 * wait_s));
  }
}
