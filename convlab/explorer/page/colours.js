// Colours of numbers: two tables of 256 colours, and the rule that gives a number its place in a table.
//
// Both tables read the same to colour-blind eyes and keep their order of lightness: one from dark blue-violet to yellow
// for layers without negative numbers, one from blue over white to dark orange for signed ones, zero at the white.

const SEQUENTIAL_ANCHORS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const DIVERGING_ANCHORS = ["#06335c", "#175a94", "#4a8fc4", "#9cc6e3", "#f6f4ef", "#f4c08a", "#e08a3c", "#b5560f", "#6e2c05"];
const NOT_FINITE = packed([128, 128, 128]); // NaN and infinities; they are crossed out, too

export const NEUTRAL = 128; // the place of zero in the table of signed numbers
export const SEQUENTIAL = colourTable(SEQUENTIAL_ANCHORS, 0, 255);
export const DIVERGING = colourTable(DIVERGING_ANCHORS, 1, 255);

/** What gives numbers their pixels: t = value / top, cut to -1 ... 1; round(255 t) is the place in the table of numbers
 *  without sign (negative ones at 0), 128 + round(127 t) in that of signed ones. @param {Scale} scale @returns {Colouring} */
export function colouring({ signed, top }) {
  const [table, zero, steps, least] = signed ? [DIVERGING, NEUTRAL, 127, -1] : [SEQUENTIAL, 0, 255, 0];
  return (value) => {
    if (value - value !== 0) return NOT_FINITE;
    const t = top > 0 ? value / top : 0;
    return table[zero + Math.round(steps * (t > 1 ? 1 : t < least ? least : t))];
  };
}

/** A pixel, 0xAABBGGRR, as CSS writes it. @param {number} pixel */
export function cssOfPixel(pixel) {
  return `rgb(${pixel & 255}, ${(pixel >> 8) & 255}, ${(pixel >> 16) & 255})`;
}

/** The colour, black or white, of text that is read on a pixel. @param {number} pixel */
export function inkOnPixel(pixel) {
  return 0.299 * (pixel & 255) + 0.587 * ((pixel >> 8) & 255) + 0.114 * ((pixel >> 16) & 255) > 140 ? "#000" : "#fff";
}

function colourTable(/** @type {string[]} */ anchors, /** @type {number} */ first, /** @type {number} */ last) {
  const colours = anchors.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (Math.max(i - first, 0) / (last - first)) * (colours.length - 1);
    const left = Math.min(Math.floor(at), colours.length - 2);
    return packed(colours[left].map((start, c) => Math.round(start + (at - left) * (colours[left + 1][c] - start))));
  });
}

function packed(/** @type {number[]} */ [red, green, blue]) {
  return new Uint32Array(Uint8Array.of(red, green, blue, 255).buffer)[0];
}
