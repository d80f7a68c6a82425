// Every view is an address: "#conv2/7/3,4" is row 3, column 4 of channel 7 of conv2, "#" the whole network.

/** @type {State} */
export const NOWHERE = { layer: null, channel: null, at: null };

/**
 * Return the address of a state, "#" and the parts.
 * @param {Layer[]} layers
 * @param {State} state
 */
export function addressOf(layers, state) {
  if (state.layer === null) return "#";
  const parts = [encodeURIComponent(layers[state.layer].name)];
  if (state.channel !== null) parts.push(String(state.channel));
  if (state.at !== null) parts.push(state.at.join(","));
  return "#" + parts.join("/");
}

/**
 * Return the state of an address; what the network does not have is left out, from there on.
 * @param {Layer[]} layers
 * @param {string} address
 * @returns {State}
 */
export function stateOf(layers, address) {
  const [name, channel, at] = address.replace(/^#/, "").split("/");
  const layer = layers.findIndex((one) => one.name === decoded(name ?? ""));
  if (layer < 0) return NOWHERE;
  const sides = sidesOf(layers[layer].shape);
  const chosen = wholeNumber(channel, sides.channels);
  if (chosen === null) return { layer, channel: null, at: null };
  return { layer, channel: chosen, at: placeOf(at, sides) };
}

/**
 * Sides of a layer's output: shapes are channels last, without the batch.
 * @param {number[]} shape
 * @returns {Sides}
 */
export function sidesOf(shape) {
  const [channels = 1, width = 1, height = 1, depth = 1] = [...shape].reverse();
  return { channels, depth, height, width, volume: shape.length === 4 };
}

/** @param {string|undefined} text @param {Sides} sides */
function placeOf(text, sides) {
  const limits = sides.volume ? [sides.depth, sides.height, sides.width] : [sides.height, sides.width];
  const numbers = (text ?? "").split(",").map((part, i) => wholeNumber(part, limits[i] ?? 0));
  if (numbers.length !== limits.length || numbers.includes(null)) return null;
  return /** @type {number[]} */ (numbers);
}

/** @param {string|undefined} text @param {number} limit */
function wholeNumber(text, limit) {
  return text !== undefined && /^\d+$/.test(text) && Number(text) < limit ? Number(text) : null;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
