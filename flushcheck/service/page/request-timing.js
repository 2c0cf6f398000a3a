// The browser's own record of a request: its times, and the protocol that carried it. A record comes with the end of the
// response. Requests to another origin need Timing-Allow-Origin in the response; WebSockets have no record at all.

const WITHIN_MS = 1000; // for the browser to record a request; a busy machine needed 100 ms
const MAX_RECORDS = 5000; // a browser keeps 250 by itself: fewer than a long stream has polls

/** Have the browser keep the records of all streams of this page or worker. */
export const keepTimings = () => performance.setResourceTimingBufferSize?.(MAX_RECORDS);

/** The browser's own times of a request.
 * @param {string} url */
export function timingOf(url) {
  const [entry] = performance.getEntriesByName(url);
  return entry instanceof PerformanceResourceTiming ? entry : undefined;
}

/** The browser's own times of the request for this address that began nearest to a moment: there may be several.
 * @param {string} url
 * @param {number} began of performance.now() */
export function timingSince(url, began) {
  const entries = performance.getEntriesByName(url).filter((entry) => entry instanceof PerformanceResourceTiming);
  return entries.sort((a, b) => Math.abs(a.startTime - began) - Math.abs(b.startTime - began))[0];
}

/** Wait until the browser has recorded the times of a request: that happens some time after the response's last byte.
 * @param {string} url
 * @param {number} [began] not before this moment
 * @returns {Promise<void>} */
export function timingRecorded(url, began = 0) {
  const isThere = () => performance.getEntriesByName(url).some(({ startTime }) => startTime >= began);
  if (isThere()) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      observer.disconnect();
      clearTimeout(timer);
      resolve();
    };
    const look = () => {
      if (isThere()) finish();
    };
    const observer = new PerformanceObserver(look);
    const timer = setTimeout(finish, WITHIN_MS);
    observer.observe({ type: "resource" });
    look();
  });
}
