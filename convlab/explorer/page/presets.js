// Pictures and kernels to begin with: small enough to be reckoned by hand.

/**
 * Make a table.
 * @template T
 * @param {number} height @param {number} width @param {(y: number, x: number) => T} value
 */
export function tableOf(height, width, value) {
  return Array.from({ length: height }, (_row, y) => Array.from({ length: width }, (_cell, x) => value(y, x)));
}

/** Of a picture a dot is 0, a ring half, a hash 1. @type {Record<string, number>} */
const INKS = { ".": 0, "o": 0.5, "#": 1 };

/** @type {Record<string, string[]>} */
const DRAWN = {
  "seven": [
    "..........", ".########.", ".########.", "......o##.", ".....o##..", ".....##o..", "....o##...", "....##o...", "...o##....",
    "...##o....", "..........",
  ],
  "edge": Array(9).fill("....#####"),
  "diagonal": tableOf(9, 9, (y, x) => (x === y ? "#" : ".")).map((row) => row.join("")),
  "dot": tableOf(7, 7, (y, x) => (x === 3 && y === 3 ? "#" : ".")).map((row) => row.join("")),
  "ring": ["..ooo..", ".o###o.", "o##.##o", "o#...#o", "o##.##o", ".o###o.", "..ooo.."],
  "chessboard": tableOf(8, 8, (y, x) => ((y + x) % 2 ? "#" : ".")).map((row) => row.join("")),
};

/** Pictures by name, rows of greys from 0 to 1. @type {Record<string, number[][]>} */
export const PICTURES = {
  ...Object.fromEntries(Object.entries(DRAWN).map(([name, rows]) => [name, rows.map((row) => [...row].map((ink) => INKS[ink]))])),
  "slope": tableOf(9, 9, (_y, x) => x / 10),
};

/**
 * Kernels of 3 x 3 by name, as they are written into their cells, and what each is for.
 * @type {Record<string, {weights: string[][], does: string}>}
 */
export const KERNELS = {
  "Sobel across": preset("-1 0 1|-2 0 2|-1 0 1", "answers where it grows brighter to the right: upright edges"),
  "Sobel down": preset("-1 -2 -1|0 0 0|1 2 1", "answers where it grows brighter downwards: level edges"),
  "blur": preset("1/9 1/9 1/9|1/9 1/9 1/9|1/9 1/9 1/9", "puts the mean of its neighbours in place of every cell"),
  "Gauss": preset("1/16 1/8 1/16|1/8 1/4 1/8|1/16 1/8 1/16", "blurs, the near cells counting more"),
  "sharpen": preset("0 -1 0|-1 5 -1|0 -1 0", "lifts every cell above its neighbours"),
  "Laplace": preset("0 1 0|1 -4 1|0 1 0", "is 0 where all is even or slopes evenly, and answers at every edge"),
  "emboss": preset("-2 -1 0|-1 1 1|0 1 2", "lights the picture from one corner"),
  "identity": preset("0 0 0|0 1 0|0 0 0", "hands the picture on as it is"),
};

/** @param {string} text @param {string} does */
function preset(text, does) {
  return { weights: text.split("|").map((row) => row.split(" ")), does };
}

/**
 * A kernel's cells as numbers; null for what is no number. Fractions are read, too.
 * @param {string} text
 */
export function weightOf(text) {
  const found = /^([-+−]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[-+]?\d+)?)(?:\/(\d+(?:[.,]\d+)?))?$/i.exec(text.replaceAll(/\s/g, ""));
  if (!found) return null;
  const [over, under] = [found[1], found[2] ?? "1"].map((part) => Number(part.replace("−", "-").replace(",", ".")));
  return Number.isFinite(over / under) ? over / under : null;
}

/**
 * A table in another size: its middle stays, what is new is filled.
 * @template T
 * @param {T[][]} table @param {number} height @param {number} width @param {T} filling
 */
export function resized(table, height, width, filling) {
  const [down, right] = [table.length - height, table[0].length - width].map((more) => Math.trunc(more / 2));
  return tableOf(height, width, (y, x) => table[y + down]?.[x + right] ?? filling);
}
