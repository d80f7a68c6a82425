// What an explanation says, in the form in which it is shown: terms, the sum of one channel, the cell behind a cell.

import { sidesOf } from "./address.js";
import { signedPixels } from "./arithmetic.js";
import { asNumber, counted, written } from "./numbers.js";

/** Whether a patch is one cell of each channel: of dense layers, and of what works element by element. @param {Explanation} why */
export const isOneCell = (why) => why.rows.length * why.columns.length === 1;

/** What to call a place in the patch's channels: a merge has its inputs there. @param {Explanation} why @param {number} place @param {Layer[]} layers */
export function channelName(why, place, layers) {
  if (why.sources.length > 1) return layers[why.sources[place]].name;
  const channel = why.channels[place % why.channels.length], slice = why.slices?.[Math.floor(place / why.channels.length)];
  if (slice !== undefined) return `slice ${slice}, channel ${channel}`;
  return `${layers[why.sources[0]].shape.length > 1 ? "channel" : "unit"} ${channel}`;
}

/** The terms of the sum, strongest first. @param {Explanation} why @param {Layer[]} layers @returns {Term[]} */
export function termsOf(why, layers) {
  return why.order.map((place) => {
    const k = why.kept.indexOf(place), kernel = isOneCell(why) && why.trained && k >= 0 && why.kernel;
    const detail = kernel ? `${written(why.patch[0][0][k], 6)} × ${written(kernel[0][0][k], 6)}` : "";
    return { place, name: channelName(why, place, layers), detail, value: asNumber(why.sums[place]) };
  });
}

/** The sum, seen from one place of the patch's channels. @param {Explanation} why @param {number} place @param {Colouring} pixel of the patch's numbers @returns {Sum} */
export function sumOf(why, place, pixel) {
  const k = why.kept.indexOf(place), part = (/** @type {number[][][]} */ cells) => cells.map((row) => row.map((cell) => asNumber(cell[k])));
  const patch = part(why.patch), kernel = why.kernel && !why.winner ? part(why.kernel) : null, products = part(why.products);
  const [sum, before, bias] = [why.sums[place], why.before, why.bias].map(asNumber), single = isOneCell(why), others = why.sums.length - 1;
  return {
    patch, kernel, products, padding: why.padding, winner: why.winner, before, function: why.function, after: asNumber(why.after),
    sum: single ? before - bias : sum,
    named: why.summed,
    others: others && !single ? before - bias - sum : null,
    othersNamed: counted(others, "other channel"),
    bias: bias !== 0 || why.trained ? bias : null,
    pixels: { patch: pixel, kernel: signedPixels(kernel?.flat() ?? []), products: signedPixels(products.flat()) },
  };
}

/** The number one layer back that a cell of the patch is; null for padding.
 *  @param {Explanation} why @param {number} place @param {number} row @param {number} column @param {Layer[]} layers @returns {Place|null} */
export function placeBehind(why, place, row, column, layers) {
  const merges = why.sources.length > 1, layer = why.sources[merges ? place : 0], { depth, height, width, volume, channels } = sidesOf(layers[layer].shape);
  const [y, x] = [why.rows[row], why.columns[column]];
  if (!merges && (y < 0 || x < 0 || y >= height || x >= width)) return null;
  const slice = why.slices?.[merges ? 0 : Math.floor(place / why.channels.length)] ?? 0;
  const channel = Math.min(merges ? why.at.channel : why.channels[place % why.channels.length], channels - 1);
  return { layer, channel, at: [...(volume ? [Math.min(slice, depth - 1)] : []), Math.min(y, height - 1), Math.min(x, width - 1)] };
}

/** The command that explains a number. @param {Told} told @param {Place} place @param {string|null} backward the class */
export function commandFor({ explain, layers }, { layer, channel, at }, backward) {
  const { quoted, shape } = layers[layer];
  return `${explain} ${quoted}${shape.length > 1 ? ` --at ${at.join(",")}` : ""} --channel ${channel}${backward === null ? "" : ` --backward --class ${backward}`}`;
}
