// Starts the page's workers. The page's policy allows these files and no other.

/** @typedef {"probe-worker.js" | "watch-worker.js"} WorkerFile */

// A policy of one name is made once: browsers refuse a second one.
const policy = globalThis.trustedTypes?.createPolicy("flushcheck-worker", {
  createScriptURL: (name) => (name === "watch-worker.js" ? "page/watch-worker.js" : "page/probe-worker.js"),
});

/** @param {WorkerFile} name */
export const startWorker = (name) =>
  new Worker(policy ? policy.createScriptURL(name) : `page/${name}`, { type: "module" });
