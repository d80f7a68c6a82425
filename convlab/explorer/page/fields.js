// Which cells a unit sees, and which units see a cell: the arithmetic of receptive and projective fields.


/**
 * The cells a unit sees, first and last of each axis; null where no box says it.
 * @param {Seen} field @param {number[]} at @returns {number[][]|null}
 */
export function boxSeen(field, at) {
  if (!field || typeof field === "string") return null;
  const unit = at.slice(-field.jump.length);
  if (unit.length < field.jump.length) return null;
  return field.jump.map((jump, axis) => [field.start[axis] + jump * unit[axis], field.end[axis] + jump * unit[axis]]);
}

/**
 * The units of a layer of such a size that see a cell, first and last of each axis; null where there are none.
 * @param {Seen} field @param {number[]} cell @param {number[]} size @returns {number[][]|null}
 */
export function unitsSeeing(field, cell, size) {
  if (!field || typeof field === "string") return null;
  const box = field.jump.map((jump, axis) => [
    Math.max(0, Math.ceil((cell[axis] - field.end[axis]) / jump)),
    Math.min(size[axis] - 1, Math.floor((cell[axis] - field.start[axis]) / jump)),
  ]);
  return box.every(([first, last]) => first <= last) ? box : null;
}
