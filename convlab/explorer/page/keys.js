// Keys: what a view binds, what the shell binds, and the help made from both.

import { make } from "./elements.js";

/** Where arrows lead: down, right. @type {Record<string, number[]>} */
export const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
/** @type {Record<string, string>} */
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", PageUp: "Page Up", PageDown: "Page Down" };
const TYPED = "input:not([type=range], [type=file]), textarea, select";

/** Hand every key pressed inside an element to what is bound to it. @param {HTMLElement} root @param {() => Key[]} bound */
export function listenForKeys(root, bound) {
  root.tabIndex = -1;
  const refocus = () => { // where what had the focus is gone, so that keys go on being heard
    const { activeElement } = /** @type {Document|ShadowRoot} */ (root.getRootNode());
    if (!activeElement || activeElement === document.body) root.focus({ preventScroll: true });
  };
  root.addEventListener("click", refocus);
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isOfElement(event)) return;
    const name = event.key === " " ? "Space" : event.key, pressed = event.shiftKey && name.length > 1 ? `Shift+${name}` : name;
    const key = bound().find((one) => one.key.split(" ").includes(pressed));
    if (!key) return;
    event.preventDefault();
    key.act(event);
    refocus();
  });
}

/** Whether a key is the focused element's own: letters of a field, Enter of a button, all of an open dialog's. @param {KeyboardEvent} event */
function isOfElement(event) {
  const target = /** @type {Element} */ (event.composedPath()[0]), dialog = target.closest("dialog");
  if (dialog) return dialog.open; // closed, it may keep the focus for a while
  if (target.matches(TYPED)) return event.key !== "Escape";
  if (target.matches("input[type=range]")) return event.key.startsWith("Arrow");
  return target.matches("button, a[href], summary, input") && (event.key === "Enter" || event.key === " ");
}

export function keyTable(/** @type {Key[]} */ keys) {
  const signs = (/** @type {string} */ key) => key.split(/(?<=.)\+/).map((part) => SIGNS[part] ?? part).join(" ");
  return make("table", "keys", keys.map(({ key, does }) => make("tr", "", [
    make("td", "", key.split(" ").map((one) => make("kbd", "", [signs(one)]))), make("td", "", [does]),
  ])));
}
