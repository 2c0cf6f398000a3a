// The buttons below a report: save it, link to it, copy it. The service renders the files and keeps nothing.

import { $, announce, copy, download, el } from "./dom.js";
import { MAX_LINK, reportLink } from "./run-file.js";
import { root } from "./settings.js";
import { messageOf } from "./streams.js";

/** @import { NotedRun, Report } from "./types.d.ts" */

/** @param {{report: Report, run: NotedRun, notes: string[]}} options `notes`: the sentences that the page adds to the report */
export function exportButtons({ report, run, notes }) {
  const name = `flushcheck-${report.verdict}`;
  /** @param {string} accept
   * @param {string} [query] */
  const render = async (accept, query = "") => {
    const response = await fetch(`diagnostics/report${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: accept },
      body: JSON.stringify({ ...run, notes }),
    });
    if (!response.ok) throw new Error(`the service responded with status ${response.status}`);
    return response.text();
  };
  const saveHtml = async () => download(new Blob([await render("text/html")], { type: "text/html" }), `${name}.html`);
  const saveJson = async () =>
    download(new Blob([`${JSON.stringify({ schema: 3, ...run })}\n`], { type: "application/json" }), `${name}.json`);
  return el(
    "div",
    { class: "actions" },
    button("save-html", "Save as one HTML file", saveHtml),
    button("save-json", "Save the run (JSON)", saveJson),
    button("copy-run", "Copy a link to this report", async (pressed) => {
      const link = await reportLink(root, run, report);
      if (link.length <= MAX_LINK) await copy(link, pressed);
      else offerFile(pressed, link, saveJson);
    }),
    button("copy-text", "Copy as text for an issue", async (pressed) => copy(await render("text/plain"), pressed)),
    button("copy-ticket", "Copy a ticket for your host", async (pressed) =>
      copy(await render("text/plain", "?as=ticket"), pressed),
    ),
  );
}

/** A link that is too long for most programs: offer the file, which every one passes on.
 * @param {HTMLButtonElement} pressed
 * @param {string} link
 * @param {() => Promise<void>} saveJson */
function offerFile(pressed, link, saveJson) {
  const sentence =
    `The link has ${link.length.toLocaleString("en")} characters, and mail programs and chats cut links of more than ` +
    `${MAX_LINK.toLocaleString("en")}. Send the run as a file instead: this page opens it, and so does flushcheck judge.`;
  const box = el(
    "div",
    { class: "banner", id: "long-link" },
    el("p", {}, sentence),
    el(
      "div",
      { class: "actions" },
      button("save-run", "Save the run as a file", saveJson),
      button("copy-long-link", "Copy the long link", (copied) => copy(link, copied)),
    ),
  );
  document.querySelector("#long-link")?.remove();
  pressed.parentElement?.after(box);
  announce(sentence);
  $("#save-run").focus();
}

/** @param {string} id
 * @param {string} label
 * @param {(pressed: HTMLButtonElement) => Promise<void>} work */
function button(id, label, work) {
  const made = el("button", { type: "button", id, onclick }, label);
  async function onclick() {
    try {
      await work(made);
    } catch (error) {
      announce(`Failed: ${messageOf(error)}`);
      made.textContent = "Failed";
      setTimeout(() => {
        made.textContent = label;
      }, 3000);
    }
  }
  return made;
}
