// What an explanation says, in the form in which it is shown: terms, the sum of one channel, the cell behind a cell.

import { sidesOf } from "./address.js";
import { pixelOf } from "./colours.js";
import { asNumber, sixDigits } from "./digits.js";

/**
 */

/** Whether a patch is one cell of each channel: as of dense layers, and of what works element by element. @param {Explanation} why */
export function isOneCell(why) {
  return why.rows.length * why.columns.length === 1;
}

/** What to call a place in the patch's channels: a merge has its inputs there. @param {Explanation} why @param {number} place @param {Layer[]} layers */
export function channelName(why, place, layers) {
  if (why.sources.length > 1) return layers[why.sources[place]].name;
  const channel = why.channels[place % why.channels.length];
  if (why.slices) return `slice ${why.slices[Math.floor(place / why.channels.length)]}, channel ${channel}`;
  return `${layers[why.sources[0]].shape.length > 1 ? "channel" : "unit"} ${channel}`;
}

/** The terms of the sum, strongest first. @param {Explanation} why @param {Layer[]} layers @returns {import("./terms.js").Term[]} */
export function termsOf(why, layers) {
  return why.order.map((place) => {
    const k = why.kept.indexOf(place), product = isOneCell(why) && why.trained && k >= 0 && why.kernel;
    const detail = product ? `${sixDigits(asNumber(why.patch[0][0][k]))} × ${sixDigits(asNumber(product[0][0][k]))}` : "";
    return { place, name: channelName(why, place, layers), detail, value: asNumber(why.sums[place]) };
  });
}

/**
 * The sum, seen from one place of the patch's channels: its tables, and what all the others add.
 * @param {Explanation} why @param {number} place @param {import("./cells.js").Colouring} pixel of the patch's numbers
 * @returns {import("./arithmetic.js").Sum}
 */
export function sumOf(why, place, pixel) {
  const k = why.kept.indexOf(place), part = (/** @type {number[][][]} */ cells) => cells.map((row) => row.map((cell) => asNumber(cell[k])));
  const patch = part(why.patch), kernel = why.kernel && !why.winner ? part(why.kernel) : null, products = part(why.products);
  const [sum, before, bias] = [why.sums[place], why.before, why.bias].map(asNumber);
  const others = why.order.length - 1, whole = before - bias, single = isOneCell(why);
  return {
    patch, kernel, products, padding: why.padding, winner: why.winner, before, function: why.function, after: asNumber(why.after),
    sum: single ? whole : sum,
    named: sumName(why, single ? why.sums.length : products.flat().length, kernel?.[0][0] ?? 1),
    others: others > 0 && !single ? whole - sum : null,
    othersNamed: `${(why.sums.length - 1).toLocaleString("en")} other channel${why.sums.length > 2 ? "s" : ""}`,
    bias: bias !== 0 || why.trained ? bias : null,
    pixels: { patch: pixel, kernel: signedPixels(kernel), products: signedPixels(products) },
  };
}

/** @param {Explanation} why @param {number} count of the products @param {number} weight the first */
function sumName(why, count, weight) {
  if (why.winner) return "largest of the patch";
  if (why.sources.length > 1) return `of ${why.sources.length} inputs`;
  if (!why.trained && count === 1) return weight === 1 ? "handed on" : `scaled by ${sixDigits(weight)}`;
  return `sum of ${count.toLocaleString("en")} product${count === 1 ? "" : "s"}`;
}

/** @param {number[][]|null} numbers @returns {import("./cells.js").Colouring} */
function signedPixels(numbers) {
  const top = (numbers ?? []).flat().reduce((most, one) => (Number.isFinite(one) ? Math.max(most, Math.abs(one)) : most), 0);
  return (value) => pixelOf(value, { signed: true, top, asinh: false });
}

/**
 * The number one layer back that a cell of the patch is; null for padding.
 * @param {Explanation} why @param {number} place @param {number} row @param {number} column @param {Layer[]} layers
 * @returns {{layer: number, channel: number, at: number[]}|null}
 */
export function placeBehind(why, place, row, column, layers) {
  const merges = why.sources.length > 1, layer = why.sources[merges ? place : 0];
  const { depth, height, width, volume, channels } = sidesOf(layers[layer].shape);
  const inside = [why.rows[row], why.columns[column]], sizes = [height, width];
  if (!merges && inside.some((cell, i) => cell < 0 || cell >= sizes[i])) return null;
  const slice = why.slices ? why.slices[merges ? 0 : Math.floor(place / why.channels.length)] : 0;
  const at = inside.map((cell, i) => Math.min(cell, sizes[i] - 1));
  const channel = Math.min(merges ? why.at.channel : why.channels[place % why.channels.length], channels - 1);
  return { layer, channel, at: volume ? [Math.min(slice, depth - 1), ...at] : at };
}

/** The channel and the slice of the source that a place of the patch's channels is. @param {Explanation} why @param {number} place @param {Layer[]} layers */
export function mapBehind(why, place, layers) {
  const back = placeBehind({ ...why, rows: [0], columns: [0] }, place, 0, 0, layers);
  return /** @type {{layer: number, channel: number, at: number[]}} */ (back);
}

/** The command that explains a number. @param {string} command that made the page @param {Layer} layer @param {{channel: number, at: number[]}} place */
export function commandFor(command, { name, shape }, { channel, at }) {
  const quoted = /^[\w./:-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
  const explain = command.replace("convlab explore", "convlab explain").replace(/ --out (?:'[^']*'|\S+)| --no-browser/g, "");
  return `${explain} ${quoted}${shape.length > 1 ? ` --at ${at.join(",")}` : ""} --channel ${channel}`;
}
