// Shows a report: the verdict, how each transport flows, the culprits, what to change. It renders the service's JSON and
// decides nothing. Everything in it may come from a foreign server, so all of it is text. reports/html.py does the same for
// files.

import { ArrivalsPicture } from "./arrivals-picture.js";
import { compareVantages } from "./compare-vantages.js";
import { comparisonPanel } from "./comparison.js";
import { $, $$, copyable, el } from "./dom.js";
import { exportButtons } from "./export.js";
import { CLIENT_NAMES, protocolLabel, TRANSPORT_LABELS, TRANSPORTS, VARIANT_LABELS } from "./labels.js";
import { streamPanel } from "./stream-report.js";
import { Timeline } from "./timeline.js";

/** @import { Bundle, Client, ClientReport, Comparison, CulpritReport, FaultLocation, Fix, Hop, NotedRun, Report, Transport, TransportReport } from "./types.d.ts" */
/** @typedef {[transport: Transport, report: TransportReport][]} TransportReports */

/** @type {Record<string, string>} */
const TONES = { flowing: "good", unknown: "late" };
/** @type {Record<string, string>} */
export const VERDICTS = { flowing: "Flowing", held: "Held", broken: "Broken", unknown: "Could not tell" };
const MAX_NOTES = 30;

/** @param {string} word */
const tone = (word) => TONES[word] ?? "bad";
/** @param {string} word */
const chip = (word) => el("span", { class: `chip ${tone(word)}` }, word);
/** @param {readonly string[]} items */
const list = (items) => el("ul", { class: "plain" }, ...items.map((item) => el("li", {}, String(item))));
/** @param {string} title
 * @param {string} part
 * @param {...(Node | null)} children */
const box = (title, part, ...children) =>
  el("section", { class: "panel", "data-part": part }, el("h3", {}, title), ...children);

/** Show a report in #report.
 * @param {object} options
 * @param {Report} options.report on the path
 * @param {Report | null} options.own on the service, measured on its own machine; null if it was not measured
 * @param {Report | null} options.overPublicUrl on the service over its public address; null if it was not measured
 * @param {NotedRun} options.run what the reports were made from
 * @param {Comparison | null} options.comparison with the run before; null if there is none
 * @param {string} options.source how the run came to this page; "" if it was made here and now
 * @param {string} [options.place] where to show it. A page shows one report: the other places are emptied */
export function showReport({ report, own, overPublicUrl, run, comparison, source, place = "#report" }) {
  const transports = /** @type {TransportReports} */ (
    TRANSPORTS.filter((name) => report.transports[name]).map((name) => [name, report.transports[name]])
  );
  const notes = Array.isArray(run.notes)
    ? run.notes.filter((note) => typeof note === "string").slice(0, MAX_NOTES)
    : [];
  const conclusion = compareVantages(report, own, overPublicUrl, source);
  for (const other of $$(".report")) other.replaceChildren();
  $(place).replaceChildren(
    ...[
      source && banner(report, run, source),
      el("h2", { class: `verdict ${tone(report.verdict)}` }, VERDICTS[report.verdict] ?? report.verdict),
      el("p", { class: "headline" }, report.headline),
      report.measured_as ? el("p", { class: "soft", "data-part": "measured-as" }, report.measured_as) : null,
      provenance(report),
      comparisonPanel(comparison),
      report.stream ? null : vantages(report, own, overPublicUrl, conclusion, source),
      el("div", { class: "grid" }, ...transports.map(transportPanel)),
      streamPanel(report.stream),
      faultLocation(report.fault_location),
      ...report.culprits.map((culprit) => culpritPanel(culprit, Object.keys(report.clients ?? {}))),
      ...report.bundles.filter((bundle) => bundle.culprits.length > 1).map(bundlePanel),
      el(
        "div",
        { class: "facts" },
        idleTimeouts(transports),
        hops(report.hops),
        report.notes.length ? box("Other observations", "notes", list(report.notes)) : null,
        notes.length ? box("What only a browser sees", "browser-checks", list(notes)) : null,
      ),
      exportButtons({ report, run, notes: [...notes, conclusion].filter(Boolean) }),
    ].filter((child) => child !== null && child !== ""),
  );
}

/** @param {Report} report
 * @param {NotedRun} run
 * @param {string} source */
const banner = (report, run, source) =>
  el(
    "p",
    { class: "banner" },
    `${source}, made by ${run.tool || "an unnamed observer"} and judged again by this service. It is about `,
    el("span", { class: "mono" }, report.target),
    ".",
  );

/** When and by what it was measured, and what stands in the access logs of the path; null if the run does not say.
 * @param {Report} report */
