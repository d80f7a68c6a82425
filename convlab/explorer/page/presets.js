// Pictures and kernels to begin with: small enough to be reckoned by hand.

import { tableOf } from "./geometry.js";

/** Of a drawn picture a dot is 0, a ring half, a hash 1. @param {string} rows */
const drawn = (rows) => rows.split(" ").map((row) => [...row].map((ink) => ".o#".indexOf(ink) / 2));

/** Pictures by name, rows of greys from 0 to 1. @type {Record<string, number[][]>} */
export const PICTURES = {
  seven: drawn(".......... .########. .########. ......o##. .....o##.. .....##o.. ....o##... ....##o... ...o##.... ...##o.... .........."),
  ring: drawn("..ooo.. .o###o. o##.##o o#...#o o##.##o .o###o. ..ooo.."),
  edge: tableOf(9, 9, (_y, x) => (x > 3 ? 1 : 0)),
  diagonal: tableOf(9, 9, (y, x) => (x === y ? 1 : 0)),
  dot: tableOf(7, 7, (y, x) => (x === 3 && y === 3 ? 1 : 0)),
  chessboard: tableOf(8, 8, (y, x) => (y + x) % 2),
  slope: tableOf(9, 9, (_y, x) => x / 10),
};

const kernel = (/** @type {string} */ rows, /** @type {string} */ does) => ({ weights: rows.split("|").map((row) => row.split(" ")), does });

/** Kernels by name, as they are written into their cells, and what each is for. @type {Record<string, {weights: string[][], does: string}>} */
export const KERNELS = {
  "Sobel across": kernel("-1 0 1|-2 0 2|-1 0 1", "answers where it grows brighter to the right: upright edges"),
  "Sobel down": kernel("-1 -2 -1|0 0 0|1 2 1", "answers where it grows brighter downwards: level edges"),
  blur: kernel("1/9 1/9 1/9|1/9 1/9 1/9|1/9 1/9 1/9", "puts the mean of its neighbours in place of every cell"),
  Gauss: kernel("1/16 1/8 1/16|1/8 1/4 1/8|1/16 1/8 1/16", "blurs, the near cells counting more"),
  sharpen: kernel("0 -1 0|-1 5 -1|0 -1 0", "lifts every cell above its neighbours"),
  Laplace: kernel("0 1 0|1 -4 1|0 1 0", "is 0 where all is even or slopes evenly, and answers at every edge"),
  emboss: kernel("-2 -1 0|-1 1 1|0 1 2", "lights the picture from one corner"),
  identity: kernel("0 0 0|0 1 0|0 0 0", "hands the picture on as it is"),
};

/** A weight as a number, null for what is none; fractions are read, too. @param {string} text */
export function weightOf(text) {
  const found = /^([-+−]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[-+]?\d+)?)(?:\/(\d+(?:[.,]\d+)?))?$/i.exec(text.replaceAll(/\s/g, ""));
  const [over, under] = [found?.[1] ?? "x", found?.[2] ?? "1"].map((part) => Number(part.replace("−", "-").replace(",", ".")));
  return Number.isFinite(over / under) ? over / under : null;
}
