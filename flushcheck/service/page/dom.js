// Find and make elements. Text always stays text: nothing here parses markup.

/** The first element that matches.
 * @param {string} selector
 * @param {ParentNode} [parent]
 * @returns {HTMLElement}
 * @throws {TypeError} if there is none */
export const $ = (selector, parent) => element(selector, HTMLElement, parent);

/** All elements that match.
 * @param {string} selector
 * @param {ParentNode} [parent]
 * @returns {HTMLElement[]} */
export const $$ = (selector, parent = document) => [...parent.querySelectorAll(selector)].map(asHTML);

/** The first element that matches, of the kind that is expected.
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [parent]
 * @returns {T}
 * @throws {TypeError} if it is missing or of another kind */
export function element(selector, kind, parent = document) {
  const match = parent.querySelector(selector);
  if (match instanceof kind) return match;
  throw new TypeError(`${selector}: expected ${kind.name}, got ${match?.tagName ?? "nothing"}`);
}

/** @param {Element} match */
function asHTML(match) {
  if (match instanceof HTMLElement) return match;
  throw new TypeError(`expected an HTML element, got ${match.tagName}`);
}

/** Make an element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, unknown>} [attributes] by name: a function at `on…` becomes a listener, false and null are left out
 * @param {...(Node | string | null | undefined)} children null and undefined are left out
 * @returns {HTMLElementTagNameMap[K]} */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Copy text to the clipboard, and say so on the button for a moment.
 * @param {string} text
 * @param {HTMLElement} button */
export async function copy(text, button) {
  const before = button.textContent;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers offer no clipboard on plain http; this older way needs only a click before it.
    const area = el("textarea", { class: "off", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = done ? "Copied" : "Could not copy";
  announce(done ? "Copied" : "Could not copy");
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
}

/** Have a screen reader speak one sentence, after what it speaks now.
 * @param {string} sentence */
export function announce(sentence) {
  $("#announcement").textContent = sentence;
}

/** A block of text with a button that copies it.
 * @param {string} text
 * @param {string} [label] */
export function copyable(text, label = "Copy") {
  const button = el("button", { type: "button", class: "small", onclick: () => copy(text, button) }, label);
  const block = el("pre", { tabindex: "0", class: text.includes("\n") && "code" }, text);
  return el("div", { class: "copyable" }, block, button);
}

/** Have the browser save a file.
 * @param {Blob} blob
 * @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
