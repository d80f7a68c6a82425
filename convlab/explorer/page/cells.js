// One map drawn as cells: colours, numbers where there is room, padding hatched around it, outlines that glide.

import { digits, fewestPlaces } from "./digits.js";
import { make } from "./elements.js";

const GRID_FROM = 7, NUMBERS_FROM = 24, LARGEST_CELL_OF_MAP = 64; // pixels of a cell
const FAINT = 0x30000000; // the opacity of what is not there yet, in a pixel

/**
 * How a number becomes a pixel, 0xAABBGGRR.
 * @typedef {(value: number) => number} Colouring
 * @typedef {{y: number, x: number, height?: number, width?: number}} Box
 * @typedef {{height: number, width: number, value: (y: number, x: number) => number, pixel: Colouring,
 *   padding?: number[][], label: string, faint?: (y: number, x: number) => boolean}} Cells
 */

/** A map of cells, on a canvas, below an SVG that has the outlines. */
export class CellMap {
  /** @param {HTMLElement} host @param {Cells} cells */
  constructor(host, cells) {
    this.cells = cells;
    this.cell = 1;
    this.canvas = make("canvas", "", [], { role: "img", "aria-label": cells.label });
    this.overlay = makeShape("svg", "outlines", { "aria-hidden": "true" });
    this.element = make("div", "cellmap", [this.canvas, this.overlay]);
    /** @type {Map<string, {group: SVGElement, form: string}>} */
    this.groups = new Map();
    host.append(this.element);
  }

  /** The map with its padding: what lies before, and how much there is in all. */
  get frame() {
    const [[top, bottom], [left, right]] = this.cells.padding ?? [[0, 0], [0, 0]];
    return { top, left, rows: this.cells.height + top + bottom, columns: this.cells.width + left + right };
  }

  /** The largest cell, in pixels, with which the map fits. @param {number} width @param {number} height */
  cellFor(width, height) {
    const { rows, columns } = this.frame;
    const most = Math.min(width / columns, height / rows, LARGEST_CELL_OF_MAP);
    return most >= 1 ? Math.floor(most) : most;
  }

  /** Draw all, with cells of some pixels. @param {number} [cell] */
  draw(cell = this.cell) {
    this.cell = cell;
    const { rows, columns, top, left } = this.frame;
    const context = this.sized(columns * cell, rows * cell);
    context.setTransform(this.canvas.width / columns, 0, 0, this.canvas.height / rows, 0, 0);
    if (rows > this.cells.height || columns > this.cells.width) this.hatch(context, rows, columns);
    context.translate(left, top);
    this.paint(context);
    if (cell >= GRID_FROM) this.rule(context);
    this.cross(context);
    if (cell >= NUMBERS_FROM) this.inscribe(context);
  }

  /** @param {number} width @param {number} height */
  sized(width, height) {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    for (const one of [this.canvas, this.element, this.overlay]) {
      one.style.width = `${width}px`;
      one.style.height = `${height}px`;
    }
    return /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
  }

