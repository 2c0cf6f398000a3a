// The Report: what is wrong, how it looks, who does it, what to change. A rendering of the service's JSON; nothing here
// decides anything. All of it may come from a stranger, so all of it is text.

import { $, copy, copyable, download, el, say } from "./dom.js";
import { Picture } from "./picture.js";
import { pack } from "./share.js";

const TONES = { flowing: "good", unknown: "late" };
const WORDS = { flowing: "Flowing", held: "Held", broken: "Broken", unknown: "Could not tell" };
const TRANSPORTS = ["polling", "chunked", "events", "websocket"];
const HINTS = {
  "x-accel-buffering": "X-Accel-Buffering: no",
  "no-transform": "Cache-Control: no-cache, no-transform",
  nosniff: "X-Content-Type-Options: nosniff",
  padded: "padding in front of the stream",
  "other-type": "the content type application/octet-stream",
};

const tone = (word) => TONES[word] ?? "bad";
const chip = (word) => el("span", { class: `chip ${tone(word)}` }, word);
const list = (items) => el("ul", { class: "plain" }, ...items.map((item) => el("li", {}, String(item))));

/** Show it in #report. */
export async function showReport({ report, own, far, run, settings, shared }) {
  const host = $("#report");
  const verdicts = TRANSPORTS.filter((name) => report.transports[name]).map((name) => [name, report.transports[name]]);
  const notes = Array.isArray(run.notes) ? run.notes.filter((note) => typeof note === "string").slice(0, 30) : [];
  const pictures = [];
  const panels = verdicts.map(([name, verdict]) => panel(name, verdict, pictures));
  host.replaceChildren(
    ...[
      shared && el("p", { class: "banner" }, `A run that somebody shared, seen by ${run.tool || "an unnamed observer"} and judged again by this service. It is about `, el("span", { class: "mono" }, report.target), "."),
      el("p", { class: `verdict ${tone(report.verdict)}` }, WORDS[report.verdict] ?? report.verdict),
      el("p", { class: "headline" }, report.headline),
      vantages(report, own, far),
      el("div", { class: "grid" }, ...panels),
      ...report.culprits.map((culprit) => accusation(culprit, settings)),
      report.notes.length ? el("div", { class: "panel" }, el("h3", {}, "Also seen"), list(report.notes)) : null,
      notes.length ? el("div", { class: "panel" }, el("h3", {}, "What only a browser sees"), list(notes)) : null,
      actions(report, run),
    ].filter(Boolean),
  );
  for (const draw of pictures) draw();
}

function panel(name, verdict, pictures) {
  const host = el("div");
  if (verdict.sent_s.length > 1) {
    pictures.push(() =>
      new Picture(host, name).draw({
        points: verdict.sent_s.map((sent_s, index) => ({ sent_s, came_s: verdict.received_s[index] })),
        span_s: Math.max(...verdict.sent_s, ...verdict.received_s, 0.1) * 1.02,
      }));
  }
  const freed = verdict.flow === "flowing" ? [] : verdict.freed_by;
  return el("article", { class: "panel", "data-verdict": name },
    el("h3", {}, name, chip(verdict.flow)),
    el("p", {}, verdict.summary),
    host,
    freed.length
      ? el("p", {}, `The app can free this by itself, as seen here, with ${freed.map((one) => HINTS[one] ?? one).join(" or ")}.`)
      : null);
}

/** The same streams from three places: where they differ is where to look. */
function vantages(report, own, far) {
  const held = report.verdict === "held" || report.verdict === "broken";
  const item = (name, word, sentence) => el("li", {}, el("strong", {}, name), chip(word), el("div", { class: "soft" }, sentence));
  const items = [item("Your browser, over this path", report.verdict, "what the pictures below show")];
  if (far) items.push(item("The service, over its public address", far.verdict, "without your browser and network"));
  if (own) items.push(item("The service, asking itself", own.verdict, "without any path"));
  let told = "";
  if (!own) told = "The service could not ask itself, so its own share is not known.";
  else if (own.verdict !== "flowing") told = "The service holds the streams itself: the fault is in the app or its server, before any proxy.";
  else if (held && far?.verdict === "flowing") told = "From outside the service flows: what holds it sits with you, in this browser, its machine or its network.";
  else if (held && far) told = "The service meets the same over its public address: what holds it sits with the server, in front of the app.";
  else if (held) told = "The service itself streams well: what holds it sits between the service and your eyes.";
  else if (report.verdict === "flowing") told = "The same everywhere: nothing on this path holds a stream.";
  return el("div", { "data-part": "vantages" }, el("ul", { class: "vantages" }, ...items), told && el("p", {}, told));
}

function accusation(culprit, settings) {
  const fixes = culprit.fixes.flatMap((fix, index) => [
    el("h4", {}, `${index ? "Or" : "Fix"}: ${fix.where}`),
    copyable(fix.change, "Copy"),
    el("p", { class: "soft" }, `Cost: ${fix.caution}`),
  ]);
  const links = culprit.references.filter((one) => /^https?:\/\//.test(one)).map((one) =>
    el("li", {}, el("a", { href: one, rel: "noreferrer noopener", target: "_blank" }, one)));
  return el("article", { class: "panel", "data-culprit": culprit.id },
    el("p", { class: "soft" }, `Culprit (${culprit.confidence}): `, el("code", {}, culprit.id), `, on ${culprit.transports.join(", ")}`),
    el("h3", {}, culprit.title),
    ...fixes,
    el("h4", {}, "Evidence"),
    list(culprit.evidence),
    settings.explains && /^[a-z0-9-]+$/.test(culprit.id)
      ? el("p", {}, el("a", { href: `culprits/${culprit.id}` }, "Explained in full")) : null,
    links.length ? el("details", {}, el("summary", {}, "References"), el("ul", { class: "plain" }, ...links)) : null);
}

function actions(report, run) {
  const saved = { schema: 1, ...run };
  const name = `flushcheck-${report.verdict}`;
  const rendered = async (accept, query = "") => {
    const response = await fetch(`diagnostics/report${query}`, {
      method: "POST", headers: { "Content-Type": "application/json", Accept: accept }, body: JSON.stringify(run),
    });
    if (!response.ok) throw new Error(`the service answered with ${response.status}`);
    return response.text();
  };
  const attempt = (work) => async ({ currentTarget: button }) => {
    try {
      await work(button);
    } catch (error) {
      say(`That did not work: ${String(error.message)}`);
      button.textContent = "Did not work";
    }
  };
  const save = attempt(async () => download(new Blob([await rendered("text/html")], { type: "text/html" }), `${name}.html`));
  const json = attempt(async () => download(new Blob([`${JSON.stringify(saved)}\n`], { type: "application/json" }), `${name}.json`));
  const text = attempt(async (button) => copy(await rendered("text/plain"), button));
  const ticket = attempt(async (button) => copy(await rendered("text/plain", "?as=ticket"), button));
  const link = attempt(async (button) => {
    const url = `${location.href.replace(/[?#].*/, "")}#run=${await pack(run)}`;
    await copy(url, button);
  });
  const button = (id, label, onclick) => el("button", { type: "button", id, onclick }, label);
  return el("div", { class: "actions" },
    button("save-html", "Save as one HTML file", save),
    button("save-json", "Save the run (JSON)", json),
    button("copy-run", "Copy a link to this report", link),
    button("copy-text", "Copy as text for an issue", text),
    button("copy-ticket", "Copy a ticket for your host", ticket));
}
