// Pixels of the network's drawing: how wide strips are, where columns and lanes stand. No drawing.

import { columnsOf } from "./graph.js";

const LABEL_LINES = 86, FEWER_LINES = 42, MANY_LANES = 3, COLUMN_GAP = 22, SMALLEST_SIDE = 50, LARGEST_SIDE = 132;
const MARGIN_X = 28, MARGIN_TOP = 30, MARGIN_BOTTOM = 14, BRACKET = 24, LEAST_MAPS = 70, LANE_GAP = 18;

/** @typedef {import("./graph.js").Vertex} Vertex */
/** @typedef {ReturnType<typeof layout>} Layout */

/**
 * @param {Vertex[]} vertices @param {number} width of the view @param {number} height of the view
 * @param {number} brackets rows of brackets above
 * @param {{text: number, em: number}} type width of the longest words at 15 pixels, and how much larger letters are
 */
export function layout(vertices, width, height, brackets, { text, em }) {
  const columns = columnsOf(vertices);
  const lanes = Math.max(...columns.map((column) => column.length));
  const isDense = lanes >= MANY_LANES, labels = (isDense ? FEWER_LINES : LABEL_LINES) * em;
  const room = (width - 2 * MARGIN_X) / columns.length;
  const side = Math.min(LARGEST_SIDE * em, Math.max(SMALLEST_SIDE, Math.floor(room) - COLUMN_GAP));
  const pitch = Math.max(side + COLUMN_GAP, Math.min(100 * em, text * em));
  const above = MARGIN_TOP + brackets * BRACKET;
  const maps = Math.max(LEAST_MAPS, Math.floor((height - above - MARGIN_BOTTOM) / lanes) - labels - LANE_GAP * (lanes > 1 ? 1 : 0));
  const lane = maps + labels + LANE_GAP;
  const middle = above + (lanes * lane - LANE_GAP) / 2;
  const content = columns.length * pitch;
  const left = Math.max(MARGIN_X, (width - content) / 2);
  return {
    side,
    isDense,
    width: Math.max(content + left + MARGIN_X, 0),
    height: above + lanes * lane - LANE_GAP + MARGIN_BOTTOM,
    /** @param {Vertex} vertex */
    at: (vertex) => ({
      left: left + vertex.rank * pitch,
      top: middle + vertex.lane * lane - (maps + labels) / 2,
      width: pitch,
      side,
      maps,
      height: maps + labels,
    }),
    /** @param {number} first @param {number} last @param {number} depth */
    bracket: (first, last, depth) => ({
      left: `${left + first * pitch + 6}px`,
      width: `${(last - first + 1) * pitch - 12}px`,
      top: `${8 + depth * BRACKET}px`,
    }),
  };
}
