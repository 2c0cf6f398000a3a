// The entry of the list of culprits: filters while the reader types. The service decides which culprits fit.

import { $, $$, element } from "./dom.js";

const PAUSE_MS = 150; // after the last key

const form = element("#filter", HTMLFormElement);
const words = element("#q", HTMLInputElement, form);
const rows = $$("#culprits > li");
let timer = 0;
let control = new AbortController();

async function filter() {
  control.abort();
  control = new AbortController();
  const query = new URLSearchParams();
  for (const field of form.elements) {
    if (field instanceof HTMLInputElement && field.name && field.value) query.set(field.name, field.value);
  }
  const url = `${location.pathname}${query.size ? `?${query}` : ""}`;
  let fitting;
  try {
    const response = await fetch(url, { headers: { Accept: "application/json" }, signal: control.signal });
    if (!response.ok) throw new Error(String(response.status));
    const { culprits } = await response.json();
    fitting = new Set(culprits.map((/** @type {{id: string}} */ { id }) => id));
  } catch {
    return; // a newer filter has begun, or the service is gone: the button still works where it is back
  }
  for (const row of rows) row.hidden = !fitting.has(row.dataset.id ?? "");
  $("#count").textContent = `${fitting.size} of ${rows.length} culprits`;
  history.replaceState(null, "", url);
}

words.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, PAUSE_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});
document.documentElement.dataset.ready = "yes";
