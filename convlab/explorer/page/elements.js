// Elements by one call: text is always text, never markup.

import { OutOfDate } from "./data.js";

/** Make an element with a class, children and attributes.
 *  @template {keyof HTMLElementTagNameMap} T
 *  @param {T} tag @param {string} [names] its class @param {(Node|string)[]} [children] @param {Record<string, string>} [attributes] */
export function make(tag, names = "", children = [], attributes = {}) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {string} names @param {string|(Node|string)[]} content @param {() => void} act @param {Record<string, string>} [attributes] */
export function makeButton(names, content, act, attributes = {}) {
  const button = make("button", names, [content].flat(), { type: "button", ...attributes });
  button.addEventListener("click", act);
  return button;
}

/** A choice of named values. @param {string} label @param {[string, string][]} options value and name @param {(value: string) => void} act */
export function makeSelect(label, options, act) {
  const select = make("select", "", options.map(([value, name]) => make("option", "", [name], { value })), { "aria-label": label });
  select.addEventListener("change", () => act(select.value));
  return select;
}

/** @param {"svg"|"g"|"rect"|"path"|"text"} tag of SVG @param {string} names its class @param {Record<string, string|number>} [attributes] @param {(Node|string)[]} [children] */
export function makeShape(tag, names, attributes = {}, children = []) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries({ class: names, ...attributes })) shape.setAttribute(name, String(value));
  shape.append(...children);
  return shape;
}

/** What a view shows in place of what could not be had. @param {unknown} error */
export function excuse(error) {
  const text = error instanceof OutOfDate ? "another image was opened meanwhile: reload the page" : /** @type {Error} */ (error).message;
  return make("p", "excuse", [text], { role: "alert" });
}

/** Tell the style sheet where some cells of a map are, as shares of it: --left, --top, --width, --height.
 *  @template {HTMLElement} T @param {T} element @param {Box} box @param {Size} size */
export function layOver(element, box, { height, width }) {
  const [[top, bottom], [left, right]] = box;
  const shares = { left: left / width, top: top / height, width: (right - left + 1) / width, height: (bottom - top + 1) / height };
  for (const [name, share] of Object.entries(shares)) element.style.setProperty(`--${name}`, `${100 * share}%`);
  return element;
}
