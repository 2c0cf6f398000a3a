// What can be taken away from a Report: a file, a link, text. The service renders what it renders for everybody; nothing is
// left with it.

import { copy, download, el, say } from "./dom.js";
import { pack } from "./share.js";

/** The buttons below a Report. @param notes what the page adds to it, as sentences. */
export function keeping({ report, run, notes }) {
  const name = `flushcheck-${report.verdict}`;
  const rendered = async (accept, query = "") => {
    const response = await fetch(`diagnostics/report${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: accept },
      body: JSON.stringify({ ...run, notes }),
    });
    if (!response.ok) throw new Error(`the service answered with ${response.status}`);
    return response.text();
  };
  const ways = [
    ["save-html", "Save as one HTML file", async () =>
      download(new Blob([await rendered("text/html")], { type: "text/html" }), `${name}.html`)],
    ["save-json", "Save the run (JSON)", async () =>
      download(new Blob([`${JSON.stringify({ schema: 2, ...run })}\n`], { type: "application/json" }), `${name}.json`)],
    ["copy-run", "Copy a link to this report", async (button) =>
      copy(`${location.href.replace(/[?#].*/, "")}#run=${await pack(run)}`, button)],
    ["copy-text", "Copy as text for an issue", async (button) => copy(await rendered("text/plain"), button)],
    ["copy-ticket", "Copy a ticket for your host", async (button) => copy(await rendered("text/plain", "?as=ticket"), button)],
  ];
  return el("div", { class: "actions" }, ...ways.map(([id, label, work]) => button(id, label, work)));
}

function button(id, label, work) {
  const onclick = async ({ currentTarget: pressed }) => {
    try {
      await work(pressed);
    } catch (error) {
      say(`That did not work: ${String(error.message)}`);
      pressed.textContent = "Did not work";
      setTimeout(() => (pressed.textContent = label), 3000);
    }
  };
  return el("button", { type: "button", id, onclick }, label);
}
