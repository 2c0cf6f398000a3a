// Buttons that copy the blocks of a page which the service has rendered. Without scripts there is nothing to press.

import { $$, copy, el } from "./dom.js";

/** Add a button to each block that has none.
 * @param {ParentNode} [parent] */
export function addCopyButtons(parent = document) {
  for (const block of $$(".copyable", parent)) {
    if (block.querySelector("button")) continue;
    const text = block.querySelector("pre")?.textContent ?? "";
    const button = el("button", { type: "button", class: "small", onclick: () => copy(text, button) }, "Copy");
    block.append(button);
  }
}