function provenance({ measured, in_access_logs }) {
  const lines = [measured && `Measured: ${measured}`, in_access_logs && `In access logs: ${in_access_logs}`];
  const shown = lines.filter(Boolean).map((line) => el("div", {}, line));
  return shown.length ? el("div", { class: "soft provenance", "data-part": "provenance" }, ...shown) : null;
}

/** @param {TransportReports[number]} entry */
function transportPanel([name, report]) {
  const [first] = Object.values(report.clients ?? {});
  return el(
    "article",
    { class: "panel", "data-verdict": name },
    el("h3", {}, TRANSPORT_LABELS[name], el("span", {}, chip(report.flow), isCutWhenIdle(report) ? chip("cut") : null)),
    protocol(name, report.flow, first),
    el("p", {}, report.summary),
    timeline(TRANSPORT_LABELS[name], report),
    waysOut(report),
    ...otherClients(report).flatMap(([client, got]) => [
      el("h4", {}, `For ${CLIENT_NAMES[client]}`, el("span", {}, chip(got.flow))),
      protocol(name, got.flow, got),
      el("p", {}, got.summary),
      timeline(`${TRANSPORT_LABELS[name]}, for ${CLIENT_NAMES[client]}`, got),
      waysOut(got),
    ]),
  );
}

/** What an app can change by itself, seen to work on this path; null if nothing was, or nothing is held.
 * @param {{flow: string, freed_by: string[]}} report */
function waysOut({ flow, freed_by }) {
  const ways = flow === "flowing" ? [] : freed_by.map((variant) => VARIANT_LABELS[variant] ?? variant);
  return ways.length ? el("p", {}, `Tested here: with ${ways.join(" or ")} the stream flows.`) : null;
}

/** The protocol that a client spoke; null if it got no response.
 * @param {Transport} transport
 * @param {string} flow
 * @param {ClientReport | undefined} client */
function protocol(transport, flow, client) {
  const name = protocolLabel(client?.http_version ?? "");
  const isHidden = transport === "websocket" && flow !== "failed"; // a browser does not say how a WebSocket travels
  const text = name ? `over ${name}` : isHidden ? "protocol unknown: browsers do not report it for WebSockets" : "";
  return text ? el("p", { class: "soft", "data-part": "protocol" }, text) : null;
}

/** The picture of a stream in time; empty if fewer than two pieces arrived. A stream of the visitor's own has no send times.
 * @param {string} label
 * @param {{ sent_s: number[], received_s: number[] }} stream */
function timeline(label, { sent_s, received_s }) {
  const picture = el("div");
  if (sent_s.length > 1) {
    new Timeline(picture, label).draw({
      points: sent_s.map((sent, index) => ({ sent_s: sent, arrived_s: received_s[index] ?? sent })),
      span_s: Math.max(...sent_s, ...received_s, 0.1) * 1.02,
    });
  } else if (received_s.length) new ArrivalsPicture(picture, label).draw(received_s);
  return picture;
}

/** The clients that got something else than the first one, which the report's own flow is about.
 * @param {TransportReport} report */
function otherClients({ clients }) {
  const [first, ...others] = /** @type {[Client, ClientReport][]} */ (Object.entries(clients ?? {}));
  return others.filter(([, got]) => got.flow !== first?.[1].flow || `${got.culprits}` !== `${first?.[1].culprits}`);
}

/** Whether something cuts an idle or an old stream. Only a test with --idle shows it.
 * @param {TransportReport} report */
const isCutWhenIdle = ({ idle }) => Boolean(idle && (idle.cut_after_s || idle.deadline_s));

/** @param {Report} report
 * @param {Report | null} own
 * @param {Report | null} overPublicUrl
 * @param {string} conclusion
 * @param {string} source */
function vantages(report, own, overPublicUrl, conclusion, source) {
  /** @param {string} name
   * @param {string} verdict
   * @param {string} explanation */
  const item = (name, verdict, explanation) =>
    el("li", {}, el("strong", {}, name), chip(verdict), el("div", { class: "soft" }, explanation));
  return el(
    "div",
    { "data-part": "vantages" },
    el(
      "ul",
      { class: "vantages" },
      item(source ? "The path" : "From this browser", report.verdict, "shown in the pictures below"),
      overPublicUrl &&
        item("From the server, over the public address", overPublicUrl.verdict, "without your browser and its network"),
      own && item("Measured on the server itself", own.verdict, "no proxy between"),
    ),
    conclusion ? el("p", {}, conclusion) : null,
  );
}

/** Where the fault lies; null if the run was made from one vantage only.
 * @param {FaultLocation | null} location */
