// One map drawn as cells: colours, numbers where there is room, padding hatched around it, outlines that glide.

import { inkOnPixel } from "./colours.js";
import { make, makeShape } from "./elements.js";
import { digits, placesFor } from "./numbers.js";
import { paintCells } from "./sheet.js";

const RULED = 7, NUMBERED = 24, LARGEST = 64; // pixels of a cell

/** A map of cells: a canvas of a pixel a cell, over it an SVG whose unit is a cell. */
export class CellMap {
  /** @param {HTMLElement} host @param {Cells} cells */
  constructor(host, cells) {
    const [[top, bottom], [left, right]] = cells.padding ?? [[0, 0], [0, 0]], { height, width } = (this.cells = cells);
    this.frame = { top, left, rows: height + top + bottom, columns: width + left + right };
    this.cell = 1; // its width in pixels
    this.canvas = make("canvas", "", [], { role: "img", "aria-label": cells.title });
    this.rule = makeShape("path", "rule");
    this.texts = makeShape("g", "texts");
    this.crosses = makeShape("path", "crosses");
    const attributes = { preserveAspectRatio: "none", viewBox: `${-left} ${-top} ${this.frame.columns} ${this.frame.rows}` };
    this.overlay = makeShape("svg", "outlines", attributes, [this.rule, this.texts, this.crosses]);
    this.element = make("div", "cellmap", [this.canvas, this.overlay]);
    host.append(this.element);
    this.groups = /** @type {Map<string, {group: SVGElement, form: string}>} */ (new Map());
  }

  /** The largest cell, in pixels, with which the map fits. @param {number} width @param {number} height */
  cellFor(width, height) {
    const most = Math.min(width / this.frame.columns, height / this.frame.rows / (this.cells.stretch ?? 1), LARGEST);
    return most >= 1 ? Math.floor(most) : most;
  }

  /** Draw all, with cells of some pixels. @param {number} [cell] */
  draw(cell = this.cell) {
    const { rows, columns, top, left } = this.frame, { cells, canvas } = this, { width, height, stretch = 1 } = cells;
    this.cell = cell;
    for (const [style, wide, high] of /** @type {const} */ ([[this.element.style, columns, rows], [canvas.style, width, height]])) {
      Object.assign(style, { width: `${wide * cell}px`, height: `${high * cell * stretch}px` });
    }
    Object.assign(canvas.style, { left: `${left * cell}px`, top: `${top * cell * stretch}px` });
    const across = Array.from({ length: height - 1 }, (_, y) => `M0 ${y + 1}H${width}`), down = Array.from({ length: width - 1 }, (_, x) => `M${x + 1} 0V${height}`);
    this.rule.setAttribute("d", cell >= RULED && stretch === 1 ? [...across, ...down].join("") : "");
    this.paint();
    this.texts.replaceChildren(...(cell >= NUMBERED && stretch === 1 ? this.written() : []));
  }

  paint() {
    const { cells: { value, pixel, faint }, cells } = this;
    let crosses = ""; // what is not finite is never told by colour alone
    paintCells(cells, (y, x) => {
      const number = value(y, x);
      if (!Number.isFinite(number)) crosses += `M${x} ${y}l1 1m0-1l-1 1`;
      return faint?.(y, x) ? (pixel(number) & 0xffffff) | 0x30000000 : pixel(number);
    }, this.canvas);
    this.crosses.setAttribute("d", crosses);
  }

  /** Every cell's number. */
  written() {
    const { width, height, value, pixel, faint } = this.cells;
    const all = Array.from({ length: width * height }, (_, i) => value(Math.floor(i / width), i % width));
    const places = Math.min(2, placesFor(all)), texts = all.map((one) => digits(one, places)), longest = Math.max(1, ...texts.map(({ length }) => length));
    this.texts.style.fontSize = `${Math.min(0.4, 1.45 / longest, 15 / this.cell)}px`;
    return texts.map((text, i) => {
      const y = Math.floor(i / width), x = i % width, pale = faint?.(y, x), opacity = pale ? 0.4 : all[i] === 0 ? 0.5 : 0.95;
      return makeShape("text", "", { x: x + 0.5, y: y + 0.53, opacity, ...(!pale && { fill: inkOnPixel(pixel(all[i])) }) }, [text]);
    });
  }

  /** Outline boxes of cells under a name, the class; they glide from where the same form was. None take it away. @param {string} name @param {CellBox[]} boxes */
  outline(name, boxes) {
    const old = this.groups.get(name);
    if (!boxes.length) return void (old?.group.remove(), this.groups.delete(name));
    const [{ y, x }] = boxes, form = JSON.stringify(boxes.map((box) => [box.y - y, box.x - x, box.height, box.width]));
    const group = old?.group ?? /** @type {SVGElement} */ (this.overlay.appendChild(makeShape("g", name)));
    if (old?.form !== form) group.replaceChildren(...boxes.map((box) =>
      makeShape("rect", "", { x: box.x - x, y: box.y - y, width: box.width ?? 1, height: box.height ?? 1 })));
    group.style.transform = `translate(${x}px, ${y}px)`;
    this.groups.set(name, { group, form });
  }

  /** The cell under a pointer, padding too; null beside the map. @param {MouseEvent} event */
  cellAt(event) {
    const { top, left, rows, columns } = this.frame, place = this.element.getBoundingClientRect(), high = this.cell * (this.cells.stretch ?? 1);
    const y = Math.floor((event.clientY - place.top) / high), x = Math.floor((event.clientX - place.left) / this.cell);
    return y >= 0 && x >= 0 && y < rows && x < columns ? { y: y - top, x: x - left } : null;
  }

  /** @param {(cell: {y: number, x: number}|null) => void} over the map, and padding @param {(cell: {y: number, x: number}) => void} click */
  listen(over, click) {
    this.element.addEventListener("pointermove", (event) => over(this.cellAt(event)));
    this.element.addEventListener("pointerleave", () => over(null));
    this.element.addEventListener("click", (event) => {
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
    const all = this.element.getBoundingClientRect(), left = all.left + (x + this.frame.left) * this.cell, top = all.top + (y + this.frame.top) * this.cell;
    return { left, top, right: left + width * this.cell, bottom: top + height * this.cell };
  }
}

/** One channel of a layer as a map, of a volume the slice of a place. @param {App} app @param {Values} values @param {Place} place @returns {Cells} */
export function mapOf({ document: { layers }, settings }, values, { layer, channel, at }) {
  const { name, shape } = layers[layer], { height, width } = values.sides, pixel = values.colouring(channel, settings);
  const title = `${name}, ${shape.length < 2 ? "unit" : "channel"} ${channel}`;
  return { shape, title, height, width, value: values.reader(channel, at[at.length - 3]), pixel };
}
