// Explanations of an exported page: what follows from the rest, or lies in the page anyway, is not held with each.

import { asNumber } from "./digits.js";

/**
 * What a page holds of an explanation, as packing.py writes it: all of it but these, which may be missing.
 * @typedef {Partial<Omit<Explanation, "channels">> & {layer: number, of?: number, rows: number[], columns: number[],
 *   channels: number[]|{first: number, count: number}, sources: number[], at: {channel: number}}} Held
 */

/**
 * Return the whole explanation.
 * @param {Held} held
 * @param {Record<string, number[][][]>} kernels those of the layer's channels
 * @param {(row: number, column: number, channel: number) => number} valueAt a number of the source
 * @returns {Explanation}
 */
export function restored(held, kernels, valueAt) {
  const padding = held.padding ?? held.rows.map(() => held.columns.map(() => false));
  const kernel = held.kernel ?? kernels[held.at.channel];
  const channels = Array.isArray(held.channels) ? held.channels : counted(held.channels.count, held.channels.first);
  const patch = held.patch ?? patchOf({ ...held, channels }, padding, valueAt);
  const products = held.products ?? multiplied(patch, kernel);
  const count = held.of ?? patch[0]?.[0]?.length ?? 0;
  const kept = held.kept ?? counted(count);
  const sums = Array(count).fill(null);
  kept.forEach((place, i) => (sums[place] = products.flat().reduce((sum, cells) => sum + asNumber(cells[i]), 0)));
  const order = [...kept].sort((a, b) => magnitude(sums[b]) - magnitude(sums[a]) || a - b);
  return /** @type {Explanation} */ ({ ...held, channels, padding, kernel, patch, products, kept, sums, order });
}

/** @param {number} count @param {number} [first] */
function counted(count, first = 0) {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** @param {number} sum how much it counts: NaN most, as in the explanations themselves */
function magnitude(sum) {
  return Number.isNaN(sum) ? Infinity : Math.min(Math.abs(sum), Number.MAX_VALUE);
}

/**
 * The cells of the source under the window; padding is 0.
 * @param {{rows: number[], columns: number[], channels: number[]}} held @param {boolean[][]} padding
 * @param {(row: number, column: number, channel: number) => number} valueAt
 */
function patchOf(held, padding, valueAt) {
  return held.rows.map((row, y) =>
    held.columns.map((column, x) => held.channels.map((channel) => (padding[y][x] ? 0 : valueAt(row, column, channel)))),
  );
}

/** Numbers are written as float32 are: rounded to one, they are what the network multiplied. @param {number[][][]} patch @param {number[][][]} kernel */
function multiplied(patch, kernel) {
  return patch.map((line, y) =>
    line.map((cells, x) => cells.map((value, i) => Math.fround(asNumber(value)) * Math.fround(asNumber(kernel[y][x][i])))),
  );
}
