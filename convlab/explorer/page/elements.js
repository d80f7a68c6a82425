// Elements by one call: text is always text, never markup.

import { OutOfDate } from "./data.js";

/**
 * Make an element with a class, children and attributes.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} [names] its class @param {(Node|string)[]} [children] @param {Record<string, string>} [attributes]
 */
export function make(tag, names = "", children = [], attributes = {}) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {string} names @param {string|(Node|string)[]} content @param {() => void} act @param {Record<string, string>} [attributes] */
export function makeButton(names, content, act, attributes = {}) {
  const button = make("button", names, typeof content === "string" ? [content] : content, { type: "button", ...attributes });
  button.addEventListener("click", act);
  return button;
}

/** What a view shows in place of what could not be had. @param {unknown} error */
export function excuse(error) {
  const text = error instanceof OutOfDate ? "another image was opened meanwhile: reload the page" : /** @type {Error} */ (error).message;
  return make("p", "excuse", [text], { role: "alert" });
}

/** @param {HTMLCanvasElement} canvas */
export function pencil(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** Make a canvas as large as its pixels, 0xAABBGGRR, row by row. @param {HTMLCanvasElement} canvas @param {Uint32Array<ArrayBuffer>} pixels @param {number} width */
export function drawPixels(canvas, pixels, width) {
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), width);
  Object.assign(canvas, { width, height: image.height });
  pencil(canvas).putImageData(image, 0, 0);
  return canvas;
}

/** Where in an element a pointer is. @param {MouseEvent} event @param {Element} element @returns {[number, number]} */
export function offsetIn(event, element) {
  const { left, top } = element.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

/** @param {Pen} pen @param {number[][]} lines each from and to @param {string} colour @param {number} [width] */
export function strokeLines(pen, lines, colour, width = 1) {
  Object.assign(pen, { strokeStyle: colour, lineWidth: width });
  pen.beginPath();
  for (const [x1, y1, x2, y2] of lines) (pen.moveTo(x1, y1), pen.lineTo(x2, y2));
  pen.stroke();
}