function faultLocation(location) {
  if (!location) return null;
  const evidence = location.evidence.length ? list(location.evidence) : null;
  return box("Where the fault is", "fault-location", el("p", {}, location.summary), evidence);
}

/** @param {CulpritReport} culprit
 * @param {readonly string[]} asked the clients of the run */
function culpritPanel(culprit, asked) {
  const fixes = culprit.fixes.flatMap((fix, index) => [
    el("h4", {}, `${index ? "Or" : "Fix"}: ${fix.where}`),
    copyable(fix.change),
    ...fixRemarks(fix),
  ]);
  const links = culprit.references
    .filter((url) => /^https?:\/\//.test(url))
    .map((url) => el("li", {}, el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, url)));
  const references = el("details", {}, el("summary", {}, "References"), el("ul", { class: "plain" }, ...links));
  return el(
    "article",
    { class: "panel", "data-culprit": culprit.id },
    el(
      "p",
      { class: "soft" },
      `Culprit (${culprit.confidence}): `,
      el("code", {}, culprit.id),
      `, on ${culprit.transports.join(", ")}${metBySome(culprit, asked)}`,
    ),
    el("h3", {}, culprit.title),
    el(
      "div",
      { class: "halves" },
      el("div", { class: "fixes" }, ...fixes),
      el(
        "div",
        {},
        el("h4", {}, "Evidence"),
        list(culprit.evidence),
        ...(culprit.versions.length ? [el("h4", {}, "Versions"), list(culprit.versions)] : []),
        explanationLink(culprit.id),
        links.length ? references : null,
      ),
    ),
  );
}

/** The lines of several culprits for one server, as one text to copy.
 * @param {Bundle} bundle */
const bundlePanel = ({ where, change, culprits, notes }) =>
  box(
    `The lines of ${culprits.join(" and ")} together`,
    "bundle",
    el("p", {}, where),
    copyable(change),
    ...notes.map((note) => el("p", { class: "soft" }, `Note: ${note}`)),
  );

/** The clients that meet a culprit, in a sentence; "" if all do.
 * @param {CulpritReport} culprit
 * @param {readonly string[]} asked */
function metBySome({ clients = [] }, asked) {
  const names = clients.map((client) => CLIENT_NAMES[client] ?? client);
  return names.length && names.length < asked.length ? `, for ${names.join(", ")}` : "";
}

/** What came of a fix here, its versions, its cost and a note, each only if there is one.
 * @param {Fix} fix */
export const fixRemarks = ({ tested, versions, cost, note }) =>
  [
    tested &&
      `Tested here: ${tested.transports.join(", ")}, ${tested.before_s.toFixed(2)} s to ${tested.after_s.toFixed(2)} s`,
    versions && `For: ${versions}`,
    cost && `Cost: ${cost}`,
    note && `Note: ${note}`,
  ]
    .filter(Boolean)
    .map((text) => el("p", { class: "soft" }, text));

/** A link to the page about a culprit; null for an id that the service cannot have.
 * @param {string} id */
export function explanationLink(id) {
  if (!/^[a-z0-9-]+$/.test(id)) return null;
  return el("p", {}, el("a", { href: `culprits/${id}` }, `${id} explained in full`));
}

/** What the search for idle timeouts found; null if it was not made.
 * @param {TransportReports} transports */
function idleTimeouts(transports) {
  /** @param {number | null} at_s */
  const cell = (at_s) => el("td", {}, at_s ? `${Math.round(at_s * 10) / 10} s` : "–");
  const rows = transports.flatMap(([name, { idle }]) =>
    idle
      ? el(
          "tr",
          {},
          el("th", { scope: "row" }, TRANSPORT_LABELS[name]),
          cell(idle.passed_s),
          cell(idle.cut_after_s),
          cell(idle.deadline_s),
        )
      : [],
  );
  if (!rows.length) return null;
  const heads = ["longest that passed", "cut when idle for", "cut at the age of"];
  return box(
    "How long a stream may be silent",
    "idle-timeouts",
    el(
      "table",
      { class: "plain" },
      el("thead", {}, el("tr", {}, el("td", {}), ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, ...rows),
    ),
  );
}

/** The servers on the path, each with its evidence.
 * @param {readonly Hop[]} found */
function hops(found) {
  if (!found.length) return null;
  const items = found.map(({ what, evidence }) => el("li", {}, what, el("div", { class: "soft" }, evidence)));
  return box(
    "Servers found between app and reader",
    "hops",
    el("p", { class: "soft" }, "Nearest to the app first, where the order is known."),
    el("ol", { class: "hops" }, ...items),
  );
}
