// The numbers of layers, decoded; those looked at last are held.

import { sidesOf } from "./address.js";

/** The numbers of one layer, channel after channel; of quantised ones what they stand for. */
export class Values {
  /** @param {Layer} layer @param {ArrayBuffer} bytes */
  constructor(layer, bytes) {
    this.sides = sidesOf(layer.shape);
    const { channels, depth, height, width } = this.sides;
    this.cells = depth * height * width;
    const encoding = layer.encoding ?? "float32";
    this.exact = encoding === "float32";
    /** into how many steps a channel's largest is cut, where it is rounded */
    this.steps = encoding === "uint8" ? 255 : 127;
    this.bytes = bytes.byteLength;
    /** @type {Float32Array|Uint8Array|Int8Array} */
    this.numbers = {
      float32: () => new Float32Array(bytes),
      uint8: () => new Uint8Array(bytes, 4 * channels),
      int8: () => new Int8Array(bytes, 4 * channels),
    }[encoding]();
    /** What one step of a channel's numbers is worth. */
    this.units = new Float64Array(channels).fill(1);
    if (!this.exact) this.units.set(new Float32Array(bytes, 0, channels).map((scale) => scale), 0);
    if (!this.exact) for (let c = 0; c < channels; c++) this.units[c] /= this.steps;
    // One look at every number: extremes of each channel, where its largest stands, what is not finite.
    this.lows = new Float64Array(channels);
    this.highs = new Float64Array(channels);
    this.peaks = new Int32Array(channels);
    this.nonfinite = new Int32Array(channels);
    for (let c = 0; c < channels; c++) this.measureChannel(c);
    this.signed = this.lows.some((low) => low < 0);
    this.top = this.highs.reduce((top, high, c) => Math.max(top, high, -this.lows[c]), 0);
  }

  /** @param {number} c */
  measureChannel(c) {
    const start = c * this.cells;
    let low = Infinity, high = -Infinity, peak = 0, nonfinite = 0;
    for (let i = 0; i < this.cells; i++) {
      const value = this.numbers[start + i];
      if (value - value !== 0) nonfinite++;
      else {
        if (value < low) low = value;
        if (value > high) { high = value; peak = i; }
      }
    }
    this.lows[c] = low === Infinity ? 0 : low * this.units[c];
    this.highs[c] = high === -Infinity ? 0 : high * this.units[c];
    this.peaks[c] = peak;
    this.nonfinite[c] = nonfinite;
  }

  /** @param {number} channel @param {number} cell place within the channel, row by row */
  value(channel, cell) {
    return this.numbers[channel * this.cells + cell] * this.units[channel];
  }

  /** @param {number} channel @param {number[]} at [y, x] or [z, y, x] */
  valueAt(channel, at) {
    return this.value(channel, this.cellOf(at));
  }

  /** @param {number[]} at */
  cellOf(at) {
    const [x, y, z = 0] = [...at].reverse();
    return (z * this.sides.height + y) * this.sides.width + x;
  }

  /** @param {number} cell @returns {number[]} [y, x], of a volume [z, y, x] */
  placeOf(cell) {
    const { height, width, volume } = this.sides;
    const row = Math.floor(cell / width);
    return volume ? [Math.floor(row / height), row % height, cell % width] : [row, cell % width];
  }

  /** Largest magnitude of a channel. @param {number} channel */
  topOf(channel) {
    return Math.max(this.highs[channel], -this.lows[channel]);
  }

  /** @param {number} channel */
  isDead(channel) {
    return this.highs[channel] === 0 && this.lows[channel] === 0 && this.nonfinite[channel] === 0;
  }

  /**
   * The scale of a channel, of its own or shared by the layer.
   * @param {number} channel @param {{scale: "layer"|"channel", asinh: boolean}} settings
   * @returns {Scale}
   */
  scaleOf(channel, settings) {
    return { signed: this.signed, top: settings.scale === "layer" ? this.top : this.topOf(channel), asinh: settings.asinh };
  }
}

/** Holds the values of layers that were asked for last, up to so many bytes. */
export class ValueCache {
  /** @param {Source} source @param {number} limit */
  constructor(source, limit) {
    this.source = source;
    this.limit = limit;
    /** @type {Map<number, Promise<Values>>} */
    this.held = new Map();
    /** @type {Map<number, number>} */
    this.sizes = new Map();
  }

  /** @param {number} index @returns {Promise<Values>} */
  get(index) {
    const held = this.held.get(index) ?? this.fetch(index);
    this.held.delete(index);
    this.held.set(index, held);
    return held;
  }

  clear() {
    this.held.clear();
    this.sizes.clear();
  }

  /** @param {number} index @returns {Promise<Values>} */
  fetch(index) {
    const layer = this.source.document.layers[index];
    const asked = this.source.values(index).then((bytes) => new Values(layer, bytes));
    asked.then(
      (values) => { this.sizes.set(index, values.bytes); this.shrink(index); },
      () => this.held.delete(index),
    );
    return asked;
  }

  /** Let go what was not asked for in a long time. @param {number} newest */
  shrink(newest) {
    let total = [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const index of this.held.keys()) {
      if (total <= this.limit) return;
      if (index === newest || !this.sizes.has(index)) continue;
      total -= this.sizes.get(index) ?? 0;
      this.held.delete(index);
      this.sizes.delete(index);
    }
  }
}
