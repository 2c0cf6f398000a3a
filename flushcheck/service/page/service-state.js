// Whether the service is there at all. Browsers do not say why a request or a WebSocket failed; one more request tells.

/** @import { StreamResult } from "./types.d.ts" */

const WITHIN_MS = 3000;

/** Whether anything responds at the service's address. */
export async function isServiceThere() {
  try {
    await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(WITHIN_MS) });
    return true;
  } catch {
    return false;
  }
}

/** Whether a service that is gone would end a stream like this.
 * @param {StreamResult} result */
export const mayBeGone = ({ ended, status = 0 }) =>
  ended === "unreachable" || ended === "cut" || (ended === "refused" && !status);
