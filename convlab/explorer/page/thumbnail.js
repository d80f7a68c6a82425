// The strip of a layer, drawn small: its strongest channels one below the other, of a dense layer all its units.

import { pixelOf } from "./colours.js";

/** @typedef {{width: number, height: number, count: number, across: number}} Strip size of one map in CSS pixels, how many there are, units in a row */

export const MAP_GAP = 4;

/**
 * Return how a layer's strip is divided: large maps are drawn larger, but never in proportion.
 * @param {Sides} sides @param {number} largest side of any map of the network
 * @param {number} side of a strip, in pixels @param {number} height of a strip
 * @returns {Strip}
 */
export function stripOf({ channels, height: rows, width: columns }, largest, side, height) {
  if (rows * columns === 1) return unitStrip(channels, side, height);
  const share = 0.5 + 0.5 * (Math.log(Math.max(rows, columns)) / Math.log(Math.max(largest, 2)));
  const across = Math.round(side * share * Math.min(1, columns / rows));
  const down = Math.max(6, Math.round(side * share * Math.min(1, rows / columns)));
  return { width: across, height: down, count: Math.max(1, Math.min(channels, Math.floor((height + MAP_GAP) / (down + MAP_GAP)))), across: 1 };
}

/** @param {number} units @param {number} side @param {number} height @returns {Strip} */
function unitStrip(units, side, height) {
  const across = units <= 24 ? 1 : Math.min(side, Math.ceil(Math.sqrt(units / 8)));
  const room = Math.min((across === 1 ? 0.4 : 0.6) * side / across, height / Math.ceil(units / across));
  const cell = Math.max(1, Math.floor(room));
  return { width: across * cell, height: Math.min(height, Math.ceil(units / across) * cell), count: 1, across };
}

/**
 * Draw the strip; each map is sampled, one number a pixel.
 * @param {HTMLCanvasElement} canvas @param {Values} values @param {number[]} order channels, the strongest first @param {Strip} strip @param {number} ratio
 */
export function drawStrip(canvas, values, order, strip, ratio) {
  const [width, height] = [Math.round(strip.width * ratio), Math.round(strip.height * ratio)];
  const gap = Math.round(MAP_GAP * ratio);
  Object.assign(canvas, { width, height: strip.count * (height + gap) - gap });
  const image = new ImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  if (values.cells === 1) drawUnits(pixels, width, height, values, strip.across);
  else order.slice(0, strip.count).forEach((channel, i) => drawMap(pixels.subarray(i * (height + gap) * width), width, height, values, channel));
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** @param {Uint32Array} pixels @param {number} width @param {number} height @param {Values} values @param {number} channel */
function drawMap(pixels, width, height, values, channel) {
  const { sides } = values;
  const scale = values.scaleOf(channel, { scale: "layer", asinh: false });
  const slice = Math.floor(sides.depth / 2) * sides.height;
  for (let y = 0; y < height; y++) {
    const row = (slice + Math.floor((y * sides.height) / height)) * sides.width;
    for (let x = 0; x < width; x++) {
      pixels[y * width + x] = pixelOf(values.value(channel, row + Math.floor((x * sides.width) / width)), scale);
    }
  }
}

/** @param {Uint32Array} pixels @param {number} width @param {number} height @param {Values} values @param {number} across units in a row */
function drawUnits(pixels, width, height, values, across) {
  const units = values.sides.channels, down = Math.ceil(units / across);
  const scale = values.scaleOf(0, { scale: "layer", asinh: false });
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const unit = Math.floor((y * down) / height) * across + Math.floor((x * across) / width);
      if (unit < units) pixels[y * width + x] = pixelOf(values.value(unit, 0), scale);
    }
  }
}
