// The one painter of maps: pixels that are painted in memory and put on a canvas at once.

import { make } from "./elements.js";

/** Pixels, 0xAABBGGRR, that maps are painted on. */
export class Sheet {
  /** @param {number} width @param {number} height in pixels */
  constructor(width, height) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.pixels = new Uint32Array(this.width * this.height);
  }

  /** Paint a map: its box, that may reach beyond the sheet, and its cells. @param {Area} box @param {Size} size @param {CellPixel} pixelAt */
  paint({ left, top, width, height }, size, pixelAt) {
    const { pixels } = this, first = Math.max(0, left), last = Math.min(this.width, left + width);
    const columns = Int32Array.from({ length: Math.max(0, last - first) }, (_, i) => cellOf(first + i - left, width, size.width));
    for (let y = Math.max(0, top), above = -1; y < Math.min(this.height, top + height); y++) {
      const row = cellOf(y - top, height, size.height), start = y * this.width + first;
      if (row === above) pixels.copyWithin(start, start - this.width, start - this.width + columns.length);
      else for (let i = 0; i < columns.length; i++) pixels[start + i] = i && columns[i] === columns[i - 1] ? pixels[start + i - 1] : pixelAt(row, columns[i]);
      above = row;
    }
  }

  /** @template {HTMLCanvasElement} T @param {T} canvas */
  putOn(canvas) {
    Object.assign(canvas, { width: this.width, height: this.height });
    canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(this.pixels.buffer), this.width), 0, 0);
    return canvas;
  }
}

/** Lengths in pixels of the screen. @param {number[]} lengths */
export const onScreen = (...lengths) => lengths.map((length) => Math.round(length * devicePixelRatio));

/** The cell in which the middle of a pixel lies. @param {number} pixel of a map @param {number} pixels that it has @param {number} cells that it has */
export const cellOf = (pixel, pixels, cells) => Math.floor(((pixel + 0.5) * cells) / pixels);

/** Paint a map on a canvas of its own, a pixel a cell: the style sheet enlarges it. @param {Size} size @param {CellPixel} pixelAt @param {HTMLCanvasElement} [canvas] */
export function paintCells({ height, width }, pixelAt, canvas = make("canvas")) {
  const sheet = new Sheet(width, height);
  sheet.paint({ left: 0, top: 0, width, height }, { height, width }, pixelAt);
  return sheet.putOn(canvas);
}
