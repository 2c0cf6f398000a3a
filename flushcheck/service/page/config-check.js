// The form that checks a configuration: a file in, the lines that hold a stream out. The service reads the file and keeps
// nothing.

import { showFindings } from "./config-findings.js";
import { $, element } from "./dom.js";
import { NO_RESPONSE, settings } from "./settings.js";
import { messageOf } from "./streams.js";

/** @import { CheckFailure, Findings } from "./types.d.ts" */

const MAX_ATTEMPTS = 5; // while the service, or a proxy before it, is busy
const RESPONSE_WITHIN_S = 30;
const MAX_BYTES = settings.limits.max_check_bytes ?? 0;
const EXAMPLE = `server {
    listen 80;

    location / {
        proxy_pass http://127.0.0.1:8000;
    }

    location /stream/ {
        proxy_pass http://127.0.0.1:8000;
        proxy_buffering off;
        proxy_read_timeout 1h;
    }
}
`;

const box = element("#check-text", HTMLTextAreaElement);
const server = element("#check-server", HTMLSelectElement);
let fileName = ""; // of the file that was opened; "" for text that was pasted
/** @type {AbortController | null} */
let current = null;

/** Check an example. */
export async function checkExample() {
  put(EXAMPLE, "");
  server.value = "";
  await checkText();
}

/** Put a file into the text box and check it.
 * @param {File} file */
export async function checkFile(file) {
  if (file.size > MAX_BYTES) return showError(tooLarge(file.size));
  put(await file.text(), file.name.slice(0, settings.max_name).replace(/[^\x20-\x7e]/g, "_"));
  await checkText();
}

/** @param {string} text
 * @param {string} name */
function put(text, name) {
  box.value = text;
  fileName = name;
}

// Text that was edited is no longer the file.
box.addEventListener("input", () => {
  fileName = "";
});

/** Check the text in the box. */
export async function checkText() {
  const text = box.value;
  if (!text.trim()) {
    box.focus();
    return showError("There is nothing to check yet: paste a configuration, open a file, or try the example.");
  }
  const bytes = new Blob([text]).size;
  if (bytes > MAX_BYTES) return showError(tooLarge(bytes));
  current?.abort();
  const control = new AbortController();
  current = control;
  showStatus("Checking…", "");
  $("#check-results").replaceChildren();
  try {
    const findings = await post(text, control.signal);
    if (!control.signal.aborted) showStatus(...showFindings(findings, text, box));
  } catch (error) {
    if (!control.signal.aborted) showError(messageOf(error).slice(0, 600));
  }
}

/** Send the file to the service; repeat while it is busy.
 * @param {string} text
 * @param {AbortSignal} signal
 * @returns {Promise<Findings>} */
async function post(text, signal) {
  const query = new URLSearchParams();
  if (server.value) query.set("server", server.value);
  if (fileName) query.set("name", fileName);
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`check?${query}`, {
      method: "POST",
      headers: { "Content-Type": "text/plain; charset=utf-8", Accept: "application/json" },
      body: text,
      signal: AbortSignal.any([signal, AbortSignal.timeout(RESPONSE_WITHIN_S * 1000)]),
    }).catch(() => {
      throw new Error(NO_RESPONSE);
    });
    const data = await response.json().catch(() => ({}));
    if (response.ok) return data;
    if ([429, 503].includes(response.status) && attempt < MAX_ATTEMPTS) {
      showStatus("The service is busy. The page tries again.", "");
      const wait_s = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((resume) => setTimeout(resume, 1000 * wait_s));
      continue;
    }
    throw new Error(errorSentence(data, response.status));
  }
}

/** What the service's error says to a reader of this page.
 * @param {CheckFailure} failure
 * @param {number} status */
function errorSentence({ error, code, reason }, status) {
  if (code === "unknown-format") return capital(`${reason}: choose the server above.`);
  return capital(String(reason ?? error ?? `the service responded with status ${status}.`));
}

/** The service's sentences begin with a small letter, because the command prints a place before them.
 * @param {string} sentence */
const capital = (sentence) => sentence.charAt(0).toUpperCase() + sentence.slice(1);

/** @param {number} bytes */
const tooLarge = (bytes) =>
  `This file has ${bytes.toLocaleString("en")} bytes; the service checks at most ${MAX_BYTES.toLocaleString("en")}. ` +
  "Paste only the part that passes to your app, or run flushcheck check in a shell.";

/** @param {string} sentence
 * @param {string} tone */
function showStatus(sentence, tone) {
  const status = $("#check-status");
  status.textContent = sentence;
  status.dataset.tone = tone;
}

/** @param {string} sentence */
function showError(sentence) {
  $("#check-results").replaceChildren();
  showStatus(sentence, "bad");
}
