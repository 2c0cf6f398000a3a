// The findings of a configuration, as panels. The service's response may repeat parts of the file, so all of it is text.

import { $, copyable, el } from "./dom.js";
import { explanationLink, fixRemarks } from "./report.js";

/** @import { AllowedFinding, Finding, Findings, CheckedBlock, ReadProblem } from "./types.d.ts" */
/** @typedef {(line: number) => HTMLElement} LineButton makes a button that shows a line of the file */

const TONES = { error: "bad", warning: "late", note: "soft" };
const MAX_BLOCKS = 5; // named where several are alike

/** Show the findings in #check-results.
 * @param {Findings} result
 * @param {string} text the file
 * @param {HTMLTextAreaElement} box that shows the file; a finding selects its line there
 * @returns {[sentence: string, tone: string]} the result in one sentence */
export function showFindings({ findings, passed, unknown, allowed, problems }, text, box) {
  const lines = text.split(/\r\n|\r|\n/);
  /** @param {number} line */
  const toLine = (line) => lineButton(line, lines, box);
  const groups = groupAlike(findings);
  const serious = groups.filter(([first]) => first?.level !== "note");
  const notes = groups.filter(([first]) => first?.level === "note");
  $("#check-results").replaceChildren(
    ...serious.flatMap((group) => findingPanel(group, lines, toLine) ?? []),
    ...part("Fine", "passed", [passedList(passed, toLine)]),
    ...part("Not known", "unknown", [passedList(unknown, toLine)]),
    ...part(
      "Notes",
      "notes",
      notes.map((group) => findingPanel(group, lines, toLine)),
    ),
    ...part("Allowed in the file", "allowed", [allowedList(allowed, toLine)]),
    ...part("Not read or not understood", "problems", [problemList(problems, toLine)]),
  );
  return summary(findings, passed, unknown, allowed, problems);
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

/** @param {CheckedBlock[]} passed
 * @param {LineButton} toLine */
const passedList = (passed, toLine) =>
  list(passed.map(({ line, block, reason }) => [toLine(line), ` ${block}: ${reason}`]));

/** @param {AllowedFinding[]} allowed
 * @param {LineButton} toLine */
const allowedList = (allowed, toLine) =>
  list(allowed.map(({ allowed_at, id, block, reason }) => [toLine(allowed_at.line), ` ${id} in ${block}: ${reason}`]));

/** @param {ReadProblem[]} problems
 * @param {LineButton} toLine */
const problemList = (problems, toLine) =>
  list(problems.map(({ line, reason, file }) => [line ? toLine(line) : "", ` ${file}: ${reason}`]));

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
 * @param {string[]} lines
 * @param {LineButton} toLine */
function findingPanel(group, lines, toLine) {
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
    toLine(first.line),
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
 * @param {string[]} lines
 * @param {HTMLTextAreaElement} box */
function lineButton(line, lines, box) {
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
 * @param {readonly CheckedBlock[]} passed
 * @param {readonly CheckedBlock[]} unknown
 * @param {readonly AllowedFinding[]} allowed
 * @param {readonly ReadProblem[]} problems
 * @returns {[sentence: string, tone: string]} */
function summary(findings, passed, unknown, allowed, problems) {
  const blocks = new Set([
    ...[...findings, ...allowed].map(({ block_file, block_line, block }) => `${block_file} ${block_line} ${block}`),
    ...[...passed, ...unknown].map(({ file, line, block }) => `${file} ${line} ${block}`),
  ]).size;
  const unread = problems.length ? " Not all of the file could be read." : "";
  const incomplete = unknown.length ? ` Not known for ${unknown.length} of them.` : unread;
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
