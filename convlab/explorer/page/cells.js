// One map drawn as cells: colours, numbers where there is room, padding hatched around it, outlines that glide.

import { inkOnPixel } from "./colours.js";
import { digits, placesFor } from "./digits.js";
import { drawPixels, make, offsetIn, pencil, strokeLines } from "./elements.js";

const GRID_FROM = 7, NUMBERS_FROM = 24, LARGEST = 64; // pixels of a cell

/** A map of cells, on a canvas, below an SVG that has the outlines. */
export class CellMap {
  /** @param {HTMLElement} host @param {Cells} cells */
  constructor(host, cells) {
    const [[top, bottom], [left, right]] = cells.padding ?? [[0, 0], [0, 0]];
    this.cells = cells;
    this.frame = { top, left, rows: cells.height + top + bottom, columns: cells.width + left + right };
    this.cell = 1;
    this.canvas = make("canvas", "", [], { role: "img", "aria-label": cells.title });
    this.overlay = makeShape("svg", "outlines");
    this.element = make("div", "cellmap", [this.canvas, this.overlay]);
    host.append(this.element);
    /** @type {Map<string, {group: SVGElement, form: string}>} */
    this.groups = new Map();
  }

  /** The largest cell, in pixels, with which the map fits. @param {number} width @param {number} height */
  cellFor(width, height) {
    const most = Math.min(width / this.frame.columns, height / this.frame.rows, LARGEST);
    return most >= 1 ? Math.floor(most) : most;
  }

  /** Draw all, with cells of some pixels. @param {number} [cell] */
  draw(cell = this.cell) {
    const { rows, columns, top, left } = this.frame, { canvas } = this, ratio = devicePixelRatio || 1;
    this.cell = cell;
    canvas.width = Math.max(1, Math.round(columns * cell * ratio));
    canvas.height = Math.max(1, Math.round(rows * cell * ratio));
    for (const { style } of [canvas, this.element, this.overlay]) [style.width, style.height] = [`${columns * cell}px`, `${rows * cell}px`];
    const context = pencil(canvas);
    context.scale(canvas.width / columns, canvas.height / rows);
    context.translate(left, top);
    this.paint(context);
    if (cell >= GRID_FROM) this.rule(context);
    if (cell >= NUMBERS_FROM) this.inscribe(context);
  }

  /** A colour of the style sheet. @param {string} name */
  css(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name).trim();
  }

  /** @param {Pen} context */
  paint(context) {
    const { width, height, value, pixel, faint } = this.cells, pixels = new Uint32Array(width * height), crosses = [];
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const number = value(y, x);
        pixels[i] = faint?.(y, x) ? (pixel(number) & 0xffffff) | 0x30000000 : pixel(number);
        if (!Number.isFinite(number)) crosses.push([x, y, x + 1, y + 1], [x + 1, y, x, y + 1]); // never by colour alone
      }
    }
    context.fillStyle = this.css("--paper");
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    context.drawImage(drawPixels(make("canvas"), pixels, width), 0, 0, width, height);
    strokeLines(context, crosses, this.css("--accent"), 1 / this.cell);
  }

  /** Set the cells apart, by lines in the colour of the page. @param {Pen} context */
  rule(context) {
    const { width, height } = this.cells;
    const across = Array.from({ length: height - 1 }, (_, i) => [0, i + 1, width, i + 1]);
    const down = Array.from({ length: width - 1 }, (_, i) => [i + 1, 0, i + 1, height]);
    strokeLines(context, [...across, ...down], this.css("--paper"), 1 / this.cell);
  }

  /** Write every cell's number. @param {Pen} context */
  inscribe(context) {
    const { width, height, value, pixel, faint } = this.cells, ink = this.css("--ink");
    const all = Array.from({ length: width * height }, (_, i) => value(Math.floor(i / width), i % width));
    const texts = all.map((one) => digits(one, Math.min(2, placesFor(all))));
    const longest = texts.reduce((most, text) => Math.max(most, text.length), 1);
    context.font = `${Math.min(0.4, 1.45 / longest, 15 / this.cell)}px ${getComputedStyle(this.canvas).fontFamily}`;
    [context.textAlign, context.textBaseline] = ["center", "middle"];
    texts.forEach((text, i) => {
      const y = Math.floor(i / width), x = i % width, pale = faint?.(y, x);
      context.fillStyle = pale ? ink : inkOnPixel(pixel(all[i]));
      context.globalAlpha = pale ? 0.4 : all[i] === 0 ? 0.5 : 0.95;
      context.fillText(text, x + 0.5, y + 0.53);
    });
  }

  /** Outline boxes of cells under a name, the class; they glide from where the same form was. None take it away. @param {string} name @param {CellBox[]} boxes */
  outline(name, boxes) {
    const old = this.groups.get(name), { top, left } = this.frame, { cell } = this;
    if (!boxes.length) return void (old?.group.remove(), this.groups.delete(name));
    const [{ y, x }] = boxes, form = JSON.stringify([cell, boxes.map((box) => [box.y - y, box.x - x, box.height, box.width])]);
    const group = old?.group ?? /** @type {SVGElement} */ (this.overlay.appendChild(makeShape("g", name)));
    if (old?.form !== form) group.replaceChildren(...boxes.map((box) => makeShape("rect", "", {
      x: `${(box.x - x) * cell}`, y: `${(box.y - y) * cell}`,
      width: `${Math.max(3, (box.width ?? 1) * cell)}`, height: `${Math.max(3, (box.height ?? 1) * cell)}` })));
    group.style.transform = `translate(${(x + left) * cell}px, ${(y + top) * cell}px)`;
    this.groups.set(name, { group, form });
  }

  /** The cell under a pointer, padding too; null beside the map. @param {MouseEvent} event */
  cellAt(event) {
    const { top, left, rows, columns } = this.frame, [x, y] = offsetIn(event, this.canvas).map((pixels) => Math.floor(pixels / this.cell));
    return y >= 0 && x >= 0 && y < rows && x < columns ? { y: y - top, x: x - left } : null;
  }

  /** @param {(cell: {y: number, x: number}|null) => void} over the map, and padding @param {(cell: {y: number, x: number}) => void} click */
  listen(over, click) {
    this.canvas.addEventListener("pointermove", (event) => over(this.cellAt(event)));
    this.canvas.addEventListener("pointerleave", () => over(null));
    this.canvas.addEventListener("click", (event) => {
      const cell = this.cellAt(event);
      if (cell && this.holds(cell)) click(cell);
    });
  }

  /** Whether a cell is none of the padding. @param {{y: number, x: number}} cell */
  holds({ y, x }) {
    return y >= 0 && x >= 0 && y < this.cells.height && x < this.cells.width;
  }

  /** Where a box of cells lies in the viewport. @param {CellBox} box */
  rectangle({ y, x, height = 1, width = 1 }) {
    const all = this.canvas.getBoundingClientRect(), left = all.left + (x + this.frame.left) * this.cell, top = all.top + (y + this.frame.top) * this.cell;
    return { left, top, right: left + width * this.cell, bottom: top + height * this.cell };
  }
}

/** Make an element of SVG. @param {"svg"|"g"|"rect"|"path"} tag @param {string} names its class @param {Record<string, string>} [attributes] */
export function makeShape(tag, names, attributes = {}) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries({ class: names, ...attributes })) shape.setAttribute(name, value);
  return shape;
}
