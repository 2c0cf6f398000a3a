// What to stream, and the address as its state: whatever differs from the page's own defaults stands in the fragment,
// which no server and no log ever sees.

import { $, $$ } from "./dom.js";

const form = $("#controls");
const fields = () => $$("[name]", form);
const initial = new Map(fields().map((field) => [field.name, read(field)]));

export const PRESETS = {
  plain: {},
  chat: { unit: "token", count: "80", interval: "0.04", end: "[DONE]" },
  many: { unit: "char", count: "500", interval: "0.02" },
  kilo: { count: "40", interval: "0.05", size: "1024" },
  loop: { count: "12", end: "none" },
};

function read(field) {
  return field.type === "checkbox" ? (field.checked ? "1" : "0") : field.value;
}

function write(field, value) {
  if (field.type === "checkbox") field.checked = value === "1";
  else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) field.value = value;
}

/** What the form says, by name. */
export const chosen = () => Object.fromEntries(fields().map((field) => [field.name, read(field)]));

/** Fill the form; what is not named gets its default. */
export function fill(values) {
  for (const field of fields()) write(field, values[field.name] ?? initial.get(field.name));
  if (values.say !== undefined && values.say !== "") form.elements.text.value = "say";
  shape();
}

/** The fragment for what the form says now; "" for the defaults. */
export function fragment() {
  const pairs = Object.entries(chosen()).filter(([name, value]) => value !== initial.get(name));
  const text = chosen().text;
  return new URLSearchParams(
    pairs.filter(([name]) => (name === "say" ? text === "say" : !(name === "text" && text === "say"))),
  ).toString();
}

/** What a fragment asks for; null if it is not about streams (an anchor, a shared run). */
export function asked(hash) {
  const pairs = new URLSearchParams(hash.replace(/^#/, ""));
  const known = [...pairs.keys()].filter((name) => initial.has(name));
  return known.length ? Object.fromEntries(known.map((name) => [name, pairs.get(name)])) : null;
}

/** The query of a stream, the same for all four but for what each cannot have. */
export function query(values) {
  const pairs = new URLSearchParams();
  if (values.text === "say") {
    if (values.say) pairs.set("say", values.say);
  } else if (values.text !== "en") pairs.set("text", values.text);
  pairs.set("unit", values.unit);
  if (values.count) pairs.set("count", values.count);
  pairs.set("interval", values.interval || "0");
  if (Number(values.size)) pairs.set("size", values.size);
  if (Number(values.pad)) pairs.set("pad", values.pad);
  for (const name of ["xab", "cache", "nosniff"]) if (values[name] === "0") pairs.set(name, "0");
  pairs.set("end", values.end || "none");
  pairs.set("format", "delta");
  return pairs.toString();
}

/** Call back when the form says something else. */
export function onChange(callback) {
  form.addEventListener("input", () => {
    shape();
    callback();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}

function shape() {
  $("#own").hidden = form.elements.text.value !== "say";
}
