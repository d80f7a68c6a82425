// Every view is an address: "#conv2/7/3,4" is row 3, column 4 of channel 7 of conv2, "#" the whole network.

/** @type {State} */
export const NOWHERE = { layer: null, channel: null, at: null };

export function addressOf(/** @type {Layer[]} */ layers, /** @type {State} */ { layer, channel, at }) {
  if (layer === null) return "#";
  return "#" + [encodeURIComponent(layers[layer].name), channel, at].filter((part) => part !== null).join("/");
}

/** The state of an address; what the network does not have is left out, from there on. @param {Layer[]} layers @param {string} address @returns {State} */
export function stateOf(layers, address) {
  const [name, channel = "", at = ""] = address.replace(/^#/, "").split("/");
  const layer = layers.findIndex((one) => one.name === decoded(name));
  if (layer < 0) return NOWHERE;
  const { channels, depth, height, width, volume } = sidesOf(layers[layer].shape);
  const [chosen] = cellsOf(channel, [channels]) ?? [null];
  return { layer, channel: chosen, at: chosen === null ? null : cellsOf(at, volume ? [depth, height, width] : [height, width]) };
}

/** Sides of a layer's output: shapes are channels last, without the batch. @param {number[]} shape @returns {Sides} */
export function sidesOf(shape) {
  const [channels = 1, width = 1, height = 1, depth = 1] = [...shape].reverse();
  return { channels, depth, height, width, volume: shape.length === 4 };
}

/** Whole numbers below limits, "3,4"; null where they are not. @param {string} text @param {number[]} limits */
function cellsOf(text, limits) {
  const cells = text.split(",");
  return cells.length === limits.length && cells.every((cell, i) => /^\d+$/.test(cell) && Number(cell) < limits[i]) ? cells.map(Number) : null;
}

export function decoded(/** @type {string} */ text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
