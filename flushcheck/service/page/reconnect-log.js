// The connections of one EventSource, as a list: it reconnects by itself when a stream ends without its end event.

import { el } from "./dom.js";
import { count, ordinal } from "./sentences.js";

export class ReconnectLog {
  #box;
  #list;
  #lost = 0; // the number of the last connection that ended without the end event
  #drops = 0; // such ends, and attempts to reconnect that failed

  /** @param {HTMLElement} box with the explanation; hidden until a connection is lost
   * @param {HTMLElement} list */
  constructor(box, list) {
    this.#box = box;
    this.#list = list;
  }

  clear() {
    this.#lost = 0;
    this.#drops = 0;
    this.#list.replaceChildren();
    this.#box.hidden = true;
  }

  /** A connection after the first one has opened.
   * @param {number} connection its number
   * @param {number} at_s */
  reopened(connection, at_s) {
    this.#add(`Connection ${connection} opened`, at_s);
  }

  /** A connection has ended without the end event, or an attempt to reconnect has failed.
   * @param {number} connection the number of the last one that opened
   * @param {number} pieces that arrived over it
   * @param {number} at_s
   * @returns {string} the sentence for the card */
  dropped(connection, pieces, at_s) {
    const isNew = connection > this.#lost;
    this.#lost = connection;
    this.#drops += 1;
    this.#box.hidden = false;
    if (isNew)
      this.#add(`Connection ${connection} ended without an end event`, at_s, `, after ${count(pieces, "piece")}`);
    else this.#add("An attempt to reconnect failed", at_s);
    return `Connection lost. The browser tries again (${ordinal(this.#drops)} time). Stop ends the loop.`;
  }

  /** @param {string} event
   * @param {number} at_s
   * @param {string} [more] */
  #add(event, at_s, more = "") {
    this.#list.append(el("li", {}, `${event} at ${at_s.toFixed(1)} s${more}`));
  }
}
