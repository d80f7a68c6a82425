// What one has set on the page of one window, and its address.

import { cellsUnder, axesOf, samePadding } from "./geometry.js";
import { KERNELS, resized, weightOf } from "./presets.js";

const LONGEST_SIDE = 28, LARGEST_WINDOW = 7;

/** A picture, a kernel, and how the window moves. */
export class ConvSettings {
  /** @param {string} picture @param {number[][]} cells @param {string} kernelName @param {string[][]} kernel */
  constructor(picture, cells, kernelName, kernel) {
    this.picture = picture;
    this.cells = cells;
    this.kernelName = kernelName;
    this.kernel = kernel;
    this.stride = 1;
    this.dilation = 1;
    /** @type {string|number} "valid", "same" or cells on every side */
    this.padding = 1;
    this.at = [1, 1];
  }

  get height() {
    return this.cells.length;
  }

  get width() {
    return this.cells[0].length;
  }

  axes() {
    const kernel = [this.kernel.length, this.kernel[0].length], { stride, dilation } = this;
    const padding = [this.height, this.width].map((size, i) => this.paddingOf({ size, kernel: kernel[i], stride, dilation }));
    return axesOf({ kernel, stride: [stride, stride], dilation: [dilation, dilation], padding }, [this.height, this.width]);
  }

  /** @param {Parameters<typeof samePadding>[0]} axis */
  paddingOf(axis) {
    if (this.padding === "same") return samePadding(axis);
    return this.padding === "valid" ? [0, 0] : [Number(this.padding), Number(this.padding)];
  }

  /** The patch under one window, the products, and their sum. @param {number[][]} weights @param {number} y @param {number} x */
  sumAt(weights, y, x) {
    const [rows, columns] = this.axes().map((axis, side) => cellsUnder(axis, side ? x : y));
    const padding = rows.map((row) => columns.map((column) => this.cells[row]?.[column] === undefined));
    const patch = rows.map((row) => columns.map((column) => this.cells[row]?.[column] ?? 0));
    const products = patch.map((line, i) => line.map((value, j) => value * weights[i][j]));
    return { patch, padding, products, sum: products.flat().reduce((left, right) => left + right, 0) };
  }

  /** The same with a picture of another size. @param {number} height @param {number} width */
  withPicture(height, width) {
    return { picture: "own", cells: resized(this.cells, height, width, 0) };
  }

  /** The same with a kernel of another size; what is blurred stays blurred. @param {number} rows @param {number} columns */
  withKernel(rows, columns) {
    const name = this.kernelName;
    if (name === "blur") return { kernel: resized([[`1/${rows * columns}`]], rows, columns, `1/${rows * columns}`) };
    return { kernelName: name === "identity" ? name : "own", kernel: resized(this.kernel, rows, columns, "0") };
  }

  /** Keep all of it in the address, so that it can be pasted into notes. */
  keep() {
    const { picture, kernelName, stride, padding, dilation, at } = this;
    const parts = { picture, kernel: kernelName, stride, padding, dilation, at: at.join(",") };
    const parameters = new URLSearchParams(Object.entries(parts).map(([name, value]) => [name, String(value)]));
    if (picture === "own") parameters.set("cells", tableText(this.cells));
    if (kernelName === "own" || this.kernel.length !== 3 || this.kernel[0].length !== 3) parameters.set("weights", tableText(this.kernel));
    history.replaceState(history.state, "", `#${parameters.toString().replaceAll("%2C", ",").replaceAll("%3B", ";").replaceAll("%2F", "/")}`);
  }

  /** The settings of an address; what cannot be is as it is at the beginning. @param {string} hash @param {Record<string, number[][]>} pictures */
  static read(hash, pictures) {
    const parameters = new URLSearchParams(hash.replace(/^#/, ""));
    const [firstPicture] = Object.keys(pictures), [firstKernel] = Object.keys(KERNELS);
    const picture = parameters.get("picture") ?? firstPicture, kernelName = parameters.get("kernel") ?? firstKernel;
    const cells = readTable(parameters.get("cells"), LONGEST_SIDE)?.map((row) => row.map((text) => weightOf(text) ?? 0));
    const weights = readTable(parameters.get("weights"), LARGEST_WINDOW);
    const settings = new ConvSettings(
      cells || picture in pictures ? picture : firstPicture,
      cells ?? (pictures[picture] ?? pictures[firstPicture]).map((row) => [...row]),
      weights || kernelName in KERNELS ? kernelName : firstKernel,
      weights ?? (KERNELS[kernelName] ?? KERNELS[firstKernel]).weights.map((row) => [...row]),
    );
    settings.stride = readNumber(parameters.get("stride"), 1) ?? settings.stride;
    settings.dilation = readNumber(parameters.get("dilation"), 1) ?? settings.dilation;
    const padding = parameters.get("padding") ?? "";
    settings.padding = ["same", "valid"].includes(padding) ? padding : (readNumber(padding, 0) ?? settings.padding);
    const at = (parameters.get("at") ?? "").split(",").map((part) => readNumber(part, 0));
    if (at.length === 2 && at[0] !== null && at[1] !== null) settings.at = [at[0], at[1]];
    return settings;
  }
}

/** @param {(string|number)[][]} table */
function tableText(table) {
  return table.map((row) => row.join(",")).join(";");
}

/** @param {string|null} text @param {number} most @returns {string[][]|null} */
function readTable(text, most) {
  if (!text) return null;
  const rows = text.split(";").map((row) => row.split(","));
  const fits = rows.length <= most && rows[0].length <= most && rows.every((row) => row.length === rows[0].length);
  return fits && rows.flat().every((cell) => weightOf(cell) !== null) ? rows : null;
}

/** @param {string|null} text @param {number} least */
function readNumber(text, least) {
  return text !== null && /^\d{1,2}$/.test(text) && Number(text) >= least ? Number(text) : null;
}
