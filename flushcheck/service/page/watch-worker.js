// Requests the visitor's own stream and keeps what arrives. A worker of its own for two reasons: neither drawing nor a hidden
// tab delays its clock, and it alone may ask other hosts. The page's policy keeps the page to its own.

import { canAskWithoutReading, failureSentence, obstacleBefore } from "./fetch-failure.js";
import { protocolOf } from "./observation-values.js";
import { varied } from "./own-request.js";
import { keepTimings, timingRecorded, timingSince } from "./request-timing.js";
import { longestStall } from "./stall-monitor.js";
import { messageOf, since } from "./streams.js";
import { WatchCapture } from "./watch-capture.js";

/** @import { PageCapture, PageEnding, WatchEvent, WatchOrder } from "./types.d.ts" */

const ASK_WITHIN_MS = 5000;
const MAX_ERROR_BYTES = 4096; // read of a response that is not a stream
const PAGE = location.href;

/** The requests that run, to be stopped.
 * @type {Set<AbortController>} */
const running = new Set();

/** @param {WatchEvent} event */
const tell = (event) => postMessage(event);

/** @param {MessageEvent<WatchOrder | "stop">} event */
addEventListener("message", async ({ data }) => {
  if (data === "stop") {
    for (const control of running) control.abort("stopped");
  } else tell({ id: data.id, capture: await watch(data) });
});

/** Make one request and follow its response.
 * @param {WatchOrder} order
 * @returns {Promise<PageCapture | null>} null where the request could not be made in the way that its probe says */
async function watch(order) {
  const request = varied(order.request, order.probe);
  const { url, method, headers, body, time_limit_s } = request;
  const capture = new WatchCapture(order);
  const control = new AbortController();
  running.add(control);
  keepTimings();
  const began = performance.now();
  tell({ id: order.id, began });
  const timer = setTimeout(() => control.abort("time_limit"), time_limit_s * 1000);
  /** @type {{ending: PageEnding, detail: string}} */
  let end = { ending: "unreachable", detail: obstacleBefore(url, PAGE) };
  try {
    if (!end.detail) {
      const response = await fetch(url, {
        method,
        headers,
        body,
        cache: "no-store",
        credentials: "same-origin",
        referrerPolicy: "no-referrer",
        signal: control.signal,
      });
      capture.opened(
        {
          status: response.status,
          type: response.type,
          redirected: response.redirected,
          headers: [...response.headers],
        },
        since(began),
      );
      tell({ id: order.id, status: response.status });
      end = await follow(response, { order, capture, began, control });
    }
  } catch (error) {
    end = await failure(error, { order, control, capture });
  } finally {
    clearTimeout(timer);
    running.delete(control);
  }
  if (order.probe?.variant === "identity" && isNoExperiment(capture, end.ending)) return null;
  const ended_s = since(began);
  if (end.ending === "ended") await timingRecorded(url, began);
  const timing = timingSince(url, began);
  // A request may wait for a free connection before it is sent. Time counts from the moment it was sent.
  const queued_s = timing?.requestStart ? Math.max(0, (timing.requestStart - began) / 1000) : 0;
  return capture.document(end.ending, {
    detail: end.detail,
    ended_s,
    stall_s: longestStall(began),
    requested_s: order.run_began ? Math.max(0, (began - order.run_began) / 1000) : 0,
    queued_s,
    connect_s: timing ? Math.max(0, timing.connectEnd - timing.connectStart) / 1000 : 0,
    ...protocolOf(url, { transport: "chunked", status: 200, nextHopProtocol: timing?.nextHopProtocol }),
  });
}

/** Read a response to its end, or as far as it is kept.
 * @param {Response} response
 * @param {{order: WatchOrder, capture: WatchCapture, began: number, control: AbortController}} context
 * @returns {Promise<{ending: PageEnding, detail: string}>} */
async function follow(response, { order, capture, began, control }) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) return { ending: "ended", detail: "" };
    const at_s = since(began);
    const full = capture.read(value, at_s);
    tell({
      id: order.id,
      read: { at_s, size_bytes: value.length, text: decoder.decode(value, { stream: true }) },
    });
    const enough = full || (!response.ok && capture.bytes >= MAX_ERROR_BYTES ? "enough" : "");
    if (enough) {
      control.abort(enough);
      return { ending: "enough", detail: "" };
    }
  }
}

/** How it ended with an error.
 * @param {unknown} error
 * @param {{order: WatchOrder, control: AbortController, capture: WatchCapture}} context
 * @returns {Promise<{ending: PageEnding, detail: string}>} */
async function failure(error, { order, control, capture }) {
  const { url, method, headers } = order.request;
  if (control.signal.aborted) return { ending: control.signal.reason, detail: "" };
  if (capture.isOpen) return { ending: "broken", detail: `the connection broke off (${messageOf(error)})` };
  const responds = canAskWithoutReading(url, method, PAGE) ? await isThere(url, control.signal) : null;
  return {
    ending: "unreachable",
    detail: failureSentence(url, { page: PAGE, responds, typedHeaders: headers.length > 0 }),
  };
}

/** Whether anything responds there. A page needs no permission to ask, only to read.
 * @param {string} url
 * @param {AbortSignal} signal */
async function isThere(url, signal) {
  const control = new AbortController();
  try {
    await fetch(url, {
      mode: "no-cors",
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.any([signal, control.signal, AbortSignal.timeout(ASK_WITHIN_MS)]),
    });
    return true;
  } catch {
    return false;
  } finally {
    control.abort(); // of a stream the header is enough
  }
}

/** Whether a request for a response without encoding shows nothing: a part came, or it is encoded all the same.
 * @param {WatchCapture} capture
 * @param {PageEnding} ending */
const isNoExperiment = (capture, ending) =>
  ending === "unreachable" || capture.status !== 200 || capture.header("content-encoding") !== "";
