// Where windows stand, along one axis and stacked upon each other: sizes, the cells a unit sees, the units that see a cell.

import { sidesOf } from "./address.js";

/** The cells from a window's first to its last. @param {Uncushioned} axis */
export const extentOf = ({ dilation, kernel }) => dilation * (kernel - 1) + 1;

/** How many places a window has; not positive where it does not fit. @param {Axis} axis */
export function outputSize(axis) {
  return Math.floor((axis.size + axis.before + axis.after - extentOf(axis)) / axis.stride) + 1;
}

/** The same as text, step by step, with the numbers filled in. @param {Axis} axis */
export function sizeFormula(axis) {
  const { size, kernel, stride, dilation, before, after } = axis, room = size + before + after - extentOf(axis);
  const filled = `⌊(${size} + ${before} + ${after} − ${dilation}·(${kernel} − 1) − 1) / ${stride}⌋ + 1`;
  return [filled, ...[`⌊${room} / ${stride}⌋ + 1`, `${outputSize(axis)}`].map((text) => text.replace("-", "−"))];
}

/** Padding that keeps the size (for stride 1), the odd cell at the end, as Keras has it. @param {Uncushioned} axis */
export function samePadding(axis) {
  const total = Math.max(0, (Math.ceil(axis.size / axis.stride) - 1) * axis.stride + extentOf(axis) - axis.size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** The input cells under the window of an output; those outside 0 to size - 1 are padding. @param {Axis} axis @param {number} output */
export function cellsUnder({ kernel, stride, dilation, before }, output) {
  return Array.from({ length: kernel }, (_, i) => output * stride - before + i * dilation);
}

/** The outputs whose windows look at an input cell. @param {Axis} axis @param {number} cell */
export function outputsReached(axis, cell) {
  const outputs = Array.from({ length: outputSize(axis) }, (_, output) => output);
  return outputs.filter((output) => cellsUnder(axis, output).includes(cell));
}

/** The cells a unit sees; null where no box says it. @param {Seen} field @param {At} at @returns {Box|null} */
export function boxSeen(field, at) {
  if (!field || typeof field === "string" || at.length < field.jump.length) return null;
  const unit = at.slice(-field.jump.length);
  return field.jump.map((jump, axis) => [field.start[axis] + jump * unit[axis], field.end[axis] + jump * unit[axis]]);
}

/** The units of a layer of such a size that see a cell; null where there are none. @param {Seen} field @param {At} cell @param {number[]} size @returns {Box|null} */
export function unitsSeeing(field, cell, size) {
  if (!field || typeof field === "string") return null;
  const box = field.jump.map((jump, axis) => [
    Math.max(0, Math.ceil((cell[axis] - field.end[axis]) / jump)),
    Math.min(size[axis] - 1, Math.floor((cell[axis] - field.start[axis]) / jump)),
  ]);
  return box.every(([first, last]) => first <= last) ? box : null;
}

/** A box of rows and columns, of a volume behind slices, as what is outlined. @param {Box} box @returns {CellBox} */
export function cellBox(box) {
  const [[top, bottom], [left, right]] = [[0, 0], ...box].slice(-2);
  return { y: top, x: left, height: bottom - top + 1, width: right - left + 1 };
}

/** Slices, rows and columns of a layer. @param {Layer} layer */
export function sizesOf({ shape }) {
  const { depth, height, width } = sidesOf(shape);
  return [depth, height, width];
}

/** @param {number} value @param {number} size cut to 0 ... size - 1 */
export const within = (value, size) => Math.min(Math.max(value, 0), size - 1);

/** Make a table. @template T @param {number} height @param {number} width @param {(y: number, x: number) => T} value */
export function tableOf(height, width, value) {
  return Array.from({ length: height }, (_row, y) => Array.from({ length: width }, (_cell, x) => value(y, x)));
}

/** Channels, the strongest first: by the mean magnitude of their numbers; those that hold NaN or infinities before all others. @param {Layer} layer */
export function strongestFirst({ strength = [0] }) {
  const size = (/** @type {number} */ channel) => (Number.isFinite(strength[channel]) ? Number(strength[channel]) : Number.MAX_VALUE);
  return strength.map((_, channel) => channel).sort((a, b) => size(b) - size(a) || a - b);
}
