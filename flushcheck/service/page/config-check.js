// The form that checks a configuration: a file in, the lines that hold a stream out. The service reads the file and keeps
// nothing. Its response may repeat parts of the file, so all of it is text.

import { $, copyable, el, element } from "./dom.js";
import { explanationLink, fixRemarks } from "./report.js";
import { NO_RESPONSE, settings } from "./settings.js";
import { messageOf } from "./streams.js";

/** @import { AllowedFinding, Finding, Findings, PassedBlock, ReadProblem } from "./types.d.ts" */

const TONES = { error: "bad", warning: "late", note: "soft" };
const MAX_BLOCKS = 5; // named where several are alike
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
    if (!control.signal.aborted) showFindings(findings, text);
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
    throw new Error(data.error ? forPage(String(data.error)) : `The service responded with status ${response.status}.`);
  }
}

/** The service's sentence without its hints for a shell.
 * @param {string} error */
const forPage = (error) =>
  error.replace(/, for example curl .*$/, "").replace(/: set server= .*$/, ": choose the server above.");

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

/** @param {Findings} result
 * @param {string} text the file */
function showFindings({ findings, passed, allowed, problems }, text) {
  const lines = text.split(/\r\n|\r|\n/);
  const groups = groupAlike(findings);
  const serious = groups.filter(([first]) => first?.level !== "note");
  const notes = groups.filter(([first]) => first?.level === "note");
  $("#check-results").replaceChildren(
    ...serious.flatMap((group) => findingPanel(group, lines) ?? []),
    ...part("Fine", "passed", [passedList(passed, lines)]),
    ...part(
      "Notes",
      "notes",
      notes.map((group) => findingPanel(group, lines)),
    ),
    ...part("Allowed in the file", "allowed", [allowedList(allowed, lines)]),
    ...part("Not read or not understood", "problems", [problemList(problems, lines)]),
  );
  showStatus(...summary(findings, passed, allowed, problems));
}

/** A section with a title; nothing if it would be empty.
 * @param {string} title
 * @param {string} name
 * @param {(Node | null)[]} children */
function part(title, name, children) {
  const shown = children.filter((child) => child !== null);
  return shown.length ? [el("section", { class: "panel", "data-part": name }, el("h3", {}, title), ...shown)] : [];
}

/** @param {(Node | string)[][]} rows */
const list = (rows) => (rows.length ? el("ul", { class: "plain" }, ...rows.map((row) => el("li", {}, ...row))) : null);

/** @param {PassedBlock[]} passed
 * @param {string[]} lines */
const passedList = (passed, lines) =>
  list(passed.map(({ line, block, reason }) => [lineButton(line, lines), ` ${block}: ${reason}`]));

/** @param {AllowedFinding[]} allowed
 * @param {string[]} lines */
const allowedList = (allowed, lines) =>
  list(
    allowed.map(({ allowed_at, id, block, reason }) => [
      lineButton(allowed_at.line, lines),
      ` ${id} in ${block}: ${reason}`,
    ]),
  );

/** @param {ReadProblem[]} problems
 * @param {string[]} lines */
const problemList = (problems, lines) =>
  list(problems.map(({ line, reason, file }) => [line ? lineButton(line, lines) : "", ` ${file}: ${reason}`]));

/** Put findings together that differ only in their block, and notes also in their line. The command groups them the same.
 * @param {readonly Finding[]} findings
 * @returns {Finding[][]} */
function groupAlike(findings) {
  /** @type {Map<string, Finding[]>} */
  const groups = new Map();
  for (const finding of findings) {
    const { level, line, id, message, override } = finding;
    const key = JSON.stringify([level === "note" ? 0 : line, id, message, override]);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()];
}

/** @param {readonly Finding[]} group findings that are alike
 * @param {string[]} lines */
function findingPanel(group, lines) {
  const [first] = group;
  if (!first) return null;
  const names = group
    .slice(0, MAX_BLOCKS)
    .map(({ block, block_line, line }) => (block_line === line ? block : `${block} (line ${block_line})`));
  const more = group.length > MAX_BLOCKS ? ` and ${group.length - MAX_BLOCKS} more` : "";
  const isNote = first.level === "note";
  const fix = [
    el(isNote ? "h4" : "h3", {}, `Fix: ${first.fix.where}`),
    copyable(first.fix.change),
    ...fixRemarks(first.fix),
    explanationLink(first.id),
  ];
  const where = el(
    "p",
    { class: "where" },
    el("span", { class: `chip ${TONES[first.level]}` }, first.level),
    " ",
    lineButton(first.line, lines),
    el("span", { class: "soft" }, ` in ${names.join(", ")}${more}`),
  );
  const quoted = el("pre", { class: "quoted" }, `${first.line}  ${lines[first.line - 1]?.trim() ?? ""}`);
  const explanation = el(
    "div",
    {},
    isNote ? null : quoted,
    el("p", {}, first.message),
    first.override ? el("p", {}, first.override) : null,
  );
  return el(
    "article",
    { class: isNote ? "finding" : "panel finding", "data-finding": first.id },
    where,
    el(
      "div",
      { class: "halves" },
      explanation,
      isNote ? el("details", {}, el("summary", {}, "Fix"), ...fix) : el("div", {}, ...fix),
    ),
  );
}

/** A button that selects a line in the text box.
 * @param {number} line
 * @param {string[]} lines */
function lineButton(line, lines) {
  const onclick = () => {
    const start = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
    box.focus();
    box.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    box.scrollTop = ((line - 3) / lines.length) * box.scrollHeight;
  };
  const attributes = { type: "button", class: "link", onclick, "aria-label": `Line ${line}: show it in the file` };
  return el("button", attributes, `line ${line}`);
}

/** @param {readonly Finding[]} findings
 * @param {readonly PassedBlock[]} passed
 * @param {readonly AllowedFinding[]} allowed
 * @param {readonly ReadProblem[]} problems
 * @returns {[sentence: string, tone: string]} */
function summary(findings, passed, allowed, problems) {
  const blocks = new Set([
    ...[...findings, ...allowed].map(({ block_file, block_line, block }) => `${block_file} ${block_line} ${block}`),
    ...passed.map(({ file, line, block }) => `${file} ${line} ${block}`),
  ]).size;
  const incomplete = problems.length ? " Not all of the file could be read." : "";
  if (!blocks) return [`No block in this file passes to an app, so there is nothing to check.${incomplete}`, "late"];
  /** @param {string} level */
  const count = (level) => findings.filter((finding) => finding.level === level).length;
  const counts = ["error", "warning", "note"]
    .filter(count)
    .map((level) => `${count(level)} ${level}${count(level) === 1 ? "" : "s"}`);
  const where = blocks === 1 ? "1 block that passes to an app" : `${blocks} blocks that pass to an app`;
  if (!counts.length) return [`Fine: nothing in ${where} holds a stream.${incomplete}`, incomplete ? "late" : "good"];
  const tone = count("error") ? "bad" : count("warning") ? "late" : "good";
  return [`${counts.join(", ")} in ${where}.${incomplete}`, tone];
}
