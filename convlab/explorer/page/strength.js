// Which channels of a layer are strong: by the mean magnitude of their numbers.

/**
 * Channels, the strongest first; those that hold NaN or infinities before all others.
 * @param {Layer} layer @returns {number[]}
 */
export function strongestFirst(layer) {
  const strength = (layer.strength ?? [0]).map((one) => (Number.isFinite(one) ? Number(one) : Infinity));
  return strength.map((_, channel) => channel).sort((a, b) => (strength[a] === strength[b] ? a - b : strength[b] - strength[a]));
}