  /** A colour of the style sheet. @param {string} name */
  css(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name).trim();
  }

  /** Hatch all: the picture covers its part. @param {CanvasRenderingContext2D} context @param {number} rows @param {number} columns */
  hatch(context, rows, columns) {
    context.save();
    context.beginPath();
    context.rect(0, 0, columns, rows);
    context.clip();
    context.beginPath();
    for (let at = -rows; at < columns; at += Math.max(6 / this.cell, 0.2)) {
      context.moveTo(at, rows);
      context.lineTo(at + rows, 0);
    }
    this.stroke(context, "--soft", 0.45);
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context @param {string} colour @param {number} opacity */
  stroke(context, colour, opacity = 1) {
    context.strokeStyle = this.css(colour);
    context.globalAlpha = opacity;
    context.lineWidth = 1 / this.cell;
    context.stroke();
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context */
  paint(context) {
    const { width, height, value, pixel, faint } = this.cells;
    const pixels = new Uint32Array(width * height);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        pixels[i] = pixel(value(y, x));
        if (faint?.(y, x)) pixels[i] = (pixels[i] & 0x00ffffff) | FAINT;
      }
    }
    const small = make("canvas", "", [], { width: String(width), height: String(height) });
    small.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, width, height);
  }

  /** Set the cells apart, by lines in the colour of the page. @param {CanvasRenderingContext2D} context */
  rule(context) {
    const { width, height } = this.cells;
    context.beginPath();
    for (let y = 1; y < height; y++) (context.moveTo(0, y), context.lineTo(width, y));
    for (let x = 1; x < width; x++) (context.moveTo(x, 0), context.lineTo(x, height));
    this.stroke(context, "--paper");
  }

  /** Cross out what is not finite, which has no colour. @param {CanvasRenderingContext2D} context */
  cross(context) {
    const { width, height, value } = this.cells;
    context.beginPath();
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (Number.isFinite(value(y, x))) continue;
        (context.moveTo(x, y), context.lineTo(x + 1, y + 1), context.moveTo(x + 1, y), context.lineTo(x, y + 1));
      }
    }
    this.stroke(context, "--accent");
  }

  /** Write every cell's number. @param {CanvasRenderingContext2D} context */
  inscribe(context) {
    const { width, height, value, pixel, faint } = this.cells;
    const all = Array.from({ length: width * height }, (_, i) => value(Math.floor(i / width), i % width));
    const places = Math.min(2, fewestPlaces(all)), ink = this.css("--ink");
    const longest = all.reduce((most, one) => Math.max(most, digits(one, places).length), 1);
    context.font = `${Math.min(0.4, 1.45 / longest, 15 / this.cell)}px ${getComputedStyle(this.canvas).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    all.forEach((one, i) => {
      const y = Math.floor(i / width), x = i % width, pale = faint?.(y, x);
      context.fillStyle = pale ? ink : inkOnPixel(pixel(one));
      context.globalAlpha = pale ? 0.4 : one === 0 ? 0.5 : 0.95;
      context.fillText(digits(one, places), x + 0.5, y + 0.53);
    });
    context.globalAlpha = 1;
  }

  /**
   * Outline some boxes of cells, under a name, which is also the class; they glide from where the same form was
   * before. No boxes take it away.
   * @param {string} name @param {Box[]} boxes
   */
  outline(name, boxes) {
    const old = this.groups.get(name);
    if (!boxes.length) {
      old?.group.remove();
      this.groups.delete(name);
      return;
    }
    const [{ y, x }] = boxes, { top, left } = this.frame, cell = this.cell;
    const form = JSON.stringify([cell, boxes.map((box) => [box.y - y, box.x - x, box.height, box.width])]);
    const group = old?.group ?? makeShape("g", name);
    if (old?.form !== form) group.replaceChildren(...boxes.map((box) => boxShape(box, y, x, cell)));
    if (!old) this.overlay.append(group);
    group.style.transform = `translate(${(x + left) * cell}px, ${(y + top) * cell}px)`;
    this.groups.set(name, { group, form });
  }

  /** The cell under a pointer, padding too; null beside the map. @param {MouseEvent} event */
  cellAt(event) {
    const box = this.canvas.getBoundingClientRect(), { top, left, rows, columns } = this.frame;
    const y = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const x = Math.floor(((event.clientX - box.left) / box.width) * columns);
    return y >= 0 && x >= 0 && y < rows && x < columns ? { y: y - top, x: x - left } : null;
  }

  /** Whether a cell is none of the padding. @param {{y: number, x: number}} cell */
  holds({ y, x }) {
    return y >= 0 && x >= 0 && y < this.cells.height && x < this.cells.width;
  }

  /** Where a box of cells lies in the viewport. @param {Box} box */
  rectangle({ y, x, height = 1, width = 1 }) {
    const all = this.canvas.getBoundingClientRect(), { top, left } = this.frame;
    const start = { left: all.left + (x + left) * this.cell, top: all.top + (y + top) * this.cell };
    return { ...start, right: start.left + width * this.cell, bottom: start.top + height * this.cell };
  }
}

/** @param {Box} box @param {number} y @param {number} x the first box's @param {number} cell pixels */
function boxShape(box, y, x, cell) {
  const side = (/** @type {number|undefined} */ cells) => String(Math.max(3, (cells ?? 1) * cell));
  const at = { x: String((box.x - x) * cell), y: String((box.y - y) * cell) };
  return makeShape("rect", "", { ...at, width: side(box.width), height: side(box.height) });
}

/**
 * Make an element of SVG.
 * @param {"svg"|"g"|"rect"|"path"} tag @param {string} [names] its class @param {Record<string, string>} [attributes]
 */
export function makeShape(tag, names = "", attributes = {}) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (names) shape.setAttribute("class", names);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  return shape;
}

/** Black or white, whichever is read better on a pixel's colour. @param {number} pixel */
export function inkOnPixel(pixel) {
  const [red, green, blue] = [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
}

/** A pixel's colour as CSS writes it. @param {number} pixel */
export function cssOfPixel(pixel) {
  return `rgb(${pixel & 255}, ${(pixel >> 8) & 255}, ${(pixel >> 16) & 255})`;
}
