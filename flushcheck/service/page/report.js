// The Report: what is wrong, how it looks, who does it, what to change. A rendering of the service's JSON; nothing here
// decides anything. All of it may come from a stranger, so all of it is text. reports/html.py does the same for files.

import { $, copyable, el } from "./dom.js";
import { keeping } from "./keep.js";
import { Picture } from "./picture.js";
import { HINTS, TRANSPORTS } from "./words.js";

const TONES = { flowing: "good", unknown: "late" };
const WORDS = { flowing: "Flowing", held: "Held", broken: "Broken", unknown: "Could not tell" };
const MOST_NOTES = 30;

const tone = (word) => TONES[word] ?? "bad";
const chip = (word) => el("span", { class: `chip ${tone(word)}` }, word);
const list = (items) => el("ul", { class: "plain" }, ...items.map((item) => el("li", {}, String(item))));
const box = (title, name, ...children) =>
  el("section", { class: "panel", "data-part": name }, el("h3", {}, title), ...children);

/**
 * Show it in #report.
 * @param seen {report, own, far, run, shared}: the Report on the path; those on the service asked by itself and over its
 * public address (null: not asked); the run that they were judged from; how it came here, "" if it was just made.
 */
export async function showReport({ report, own, far, run, shared }) {
  const verdicts = Object.keys(TRANSPORTS).filter((name) => report.transports[name]).map((name) => [name, report.transports[name]]);
  const notes = Array.isArray(run.notes) ? run.notes.filter((note) => typeof note === "string").slice(0, MOST_NOTES) : [];
  const pictures = [];
  const panels = verdicts.map(([name, verdict]) => panel(name, verdict, pictures));
  const told = comparison(report, own, far, shared);
  $("#report").replaceChildren(
    ...[
      shared && el("p", { class: "banner" }, `${shared}, seen by ${run.tool || "an unnamed observer"} and judged again by this service. It is about `, el("span", { class: "mono" }, report.target), "."),
      el("h2", { class: `verdict ${tone(report.verdict)}` }, WORDS[report.verdict] ?? report.verdict),
      el("p", { class: "headline" }, report.headline),
      vantages(report, own, far, told, shared),
      el("div", { class: "grid" }, ...panels),
      faultLocation(report.fault_location),
      ...report.culprits.map(accusation),
      el("div", { class: "facts" },
        idleTimeouts(verdicts),
        hops(report.hops),
        report.notes.length ? box("Also seen", "notes", list(report.notes)) : null,
        notes.length ? box("What only a browser sees", "only-here", list(notes)) : null),
      keeping({ report, run, notes: [...notes, told].filter(Boolean) }),
    ].filter(Boolean),
  );
  for (const draw of pictures) draw();
}

function panel(name, verdict, pictures) {
  const host = el("div");
  if (verdict.sent_s.length > 1) {
    pictures.push(() =>
      new Picture(host, TRANSPORTS[name]).draw({
        points: verdict.sent_s.map((sent_s, index) => ({ sent_s, came_s: verdict.received_s[index] })),
        span_s: Math.max(...verdict.sent_s, ...verdict.received_s, 0.1) * 1.02,
      }));
  }
  const freed = verdict.flow === "flowing" ? [] : verdict.freed_by;
  return el("article", { class: "panel", "data-verdict": name },
    el("h3", {}, TRANSPORTS[name], el("span", {}, chip(verdict.flow), cutWhenSilent(verdict) ? chip("cut") : null)),
    el("p", {}, verdict.summary),
    host,
    freed.length
      ? el("p", {}, `The app can free this by itself, as seen here, with ${freed.map((one) => HINTS[one] ?? one).join(" or ")}.`)
      : null);
}

/** Whether somebody cuts a stream that would flow as long as it talks. */
const cutWhenSilent = ({ idle }) => Boolean(idle && (idle.cut_after_s || idle.deadline_s));

