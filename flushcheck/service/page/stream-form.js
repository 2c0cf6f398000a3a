// The form that says what to stream, and the page's address as its state: what differs from the defaults stands in the
// fragment, which no server and no log ever sees.

import { $, element } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement} Field */
/** @typedef {Record<string, string>} Values by the field's name */

const form = element("#controls", HTMLFormElement);

/** @returns {Field[]} */
const fields = () =>
  [...form.elements].filter((field) => field instanceof HTMLInputElement || field instanceof HTMLSelectElement);

const initial = new Map(fields().map((field) => [field.name, read(field)]));

/** @type {Record<string, Values>} */
export const PRESETS = {
  plain: {},
  chat: { unit: "token", count: "80", interval: "0.04", end: "[DONE]" },
  many: { unit: "char", count: "500", interval: "0.02" },
  kilo: { count: "40", interval: "0.05", size: "1024" },
  loop: { count: "12", end: "none" },
};

/** @param {Field} field */
function read(field) {
  if (field.type === "checkbox" && field instanceof HTMLInputElement) return field.checked ? "1" : "0";
  return field.value;
}

/** @param {Field} field
 * @param {string} value */
function write(field, value) {
  if (field instanceof HTMLSelectElement) {
    if ([...field.options].some((option) => option.value === value)) field.value = value;
  } else if (field.type === "checkbox") field.checked = value === "1";
  else field.value = value;
}

/** What the form says.
 * @returns {Values} */
export const formValues = () => Object.fromEntries(fields().map((field) => [field.name, read(field)]));

/** Fill the form. A field that is not named gets its default.
 * @param {Values} values */
export function fillForm(values) {
  for (const field of fields()) write(field, values[field.name] ?? initial.get(field.name) ?? "");
  if (values.say) element("#c-text", HTMLSelectElement).value = "say";
  showOwnText();
}

/** What the form says, in a few words. */
export function formSummary() {
  const { unit, count, interval, pretend } = formValues();
  const pieces = count ? `${count} pieces` : "the text once";
  return `${pieces}, one ${unit} every ${interval || 0} s${pretend ? `; pretended: ${pretend}` : ""}`;
}

/** The fragment for what the form says now; "" for the defaults. */
export function formFragment() {
  const { text } = formValues();
  const changed = Object.entries(formValues()).filter(([name, value]) => value !== initial.get(name));
  // The reader's own text says by itself that `text` is "say".
  return new URLSearchParams(
    changed.filter(([name]) => (name === "say" ? text === "say" : name !== "text" || text !== "say")),
  ).toString();
}

/** The values in a fragment; null if it is not about streams (an anchor, a shared run).
 * @param {string} hash
 * @returns {Values | null} */
export function parseFragment(hash) {
  const known = [...new URLSearchParams(hash.replace(/^#/, ""))].filter(([name]) => initial.has(name));
  return known.length ? Object.fromEntries(known) : null;
}

/** The query of a stream, as far as it is the same for all four transports.
 * @param {Values} values */
export function streamQuery(values) {
  const query = new URLSearchParams();
  if (values.text === "say") {
    if (values.say) query.set("say", values.say);
  } else if (values.text && values.text !== "en") query.set("text", values.text);
  query.set("unit", values.unit ?? "");
  if (values.count) query.set("count", values.count);
  query.set("interval", values.interval || "0");
  if (values.size && Number(values.size)) query.set("size", values.size);
  if (values.pad && Number(values.pad)) query.set("pad", values.pad);
  for (const name of ["xab", "cache", "nosniff"]) if (values[name] === "0") query.set(name, "0");
  query.set("end", values.end || "none");
  query.set("format", "delta");
  return query.toString();
}

/** Call back when the form says something else.
 * @param {() => void} callback */
export function onFormChange(callback) {
  form.addEventListener("input", () => {
    showOwnText();
    callback();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}

function showOwnText() {
  $("#own").hidden = element("#c-text", HTMLSelectElement).value !== "say";
}
