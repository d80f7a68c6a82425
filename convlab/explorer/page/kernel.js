// The kernel of one channel: a tile for each channel of the layer before, those that added most first.

import { pixelOf } from "./colours.js";
import { make } from "./elements.js";
import { pencil } from "./mosaic.js";
import { written } from "./words.js";

const SHOWN = 8;

/**
 * Draw the kernel that an explanation holds; null where it has none.
 * @param {Explanation} why @param {string} source name of the layer before
 */
export function kernelPanel(why, source) {
  const { kernel, kept, order } = why;
  if (!kernel || !why.trained || kernel.length * kernel[0].length === 1) return null;
  const held = order.filter((place) => kept.includes(place)).slice(0, SHOWN);
  const top = Math.max(...kernel.flat(2).map(Math.abs));
  const tiles = held.map((place) => {
    const tile = kernelTile(kernel, kept.indexOf(place), { signed: true, top, asinh: false });
    return make("figure", "", [tile, make("figcaption", "", [sourceText(why, place)])]);
  });
  const shown = held.length < why.sums.length ? `${held.length} of ${why.sums.length}: what adds most` : "what adds most";
  return make("section", "kernel panel", [
    make("h3", "", [`Its kernel for channels of ${source}`]),
    make("div", "tiles", tiles),
    make("p", "note", [`${shown} to its largest number first; blue is negative, to ±${written(top)}`]),
  ]);
}

/** The channel of the source that a place of the patch's third axis is of. @param {Explanation} why @param {number} place */
export function channelAt({ channels }, place) {
  return channels[place % channels.length];
}

/** @param {Explanation} why @param {number} place */
function sourceText(why, place) {
  const channel = String(channelAt(why, place));
  return why.slices ? `${channel}, slice ${why.slices[Math.floor(place / why.channels.length)]}` : channel;
}

/** @param {number[][][]} kernel @param {number} channel @param {Scale} scale */
function kernelTile(kernel, channel, scale) {
  const canvas = make("canvas", "", [], { width: String(kernel[0].length), height: String(kernel.length) });
  const pixels = kernel.flatMap((row) => row.map((cell) => pixelOf(cell[channel], scale)));
  const bytes = new Uint8ClampedArray(Uint32Array.from(pixels).buffer);
  pencil(canvas).putImageData(new ImageData(bytes, kernel[0].length), 0, 0);
  return canvas;
}
