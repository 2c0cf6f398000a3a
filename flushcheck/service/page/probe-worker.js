// Makes probes in a worker: it receives one message per probe and posts one message per observation.

import { observe } from "./observe.js";

/** @import { Bounds, PlannedProbe } from "./types.d.ts" */

/** @param {MessageEvent<{planned: PlannedProbe, root: string, timeout_s: number, bounds: Bounds}>} event */
addEventListener("message", async ({ data: { planned, root, timeout_s, bounds } }) => {
  postMessage({ id: planned.id, observation: await observe(planned, root, { timeout_s, bounds }) });
});
postMessage({ ready: true });
