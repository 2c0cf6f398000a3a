// Name and version of the observer, for a report.

import { settings } from "./settings.js";

/** For example "flushcheck 0.2.0, page in Chromium 156". */
export function toolName() {
  const brands = navigator.userAgentData?.brands?.filter(({ brand }) => !/not.?a.?brand/i.test(brand)) ?? [];
  const hints = brands.map(({ brand, version }) => `${brand} ${version}`).join(", ");
  const agent = /(Firefox|Chrome|Version)\/[\d.]+/.exec(navigator.userAgent)?.[0] ?? "a browser";
  return `${settings.tool}, page in ${(hints || agent).slice(0, 120)}`;
}
