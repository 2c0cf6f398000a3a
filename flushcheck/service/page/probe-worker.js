// Makes probes in a worker: it receives one message per probe and posts one message per observation.

import { observe } from "./observe.js";

/** @import { ProbeOptions } from "./observe.js" */
/** @import { PlannedProbe } from "./types.d.ts" */

/** @param {MessageEvent<{planned: PlannedProbe, root: string, options: ProbeOptions}>} event */
addEventListener("message", async ({ data: { planned, root, options } }) => {
  postMessage({ id: planned.id, observation: await observe(planned, root, options) });
});
postMessage({ ready: true });
