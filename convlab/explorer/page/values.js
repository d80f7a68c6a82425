// The numbers of layers, decoded; those looked at last are held.

import { sidesOf } from "./address.js";
import { colouring } from "./colours.js";

/** The numbers of one layer, channel after channel; of quantised ones what they stand for. */
export class Values {
  /** @param {Layer} layer @param {ArrayBuffer} bytes */
  constructor(layer, bytes) {
    const encoding = layer.encoding ?? "float32", { channels, depth, height, width } = (this.sides = sidesOf(layer.shape));
    this.cells = depth * height * width;
    this.exact = encoding === "float32";
    this.steps = encoding === "uint8" ? 255 : 127; // into which a channel's largest is cut, where it is rounded
    /** @type {Float32Array|Uint8Array|Int8Array} */
    this.numbers = this.exact ? new Float32Array(bytes) : new (encoding === "uint8" ? Uint8Array : Int8Array)(bytes, 4 * channels);
    /** What one step of a channel's numbers is worth. */
    this.units = this.exact ? new Float64Array(channels).fill(1) : Float64Array.from(new Float32Array(bytes, 0, channels), (top) => top / this.steps);
    // One look at every number: extremes of each channel, where its largest stands, what is not finite.
    this.lows = new Float64Array(channels);
    this.highs = new Float64Array(channels);
    this.peaks = new Int32Array(channels);
    this.nonfinite = new Int32Array(channels);
    for (let c = 0; c < channels; c++) this.measureChannel(c);
    this.signed = this.lows.some((low) => low < 0);
    this.top = this.highs.reduce((top, high, c) => Math.max(top, high, -this.lows[c]), 0);
  }

  measureChannel(/** @type {number} */ c) {
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
    [this.lows[c], this.highs[c]] = [low * this.units[c], high * this.units[c]];
  }

  /** What reads the cells of a channel. @param {number} channel @param {number} [slice] @returns {(y: number, x: number) => number} */
  reader(channel, slice = 0) {
    const { numbers, sides: { height, width } } = this, unit = this.units[channel], start = channel * this.cells + slice * height * width;
    return (y, x) => numbers[start + y * width + x] * unit;
  }

  valueAt(/** @type {number} */ channel, /** @type {At} */ at) {
    const [x, y, z = 0] = [...at].reverse();
    return this.reader(channel, z)(y, x);
  }

  /** Where a channel's largest number stands: [y, x], of a volume [z, y, x]. @param {number} channel @returns {At} */
  peakOf(channel) {
    const { height, width, volume } = this.sides, row = Math.floor(this.peaks[channel] / width), x = this.peaks[channel] % width;
    return volume ? [Math.floor(row / height), row % height, x] : [row, x];
  }

  /** What gives a channel's numbers their pixels, by its own scale or the layer's. @param {number} channel @param {Pick<Settings, "scale">} settings */
  colouring(channel, { scale }) {
    return colouring({ signed: this.signed, top: scale === "layer" ? this.top : Math.max(this.highs[channel], -this.lows[channel]) });
  }

  /** The pixels of a channel's cells. @param {number} channel @param {Pick<Settings, "scale">} settings @param {number} [slice] @returns {CellPixel} */
  pixels(channel, settings, slice = 0) {
    const read = this.reader(channel, slice), pixelOf = this.colouring(channel, settings);
    return (y, x) => pixelOf(read(y, x));
  }

  /** The pixels of a dense layer's units, so many in a row. @param {number[]} order @param {number} columns @param {Pick<Settings, "scale">} settings @returns {CellPixel} */
  unitPixels(order, columns, settings) {
    return (y, x) => {
      const unit = order[y * columns + x];
      return unit === undefined ? 0 : this.colouring(unit, settings)(this.numbers[unit] * this.units[unit]);
    };
  }
}

/** What holds the values of the layers that were asked for last, up to so many bytes. @param {Source} source @param {number} limit */
export function valueCache(source, limit) {
  const held = /** @type {Map<number, Promise<Values>>} */ (new Map()); // the last asked for at the end
  const get = (/** @type {number} */ index) => {
    const values = held.get(index) ?? source.values(index).then((bytes) => new Values(source.document.layers[index], bytes));
    values.catch(() => held.delete(index));
    held.delete(index);
    held.set(index, values);
    let room = limit;
    for (const old of [...held.keys()].reverse()) if ((room -= bytesOf(source.document.layers[old])) < 0 && old !== index) held.delete(old);
    return values;
  };
  return { get, clear: () => held.clear() };
}

/** @param {Layer} layer */
const bytesOf = ({ shape, encoding = "float32" }) => shape.reduce((product, size) => product * size, encoding === "float32" ? 4 : 1);
