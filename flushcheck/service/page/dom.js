// Elements without markup: text is always text.

/** An element; attributes by name, `on…` as listeners, children as elements or text. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Copy text, and say so on the button for a moment. */
export async function copy(text, button) {
  const before = button.textContent;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard on plain http: the old way, which works wherever a click led here.
    const area = el("textarea", { class: "off", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = done ? "Copied" : "Could not copy";
  say(done ? "Copied" : "Could not copy");
  setTimeout(() => (button.textContent = before), 1500);
}

/** Say one sentence to a screen reader, politely. */
export function say(sentence) {
  $("#said").textContent = sentence;
}

/** A block of text to copy, with its button. */
export function copyable(text, label = "Copy") {
  const button = el("button", { type: "button", class: "small", onclick: () => copy(text, button) }, label);
  return el("div", { class: "copyable" }, el("pre", { tabindex: "0", class: text.includes("\n") && "code" }, text), button);
}

/** Hand the reader a file. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
