// What the service tells the page: its routes, limits and thresholds. See `page_settings` in routes/pages.py.

import { element } from "./dom.js";

/** @import { Settings } from "./types.d.ts" */

/** @type {Settings} */
export const settings = JSON.parse(element("#settings", HTMLScriptElement).text);

/** The address of the service, with a slash at its end. */
export const root = new URL("./", document.baseURI.replace(/[?#].*/, "")).href;

/** The service's host and port, as a person writes it. */
export const host = new URL(root).host;

/** What the page says when the service gives no response at all. */
export const NO_RESPONSE = `${host} no longer responds. Is the service still running?`;
