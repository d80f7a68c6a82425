// Which cells a unit sees, and which units see a cell: the arithmetic of receptive and projective fields.

import { sidesOf } from "./address.js";

/** The cells a unit sees; null where no box says it. @param {Seen} field @param {At} at @returns {Box|null} */
export function boxSeen(field, at) {
  if (!field || typeof field === "string" || at.length < field.jump.length) return null;
  const unit = at.slice(-field.jump.length);
  return field.jump.map((jump, axis) => [field.start[axis] + jump * unit[axis], field.end[axis] + jump * unit[axis]]);
}

/** The units of a layer of such a size that see a cell; null where there are none. @param {Seen} field @param {At} cell @param {number[]} size @returns {Box|null} */
export function unitsSeeing(field, cell, size) {
  if (!field || typeof field === "string") return null;
  const box = field.jump.map((jump, axis) => [
    Math.max(0, Math.ceil((cell[axis] - field.end[axis]) / jump)),
    Math.min(size[axis] - 1, Math.floor((cell[axis] - field.start[axis]) / jump)),
  ]);
  return box.every(([first, last]) => first <= last) ? box : null;
}

/** The units of a layer that see a cell of its input, or of the image. @param {Layer} layer @param {"step"|"field"} by @param {At} cell */
export function reachedOf(layer, by, cell) {
  const { depth, height, width } = sidesOf(layer.shape);
  return unitsSeeing(layer[by], cell, [depth, height, width].slice(-cell.length));
}
