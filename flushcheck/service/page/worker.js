// Makes Probes when told to, and says when each is done.

import { observe } from "./observe.js";

onmessage = async ({ data: { asked, root, timeout_s } }) => {
  postMessage({ id: asked.id, observation: await observe(asked, root, { timeout_s }) });
};
postMessage({ ready: true });
