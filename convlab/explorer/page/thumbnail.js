// The strip of a layer, drawn small: its strongest channels one below the other, of a dense layer all its units.

import { pixelOf } from "./colours.js";
import { drawPixels } from "./elements.js";

/** @typedef {{width: number, height: number, count: number, across: number}} Strip size of one map in CSS pixels, how many there are, units in a row */

const GAP = 4, SCALE = /** @type {const} */ ({ scale: "layer", asinh: false });

/**
 * How a layer's strip is divided: large maps are drawn larger, but never in proportion.
 * @param {Sides} sides @param {number} largest side of any map of the network @param {number} side of a strip @param {number} height of a strip
 * @returns {Strip}
 */
export function stripOf({ channels, height: rows, width: columns }, largest, side, height) {
  if (rows * columns > 1) {
    const long = side * (0.5 + 0.5 * (Math.log(Math.max(rows, columns)) / Math.log(Math.max(largest, 2))));
    const down = Math.max(6, Math.round(long * Math.min(1, rows / columns))), count = Math.floor((height + GAP) / (down + GAP));
    return { width: Math.round(long * Math.min(1, columns / rows)), height: down, count: Math.max(1, Math.min(channels, count)), across: 1 };
  }
  const across = channels <= 24 ? 1 : Math.min(side, Math.ceil(Math.sqrt(channels / 8))), down = Math.ceil(channels / across);
  const cell = Math.max(1, Math.floor(Math.min(((across === 1 ? 0.4 : 0.6) * side) / across, height / down)));
  return { width: across * cell, height: Math.min(height, down * cell), count: 1, across };
}

/**
 * Draw the strip; each map is sampled, one number a pixel.
 * @param {HTMLCanvasElement} canvas @param {Values} values @param {number[]} order channels, the strongest first @param {Strip} strip @param {number} ratio
 */
export function drawStrip(canvas, values, order, strip, ratio) {
  const [width, height, gap] = [strip.width, strip.height, GAP].map((size) => Math.round(size * ratio));
  const pixels = new Uint32Array(width * (strip.count * (height + gap) - gap)), { sides } = values;
  const isUnits = values.cells === 1, middle = Math.floor(sides.depth / 2) * sides.height;
  const [rows, columns] = isUnits ? [Math.ceil(sides.channels / strip.across), strip.across] : [sides.height, sides.width];
  order.slice(0, strip.count).forEach((channel, i) => {
    const scale = values.scaleOf(channel, SCALE);
    for (let at = 0; at < width * height; at++) {
      const y = Math.floor((Math.floor(at / width) * rows) / height), x = Math.floor(((at % width) * columns) / width);
      const cell = (middle + y) * columns + x, value = isUnits ? values.value(y * columns + x, 0) : values.value(channel, cell);
      if (!isUnits || y * columns + x < sides.channels) pixels[i * (height + gap) * width + at] = pixelOf(value, scale);
    }
  });
  drawPixels(canvas, pixels, width);
}
