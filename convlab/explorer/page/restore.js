// Explanations of an exported page: what follows from the rest, or lies in the page anyway, is not held with each.

import { asNumber } from "./digits.js";
import { tableOf } from "./geometry.js";

/** The whole explanation. @param {Held} held @param {Record<string, number[][][]>} kernels those of the layer's channels
 *  @param {(row: number, column: number, channel: number) => number} valueAt a number of the source @returns {Explanation} */
export function restored(held, kernels, valueAt) {
  const { rows, columns } = held, tabled = (/** @type {(y: number, x: number) => any} */ cell) => tableOf(rows.length, columns.length, cell);
  const kernel = held.kernel ?? kernels[held.at.channel], padding = held.padding ?? tabled(() => false);
  const channels = Array.isArray(held.channels) ? held.channels : counted(held.channels.count, held.channels.first);
  const patch = held.patch ?? tabled((y, x) => channels.map((channel) => (padding[y][x] ? 0 : valueAt(rows[y], columns[x], channel))));
  const products = held.products ?? tabled((y, x) => patch[y][x].map((/** @type {number} */ value, /** @type {number} */ i) => product(value, kernel[y][x][i])));
  const count = held.of ?? patch[0]?.[0]?.length ?? 0, kept = held.kept ?? counted(count), sums = Array(count).fill(null);
  kept.forEach((place, i) => (sums[place] = products.flat().reduce((sum, cells) => sum + asNumber(cells[i]), 0)));
  const order = [...kept].sort((a, b) => magnitude(sums[b]) - magnitude(sums[a]) || a - b);
  return /** @type {Explanation} */ ({ ...held, channels, padding, kernel, patch, products, kept, sums, order });
}

/** Numbers are written as float32 are: rounded to one, they are what the network multiplied. @param {(number|string)[]} factors */
const product = (...factors) => factors.map((factor) => Math.fround(asNumber(factor))).reduce((left, right) => left * right);

/** @param {number} count @param {number} [first] */
const counted = (count, first = 0) => Array.from({ length: count }, (_, i) => first + i);

/** How much a sum counts: NaN most, as in the explanations themselves. @param {number} sum */
const magnitude = (sum) => (Number.isNaN(sum) ? Infinity : Math.min(Math.abs(sum), Number.MAX_VALUE));
