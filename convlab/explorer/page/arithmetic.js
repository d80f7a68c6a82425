// The equation of one number: patch x kernel = products, their sum, the other channels', bias, activation.

import { cssOfPixel, inkOnPixel } from "./cells.js";
import { digits, fewestPlaces, signed, sixDigits } from "./digits.js";
import { make, makeButton } from "./elements.js";

const MOST_CELLS = 225; // of a window that is shown as tables

/**
 * One number's way from one channel of its input; what the other channels add is `others`, called `othersNamed`.
 * @typedef {import("./cells.js").Colouring} Colouring
 * @typedef {object} Sum
 * @property {number[][]} patch
 * @property {number[][]|null} kernel null where there is none: a pooling chooses
 * @property {number[][]} products
 * @property {boolean[][]} padding
 * @property {number[]|null} winner
 * @property {number} sum
 * @property {string} named what to call it
 * @property {number|null} others
 * @property {string} othersNamed
 * @property {number|null} bias
 * @property {number} before
 * @property {string} function
 * @property {number} after
 * @property {{patch: Colouring, kernel: Colouring, products: Colouring}} pixels
 *
 * What becomes of it: onCell makes the patch's cells buttons, kernelTable stands in place of the kernel's numbers, and
 * ledger is where the line goes that is otherwise below the tables.
 * @typedef {{onCell?: (row: number, column: number) => void, kernelTable?: HTMLElement, ledger?: HTMLElement}} ArithmeticOptions
 */

/** The equation, as tables and a line below them. */
export class Arithmetic {
  /** @param {HTMLElement} host @param {ArithmeticOptions} options */
  constructor(host, { onCell, kernelTable, ledger } = {}) {
    this.onCell = onCell;
    this.kernelTable = kernelTable;
    const [patch, kernel, products] = (this.slots = ["patch", "kernel", "products"].map((name) => make("div", name)));
    if (kernelTable) kernel.append(kernelTable);
    this.times = [signBetween("×"), captioned(kernel, "kernel"), signBetween("="), captioned(products, "products")];
    this.tables = make("div", "tables", [captioned(patch, "patch"), ...this.times]);
    this.line = make("div", "sumline");
    this.element = make("section", "arithmetic", [this.tables], { "aria-label": "the arithmetic" });
    host.append(this.element);
    if (ledger) ledger.replaceChildren(this.line);
    else this.element.append(this.line);
  }

  /** Show a sum, with so many of its products added so far. @param {Sum} sum @param {number} [count] */
  show(sum, count = Infinity) {
    const total = sum.products.flat().length;
    this.element.dataset.size = total > 81 ? "bare" : total > 25 ? "tiny" : total > 9 ? "small" : "";
    this.tables.hidden = total < 2 || total > MOST_CELLS;
    if (!this.tables.hidden) this.fill(sum, count);
    this.line.replaceChildren(...sumParts(sum, Math.min(count, total), total));
  }

  /** @param {Sum} sum @param {number} count */
  fill(sum, count) {
    const [patch, kernel, products] = this.slots;
    const current = Number.isFinite(count) ? count - 1 : -1;
    const isWinner = (/** @type {number} */ y, /** @type {number} */ x) => sum.winner?.[0] === y && sum.winner[1] === x;
    patch.replaceChildren(numberTable(sum.patch, sum.pixels.patch, (y, x, i) => classNames({
      pad: sum.padding[y]?.[x], winner: isWinner(y, x), current: i === current }), this.onCell));
    for (const one of this.times) one.hidden = !sum.kernel;
    if (!sum.kernel) return;
    if (!this.kernelTable) kernel.replaceChildren(numberTable(sum.kernel, sum.pixels.kernel, (y, x, i) => classNames({ current: i === current })));
    products.replaceChildren(numberTable(sum.products, sum.pixels.products, (y, x, i) => classNames({ current: i === current, todo: i >= count })));
  }

  /** The element of a cell of the patch. @param {number} row @param {number} column @returns {HTMLElement|undefined} */
  cell(row, column) {
    return this.slots[0].querySelector("table")?.rows[row]?.cells[column];
  }
}

/** @param {Record<string, boolean|undefined>} which */
function classNames(which) {
  return Object.keys(which).filter((name) => which[name]).join(" ");
}

/** @param {string} text */
function signBetween(text) {
  return make("span", "sign", [text]);
}

/** @param {HTMLElement} table @param {string} caption */
function captioned(table, caption) {
  return make("figure", "", [table, make("figcaption", "", [caption])]);
}

/**
 * A table of numbers on their colours.
 * @param {number[][]} values @param {Colouring} pixel
 * @param {(y: number, x: number, i: number) => string} classOf
 * @param {(row: number, column: number) => void} [act]
 */
function numberTable(values, pixel, classOf, act) {
  const places = Math.min(3, fewestPlaces(values.flat()));
  const rows = values.map((row, y) => make("tr", "", row.map((value, x) => {
    const text = digits(value, places), name = classOf(y, x, y * row.length + x);
    const cell = make("td", name, [act ? makeButton("", text, () => act(y, x), { tabindex: "-1" }) : text]);
    if (!/pad|todo/.test(name)) colourCell(cell, pixel(value));
    return cell;
  })));
  return make("table", "grid", [make("tbody", "", rows)]);
}

/** Give an element a pixel's colour, and an ink that is read on it. @param {HTMLElement} element @param {number} pixel */
export function colourCell(element, pixel) {
  element.style.backgroundColor = cssOfPixel(pixel);
  element.style.color = inkOnPixel(pixel);
}

/** The line: sum, other channels, bias, activation. @param {Sum} sum @param {number} count @param {number} total */
function sumParts(sum, count, total) {
  const done = count >= total;
  const running = sum.products.flat().slice(0, count).reduce((left, right) => left + right, 0);
  const parts = [done ? sumPart(sum.named, sixDigits(sum.sum)) : sumPart(`${count} of ${total} products`, sixDigits(running))];
  if (sum.others !== null) parts.push(sumPart(sum.othersNamed, signed(sum.others), done));
  if (sum.bias !== null) parts.push(sumPart("bias", signed(sum.bias), done));
  if (parts.length > 1) parts.push(signBetween("="), sumPart(sum.function === "linear" ? "the number" : "before the activation", sixDigits(sum.before), done));
  if (sum.function !== "linear") parts.push(signBetween("→"), sumPart(sum.function, sixDigits(sum.after), done));
  parts[parts.length - 1].classList.add("result");
  return parts;
}

/** @param {string} name @param {string} value @param {boolean} [done] */
function sumPart(name, value, done = true) {
  return make("span", done ? "part" : "part todo", [make("b", "", [value]), make("small", "", [name])]);
}
