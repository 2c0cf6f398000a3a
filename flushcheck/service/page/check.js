// "Check a configuration": a file in, the lines that hold a stream out. The service reads it and keeps nothing; what it
// answers may repeat the file, so all of it is text.

import { $, copyable, el } from "./dom.js";
import { explained, remarks } from "./report.js";

const TONES = { error: "bad", warning: "late", note: "soft" };
const MOST_BLOCKS = 5; // named where many are alike
const MOST_TRIES = 5; // while the service is busy, or whoever guards it says so
const ANSWER_S = 30; // that the service may take to read a file
const MAX_NAME = 200; // characters, as in routes/check.py
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

const box = $("#check-text");
let name = ""; // of the file that was opened; "" for text that was pasted
let current = null;

/** Show an example, and what is found in it. */
export function checkExample(settings) {
  put(EXAMPLE, "");
  $("#check-server").value = "";
  checkText(settings);
}

/** Put a file of the reader's into the box and check it. */
export async function checkFile(file, settings) {
  if (file.size > settings.limits.max_check_bytes) return fail(tooLarge(file.size, settings));
  put(await file.text(), file.name.slice(0, MAX_NAME).replace(/[^\x20-\x7e]/g, "_"));
  checkText(settings);
}

function put(text, from) {
  box.value = text;
  name = from;
}

// Pasted over, it is that file no more.
box.addEventListener("input", () => (name = ""));

/** Check what stands in the box. */
export async function checkText(settings) {
  const text = box.value;
  if (!text.trim()) {
    box.focus();
    return fail("There is nothing to check yet: paste a configuration, open a file, or try the example.");
  }
  const bytes = new Blob([text]).size;
  if (bytes > settings.limits.max_check_bytes) return fail(tooLarge(bytes, settings));
  current?.abort();
  const control = (current = new AbortController());
  tell("Checking…", "");
  $("#check-results").replaceChildren();
  try {
    const found = await ask(text, control.signal);
    if (!control.signal.aborted) show(found, text);
  } catch (error) {
    if (!control.signal.aborted) fail(String(error.message).slice(0, 600));
  }
}

async function ask(text, signal) {
  const query = new URLSearchParams({ ...($("#check-server").value && { server: $("#check-server").value }), ...(name && { name }) });
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`check?${query}`, {
      method: "POST",
      headers: { "Content-Type": "text/plain; charset=utf-8", Accept: "application/json" },
      body: text,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_S * 1000)]),
    }).catch((error) => {
      throw new Error(`The service did not answer: ${error.message}`);
    });
    const data = await response.json().catch(() => ({}));
    if (response.ok) return data;
    if ([429, 503].includes(response.status) && tries < MOST_TRIES) {
      tell("The service is busy; asking again.", "");
      await new Promise((resume) => setTimeout(resume, 1000 * (Number(response.headers.get("Retry-After")) || 1)));
      continue;
    }
    throw new Error(data.error ? readable(String(data.error)) : `The service answered with ${response.status}.`);
  }
}

/** The service's words without its example, which is one for a shell. */
const readable = (error) => error.replace(/, for example curl .*$/, "").replace(/: say it with server=.*$/, ": choose it above.");

const tooLarge = (bytes, settings) =>
  `This file has ${bytes.toLocaleString("en")} bytes; the service checks at most ${settings.limits.max_check_bytes.toLocaleString("en")}. ` +
  "Paste the part that passes to your app, or use flushcheck check in a shell.";

function tell(sentence, tone) {
  const status = $("#check-status");
  status.textContent = sentence;
  status.dataset.tone = tone;
}

function fail(sentence) {
  $("#check-results").replaceChildren();
  tell(sentence, "bad");
}