/** What is to be said of the same streams from up to three places: where they differ is where to look. */
function comparison(report, own, far, shared) {
  const bad = ["held", "broken"].includes(report.verdict);
  if (!own && shared) return "";
  if (!own) return "The service could not ask itself, so its own share is not known.";
  if (own.verdict === "unknown") return "The service asked itself and could not tell, so its own share is not known.";
  if (own.verdict !== "flowing") return "The service holds the streams itself: the fault is in the app or its server, before any proxy.";
  if (bad && far?.verdict === "flowing") return "Over its public address the service flows: what holds it sits with you, in this browser, its machine or its network.";
  if (bad && far && far.verdict !== "unknown") return "The service meets the same over its public address: what holds it sits with the server, in front of the app.";
  if (bad) return "The service itself streams well: what holds it sits between the service and your eyes.";
  if (report.verdict !== "flowing") return "";
  if (far && ["held", "broken"].includes(far.verdict)) return "Here all flows; over its public address the service does not. That address leads another way than yours.";
  return "The same everywhere: nothing on this path holds a stream.";
}

function vantages(report, own, far, told, shared) {
  const place = (name, word, sentence) => el("li", {}, el("strong", {}, name), chip(word), el("div", { class: "soft" }, sentence));
  const places = [place(shared ? "The path" : "Your browser, over this path", report.verdict, "what the pictures below show")];
  if (far) places.push(place("The service, over its public address", far.verdict, "without your browser and network"));
  if (own) places.push(place("The service, asking itself", own.verdict, "without any path"));
  return el("div", { "data-part": "vantages" }, el("ul", { class: "vantages" }, ...places), told && el("p", {}, told));
}

/** Where the fault lies, if the run was made from two vantages. */
function faultLocation(found) {
  if (!found) return null;
  return box("Where it lies", "located", el("p", {}, found.summary), found.evidence.length ? list(found.evidence) : null);
}

function accusation(culprit) {
  const fixes = culprit.fixes.flatMap((fix, index) => [
    el("h4", {}, `${index ? "Or" : "Fix"}: ${fix.where}`),
    copyable(fix.change, "Copy"),
    ...remarks(fix),
  ]);
  const links = culprit.references.filter((one) => /^https?:\/\//.test(one)).map((one) =>
    el("li", {}, el("a", { href: one, rel: "noreferrer noopener", target: "_blank" }, one)));
  return el("article", { class: "panel", "data-culprit": culprit.id },
    el("p", { class: "soft" }, `Culprit (${culprit.confidence}): `, el("code", {}, culprit.id), `, on ${culprit.transports.join(", ")}`),
    el("h3", {}, culprit.title),
    el("div", { class: "halves" },
      el("div", { class: "fixes" }, ...fixes),
      el("div", {},
        el("h4", {}, "Evidence"),
        list(culprit.evidence),
        explained(culprit.id),
        links.length ? el("details", {}, el("summary", {}, "References"), el("ul", { class: "plain" }, ...links)) : null)));
}

/** What stands below a fix's change: its cost and its note, each only where there is one. */
export const remarks = (fix) =>
  [["Cost", fix.cost], ["Note", fix.note]].filter(([, text]) => text).map(([label, text]) => el("p", { class: "soft" }, `${label}: ${text}`));

/** The way to all that is known of a culprit; null where the id is none of ours. */
export function explained(id) {
  if (!/^[a-z0-9-]+$/.test(id)) return null;
  return el("p", {}, el("a", { href: `culprits/${id}` }, `${id} explained in full`));
}

/** What the search for time-outs found, where it was made. */
function idleTimeouts(verdicts) {
  const searched = verdicts.filter(([, { idle }]) => idle);
  if (!searched.length) return null;
  const cell = (at_s) => el("td", {}, at_s ? `${Math.round(at_s * 10) / 10} s` : "–");
  const rows = searched.map(([name, { idle }]) =>
    el("tr", {}, el("th", { scope: "row" }, TRANSPORTS[name]), cell(idle.passed_s), cell(idle.cut_after_s), cell(idle.deadline_s)));
  const heads = ["passes", "silent, cut after", "talking, cut after"].map((head) => el("th", { scope: "col" }, head));
  return box("How long a stream may be silent", "silences",
    el("table", { class: "plain" }, el("thead", {}, el("tr", {}, el("td", {}), ...heads)), el("tbody", {}, ...rows)));
}

/** Who stands on the path, each statement with what it rests on. */
function hops(found) {
  if (!found.length) return null;
  return box("What is known of the path", "hops",
    el("p", { class: "soft" }, "From the app outwards, where the order is known."),
    el("ol", { class: "hops" }, ...found.map(({ what, evidence }) =>
      el("li", {}, what, el("div", { class: "soft" }, evidence)))));
}
