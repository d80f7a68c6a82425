// Keys: what a view binds, what the shell binds, and the help made from both.

import { make } from "./elements.js";

/**
 * `key` as KeyboardEvent says it, "Space" for " ", "Shift+" in front where it is held; several with a space between.
 */

/** @type {Record<string, string>} */
const WRITTEN = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc",
  PageUp: "Page Up", PageDown: "Page Down", Backspace: "⌫",
};
const TYPED = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select";

/**
 * Hand every key pressed inside an element to the first of the keys bound to it. The element takes the focus where
 * what had it is gone, so that keys go on being heard.
 * @param {HTMLElement} root
 * @param {() => Key[]} bound
 */
export function listenForKeys(root, bound) {
  root.tabIndex = -1;
  const refocus = () => {
    const { activeElement } = /** @type {Document|ShadowRoot} */ (root.getRootNode());
    if (!activeElement || activeElement === document.body) root.focus({ preventScroll: true });
  };
  root.addEventListener("click", refocus);
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isOfElement(event)) return;
    const key = bound().find((one) => keysOf(one).includes(nameOfKey(event)));
    if (!key) return;
    event.preventDefault();
    key.act(event);
    refocus();
  });
}

/** Whether a key is the focused element's own: letters of a field, Enter of a button, all of a dialog's. @param {KeyboardEvent} event */
function isOfElement(event) {
  const target = /** @type {Element} */ (event.composedPath()[0]);
  if (target.closest("dialog")) return true;
  if (target.matches(TYPED)) return event.key !== "Escape";
  if (target.matches("input[type=range]")) return event.key.startsWith("Arrow");
  return target.matches("button, a[href], summary, input") && (event.key === "Enter" || event.key === " ");
}

/** @param {KeyboardEvent} event */
function nameOfKey(event) {
  const name = event.key === " " ? "Space" : event.key;
  return event.shiftKey && name.length > 1 ? `Shift+${name}` : name;
}

/** @param {Key} key */
function keysOf(key) {
  return key.key.split(" ");
}

/** @param {Key[]} keys */
export function keyTable(keys) {
  const rows = keys.map((key) => make("tr", "", [
    make("td", "", keysOf(key).map((one) => make("kbd", "", [writtenKey(one)]))), make("td", "", [key.does]),
  ]));
  return make("table", "keys", [make("tbody", "", rows)]);
}

/** @param {string} key */
function writtenKey(key) {
  if (key === "+") return key;
  return key.split("+").map((part) => WRITTEN[part] ?? part).join(" ");
}