function show({ findings, passed, allowed, problems }, text) {
  const lines = text.split(/\r\n|\r|\n/);
  const groups = alike(findings);
  const heavy = groups.filter(([first]) => first.level !== "note");
  const notes = groups.filter(([first]) => first.level === "note");
  const part = (title, id, ...children) =>
    el("section", { class: "panel", "data-part": id }, el("h3", {}, title), ...children);
  const items = (rows) => el("ul", { class: "plain" }, ...rows.map((row) => el("li", {}, ...row)));
  const innocent = passed.map(({ line, block, reason }) => [jump(line, lines), ` ${block}: ${reason}`]);
  const known = allowed.map(({ allowed_at, id, block, reason }) => [jump(allowed_at.line, lines), ` ${id} in ${block}: ${reason}`]);
  const open = problems.map(({ line, reason, file }) => [line ? jump(line, lines) : "", ` ${file}: ${reason}`]);
  $("#check-results").replaceChildren(
    ...heavy.map((group) => finding(group, lines)),
    ...[
      innocent.length && part("Innocent", "innocent", items(innocent)),
      notes.length && part("Worth knowing", "worth-knowing", ...notes.map((group) => finding(group, lines))),
      known.length && part("Allowed in the file", "allowed", items(known)),
      open.length && part("Not read, or not understood", "problems", items(open)),
    ].filter(Boolean),
  );
  const [sentence, tone] = summary(findings, passed, allowed, problems);
  tell(sentence, tone);
}

/** Findings that read the same but for their block, together; notes wherever they stand. As the command groups them. */
function alike(findings) {
  const groups = new Map();
  for (const one of findings) {
    const key = JSON.stringify([one.level === "note" ? 0 : one.line, one.id, one.message, one.override]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

function finding(group, lines) {
  const [first] = group;
  const names = group.slice(0, MOST_BLOCKS).map(({ block, block_line, line }) => (block_line === line ? block : `${block} (line ${block_line})`));
  const more = group.length > MOST_BLOCKS ? ` and ${group.length - MOST_BLOCKS} more` : "";
  const note = first.level === "note";
  const fix = [
    el(note ? "h4" : "h3", {}, `Fix: ${first.fix.where}`),
    copyable(first.fix.change, "Copy"),
    ...remarks(first.fix),
    explained(first.id),
  ];
  return el("article", { class: note ? "finding" : "panel finding", "data-finding": first.id },
    el("p", { class: "where" }, el("span", { class: `chip ${TONES[first.level]}` }, first.level), " ", jump(first.line, lines),
      el("span", { class: "soft" }, ` in ${names.join(", ")}${more}`)),
    el("div", { class: "halves" },
      el("div", {},
        note ? null : el("pre", { class: "quoted" }, `${first.line}  ${lines[first.line - 1]?.trim() ?? ""}`),
        el("p", {}, first.message),
        first.override ? el("p", {}, first.override) : null),
      note ? el("details", {}, el("summary", {}, "Fix"), ...fix) : el("div", {}, ...fix)));
}

/** A button that shows a line in the box. */
function jump(line, lines) {
  const onclick = () => {
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    box.focus();
    box.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    box.scrollTop = ((line - 3) / lines.length) * box.scrollHeight;
  };
  return el("button", { type: "button", class: "link", onclick, "aria-label": `Line ${line}: show it in the file` }, `line ${line}`);
}

function summary(findings, passed, allowed, problems) {
  const place = (one) => `${one.block_file} ${one.block_line} ${one.block}`;
  const blocks = new Set([
    ...[...findings, ...allowed].map(place),
    ...passed.map(({ file, line, block }) => `${file} ${line} ${block}`),
  ]).size;
  const partly = problems.length ? " Not all of it could be read." : "";
  if (!blocks) return [`Nothing in this file passes to an app, so there is nothing to judge.${partly}`, "late"];
  const count = (level) => findings.filter((one) => one.level === level).length;
  const told = ["error", "warning", "note"].filter(count).map((level) => `${count(level)} ${level}${count(level) === 1 ? "" : "s"}`);
  const where = blocks === 1 ? "1 block that passes to an app" : `${blocks} blocks that pass to an app`;
  if (!told.length) return [`Innocent: nothing in ${where} holds a stream.${partly}`, partly ? "late" : "good"];
  return [`${told.join(", ")} in ${where}.${partly}`, count("error") ? "bad" : count("warning") ? "late" : "good"];
}
