// Elements by one call: text is always text, never markup.

import { OutOfDate } from "./data.js";

/**
 * Make an element with a class, attributes and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [names] its class
 * @param {(Node|string)[]} [children]
 * @param {Record<string, string>} [attributes]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, names = "", children = [], attributes = {}) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Make a button.
 * @param {string} names @param {string} text @param {() => void} act @param {Record<string, string>} [attributes]
 */
export function makeButton(names, text, act, attributes = {}) {
  const button = make("button", names, [text], { type: "button", ...attributes });
  button.addEventListener("click", act);
  return button;
}

/**
 * Return what a view shows in place of what could not be had.
 * @param {unknown} error
 */
export function excuse(error) {
  const text = error instanceof OutOfDate ? "another image was opened meanwhile: reload the page" : /** @type {Error} */ (error).message;
  return make("p", "excuse", [text], { role: "alert" });
}
