// The equation of one number: patch x kernel = products, their sum, the other channels', bias, activation; as tables and a line below them.

import { colouring, cssOfPixel, inkOnPixel } from "./colours.js";
import { make, makeButton } from "./elements.js";
import { digits, placesFor, signed, topOf, written } from "./numbers.js";

const MOST_CELLS = 225; // of a window that is shown as tables

export class Arithmetic {
  /** @param {HTMLElement} host @param {ArithmeticOptions} options */
  constructor(host, options) {
    this.options = options;
    const slots = (this.slots = ["patch", "kernel", "products"].map((name) => make("div", name)));
    const figures = slots.map((slot, i) => make("figure", "", [slot, make("figcaption", "", [options.names?.[i] ?? slot.className])]));
    if (options.kernelTable) slots[1].append(options.kernelTable);
    this.times = [between("×"), figures[1], between("="), figures[2]];
    this.tables = make("div", "tables", [figures[0], ...this.times]);
    this.line = make("div", "sumline");
    this.element = make("section", "arithmetic", [this.tables], { "aria-label": "the arithmetic" });
    host.append(this.element);
    (options.ledger ?? this.element).append(this.line);
  }

  /** Show a sum, with so many of its products added so far. @param {Sum} sum @param {number} [count] */
  show(sum, count = Infinity) {
    const total = sum.products.flat().length, { pixels, winner } = sum, [patch, kernel, products] = this.slots;
    this.element.dataset.size = total > 81 ? "bare" : total > 25 ? "tiny" : total > 9 ? "small" : "";
    this.tables.hidden = total < 2 || total > MOST_CELLS;
    this.line.replaceChildren(...sumParts(sum, Math.min(count, total), total));
    if (this.tables.hidden) return;
    const now = (/** @type {number} */ i) => (i === count - 1 ? "current" : "");
    patch.replaceChildren(numberTable(sum.patch, pixels.patch, (y, x, i) =>
      sum.padding[y]?.[x] ? `pad ${now(i)}` : winner && winner[0] === y && winner[1] === x ? "winner" : now(i), this.options.onCell));
    for (const one of this.times) one.hidden = !sum.kernel;
    if (!sum.kernel) return;
    if (!this.options.kernelTable) kernel.replaceChildren(numberTable(sum.kernel, pixels.kernel, (_y, _x, i) => now(i)));
    products.replaceChildren(numberTable(sum.products, pixels.products, (_y, _x, i) => (i >= count ? "todo" : now(i))));
  }

  /** Mark a cell of the patch; none without a place. @param {number[]|null} at */
  mark(at) {
    for (const old of this.slots[0].querySelectorAll(".cursor")) old.classList.remove("cursor");
    if (at) this.slots[0].querySelector("table")?.rows[at[0]]?.cells[at[1]]?.classList.add("cursor");
  }
}

const between = (/** @type {string} */ text) => make("span", "sign", [text]);

/** @param {number[][]} values @param {Colouring} pixel @param {(y: number, x: number, i: number) => string} classOf @param {(row: number, column: number) => void} [act] */
function numberTable(values, pixel, classOf, act) {
  const places = Math.min(3, placesFor(values.flat()));
  return make("table", "grid", values.map((row, y) => make("tr", "", row.map((value, x) => {
    const text = digits(value, places), name = classOf(y, x, y * row.length + x);
    const cell = make("td", name, [act ? makeButton("", text, () => act(y, x), { tabindex: "-1" }) : text]);
    return /pad|todo/.test(name) ? cell : coloured(cell, pixel(value));
  }))));
}

/** The colours of signed numbers, up to the largest of some. @param {number[]} values @returns {Colouring} */
export const signedPixels = (values) => colouring({ signed: true, top: topOf(values) });

/** Give an element a pixel's colour, and an ink that is read on it. @template {HTMLElement} T @param {T} element @param {number} pixel */
export function coloured(element, pixel) {
  element.style.backgroundColor = cssOfPixel(pixel);
  element.style.color = inkOnPixel(pixel);
  return element;
}

/** The line: sum, other channels, bias, activation. @param {Sum} sum @param {number} count @param {number} total */
function sumParts(sum, count, total) {
  const done = count >= total, running = sum.products.flat().slice(0, count).reduce((left, right) => left + right, 0);
  const part = (/** @type {string} */ name, /** @type {string} */ value, early = done) =>
    make("span", early ? "part" : "part todo", [make("b", "", [value]), make("small", "", [name])]);
  const parts = [done ? part(sum.named, written(sum.sum, 6)) : part(`${count} of ${total} products`, written(running, 6), true)];
  if (sum.others !== null) parts.push(part(sum.othersNamed, signed(sum.others)));
  if (sum.bias !== null) parts.push(part("bias", signed(sum.bias)));
  if (parts.length > 1) parts.push(between("="), part(sum.function === "linear" ? "the number" : "before the activation", written(sum.before, 6)));
  if (sum.function !== "linear") parts.push(between("→"), part(sum.function, written(sum.after, 6)));
  parts[parts.length - 1].classList.add("result");
  return parts;
}
