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
    this.steps = encoding === "uint8" ? 255 : 127; // into which a channel's largest is cut, where it is rounded
    /** @type {Float32Array|Uint8Array|Int8Array} */
    this.numbers = this.exact ? new Float32Array(bytes) : new (encoding === "uint8" ? Uint8Array : Int8Array)(bytes, 4 * channels);
    /** What one step of a channel's numbers is worth. */
    this.units = new Float64Array(channels).fill(1);
    if (!this.exact) this.units = Float64Array.from(new Float32Array(bytes, 0, channels), (top) => top / this.steps);
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
    const numbers = this.numbers.subarray(c * this.cells, (c + 1) * this.cells);
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < numbers.length; i++) {
      const value = numbers[i];
      if (value - value !== 0) this.nonfinite[c]++;
      else {
        if (value < low) low = value;
        if (value > high) [high, this.peaks[c]] = [value, i];
      }
    }
    if (low === Infinity) low = high = 0;
    this.lows[c] = low * this.units[c];
    this.highs[c] = high * this.units[c];
  }

  /** @param {number} channel @param {number} cell place within the channel, row by row */
  value(channel, cell) {
    return this.numbers[channel * this.cells + cell] * this.units[channel];
  }

  /** @param {number} channel @param {number[]} at [y, x] or [z, y, x] */
  valueAt(channel, at) {
    const [x, y, z = 0] = [...at].reverse();
    return this.value(channel, (z * this.sides.height + y) * this.sides.width + x);
  }

  /** @param {number} cell @returns {number[]} [y, x], of a volume [z, y, x] */
  placeOf(cell) {
    const { height, width, volume } = this.sides;
    const row = Math.floor(cell / width);
    return volume ? [Math.floor(row / height), row % height, cell % width] : [row, cell % width];
  }

  /** @param {number} channel */
  isDead(channel) {
    return this.highs[channel] === 0 && this.lows[channel] === 0 && this.nonfinite[channel] === 0;
  }

  /** The scale of a channel, its own or the layer's. @param {number} channel @param {Pick<Settings, "scale"|"asinh">} settings */
  scaleOf(channel, { scale, asinh }) {
    const top = scale === "layer" ? this.top : Math.max(this.highs[channel], -this.lows[channel]);
    return { signed: this.signed, top, asinh };
  }
}

/** Holds the values of layers that were asked for last, up to so many bytes. */
export class ValueCache {
  /** @param {Source} source @param {number} limit */
  constructor(source, limit) {
    this.source = source;
    this.limit = limit;
    /** @type {Map<number, Promise<Values>>} the last asked for at the end */
    this.held = new Map();
  }

  /** @param {number} index */
  get(index) {
    const values = this.held.get(index) ?? this.fetch(index);
    this.held.delete(index);
    this.held.set(index, values);
    return values;
  }

  /** @param {number} index */
  fetch(index) {
    const { layers } = this.source.document, found = this.source.values(index).then((bytes) => new Values(layers[index], bytes));
    found.catch(() => this.held.delete(index));
    let room = this.limit - bytesOf(layers[index]);
    for (const old of [...this.held.keys()].reverse()) {
      room -= bytesOf(layers[old]);
      if (room < 0) this.held.delete(old);
    }
    return found;
  }
}

/** @param {Layer} layer */
function bytesOf({ shape, encoding = "float32" }) {
  return shape.reduce((product, size) => product * size, encoding === "float32" ? 4 : 1);
}
