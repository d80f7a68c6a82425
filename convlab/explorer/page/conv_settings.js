// What one has set on the page of one window, and its address.

import { cellsUnder, samePadding, tableOf } from "./geometry.js";

const PLAIN = { picture: "", kernel: "", stride: 1, dilation: 1, padding: "1", at: "1,1", cells: "", weights: "" };

/** A picture, a kernel of weights as they are written, and how the window moves; padding: valid, same, or cells, then of a margin. */
export class ConvSettings {
  /** Read an address; what it does not say is as at the beginning. @param {string} hash @param {Told} told the pictures and kernels to begin with */
  constructor(hash, { pictures = {}, kernels = {} }) {
    const read = { ...PLAIN, ...Object.fromEntries(new URLSearchParams(hash.slice(1))) };
    const cells = readTable(read.cells, 28), weights = readTable(read.weights, 7);
    this.pictures = pictures;
    this.kernels = kernels;
    this.named = { picture: "own", kernel: "own" };
    this.cells = cells?.map((row) => row.map((text) => weightOf(text) ?? 0)) ?? [[0]];
    this.weights = weights ?? [["0"]];
    if (!cells) this.picture = read.picture in pictures ? read.picture : Object.keys(pictures)[0];
    if (!weights) this.kernel = read.kernel in kernels ? read.kernel : Object.keys(kernels)[0];
    else if (read.kernel in kernels) this.named.kernel = read.kernel; // in another size
    this.stride = wholeFrom(1, read.stride) ?? 1;
    this.dilation = wholeFrom(1, read.dilation) ?? 1;
    this.padding = ["same", "valid"].includes(read.padding) ? read.padding : "cells";
    this.margin = wholeFrom(0, read.padding) ?? 1;
    this.at = read.at.split(",").map((part) => wholeFrom(0, part) ?? 0);
  }

  get picture() { return this.named.picture; }
  set picture(name) {
    this.named.picture = name;
    if (this.pictures[name]) this.cells = this.pictures[name].map((row) => [...row]);
  }

  get kernel() { return this.named.kernel; }
  set kernel(name) {
    this.named.kernel = name;
    if (this.kernels[name]) this.weights = this.kernels[name].weights.map((row) => [...row]);
  }

  get height() { return this.cells.length; }
  set height(height) { [this.picture, this.cells] = ["own", resized(this.cells, height, this.width, 0)]; }
  get width() { return this.cells[0].length; }
  set width(width) { [this.picture, this.cells] = ["own", resized(this.cells, this.height, width, 0)]; }
  get rows() { return this.weights.length; }
  set rows(rows) { this.resizeKernel(rows, this.columns); }
  get columns() { return this.weights[0].length; }
  set columns(columns) { this.resizeKernel(this.rows, columns); }

  /** What blurs goes on blurring. @param {number} rows @param {number} columns */
  resizeKernel(rows, columns) {
    if (this.kernel === "blur") this.weights = tableOf(rows, columns, () => `1/${rows * columns}`);
    else this.weights = resized(this.weights, rows, columns, "0");
    if (!["blur", "identity"].includes(this.kernel)) this.named.kernel = "own";
  }

  /** Keep all of it in the address, so that it can be pasted into notes. */
  keep() {
    const { picture, kernel, stride, dilation, at, cells, weights } = this, padding = this.padding === "cells" ? this.margin : this.padding;
    const text = (/** @type {(string|number)[][]} */ table) => table.map((row) => row.join(",")).join(";");
    const parts = { picture, kernel, stride, padding, dilation, at, ...(picture === "own" && { cells: text(cells) }),
      ...((kernel === "own" || `${this.rows},${this.columns}` !== "3,3") && { weights: text(weights) }) };
    const address = new URLSearchParams(Object.entries(parts).map(([name, value]) => [name, String(value)])).toString();
    history.replaceState(history.state, "", `#${address.replaceAll("%2C", ",").replaceAll("%3B", ";").replaceAll("%2F", "/")}`);
  }

  axes() {
    const { stride, dilation } = this, margin = this.padding === "cells" ? this.margin : 0;
    return [[this.height, this.rows], [this.width, this.columns]].map(([size, kernel]) => {
      const axis = { size, kernel, stride, dilation }, [before, after] = this.padding === "same" ? samePadding(axis) : [margin, margin];
      return { ...axis, before, after };
    });
  }

  /** The patch under one window, the products, and their sum. @param {number[][]} weights @param {number} y @param {number} x */
  sumAt(weights, y, x) {
    const [rows, columns] = this.axes().map((axis, side) => cellsUnder(axis, side ? x : y));
    const cells = rows.map((row) => columns.map((column) => this.cells[row]?.[column]));
    const patch = cells.map((row) => row.map((value) => value ?? 0)), padding = cells.map((row) => row.map((value) => value === undefined));
    const products = patch.map((line, i) => line.map((value, j) => value * weights[i][j]));
    return { patch, padding, products, sum: products.flat().reduce((left, right) => left + right, 0) };
  }
}

/** A table in another size: its middle stays. @template T @param {T[][]} table @param {number} height @param {number} width @param {T} filling @returns {T[][]} */
function resized(table, height, width, filling) {
  const [down, right] = [table.length - height, table[0].length - width].map((more) => Math.trunc(more / 2));
  return tableOf(height, width, (y, x) => table[y + down]?.[x + right] ?? filling);
}

/** @param {string} text @param {number} most of its sides @returns {string[][]|null} */
function readTable(text, most) {
  const rows = text.split(";").map((row) => row.split(","));
  const fits = rows.length <= most && rows[0].length <= most && rows.every((row) => row.length === rows[0].length);
  return fits && rows.flat().every((cell) => weightOf(cell) !== null) ? rows : null;
}

/** @param {number} least @param {string|number} text */
const wholeFrom = (least, text) => (/^\d{1,2}$/.test(String(text)) && Number(text) >= least ? Number(text) : null);

/** A weight as a number, null for what is none; fractions are read, too. @param {string} text */
export function weightOf(text) {
  const found = /^([-+−]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[-+]?\d+)?)(?:\/(\d+(?:[.,]\d+)?))?$/i.exec(text.replaceAll(/\s/g, ""));
  const [over, under] = [found?.[1] ?? "x", found?.[2] ?? "1"].map((part) => Number(part.replace("−", "-").replace(",", ".")));
  return Number.isFinite(over / under) ? over / under : null;
}
