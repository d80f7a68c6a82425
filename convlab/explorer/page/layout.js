// Pixels of the network's drawing: how wide strips are, where columns and lanes stand, and the lines between them.

import { columnsOf } from "./graph.js";

const LABEL_LINES = 86, FEWER_LINES = 42, MANY_LANES = 3, COLUMN_GAP = 22, SMALLEST_SIDE = 50, LARGEST_SIDE = 132;
const MARGIN_X = 28, MARGIN_TOP = 30, MARGIN_BOTTOM = 14, BRACKET = 24, LEAST_MAPS = 70, LANE_GAP = 18, TURN = 12;

/** @typedef {import("./graph.js").Vertex} Vertex */
/** @typedef {{left: number, top: number, width: number, height: number, side: number, maps: number}} Spot of a strip; maps: height of what is above its words */
/** @typedef {ReturnType<typeof layout>} Layout */

/**
 * @param {Vertex[]} vertices @param {number} width of the view @param {number} height of the view @param {number} brackets rows of them above
 * @param {{text: number, em: number}} type width of the longest words at 15 pixels, and how much larger letters are
 */
export function layout(vertices, width, height, brackets, { text, em }) {
  const columns = columnsOf(vertices), lanes = Math.max(...columns.map((column) => column.length));
  const isDense = lanes >= MANY_LANES, labels = (isDense ? FEWER_LINES : LABEL_LINES) * em;
  const side = Math.min(LARGEST_SIDE * em, Math.max(SMALLEST_SIDE, Math.floor((width - 2 * MARGIN_X) / columns.length) - COLUMN_GAP));
  const pitch = Math.max(side + COLUMN_GAP, Math.min(100, text) * em), content = columns.length * pitch;
  const above = MARGIN_TOP + brackets * BRACKET;
  const maps = Math.max(LEAST_MAPS, Math.floor((height - above - MARGIN_BOTTOM) / lanes) - labels - (lanes > 1 ? LANE_GAP : 0));
  const lane = maps + labels + LANE_GAP, middle = above + (lanes * lane - LANE_GAP) / 2;
  const left = Math.max(MARGIN_X, (width - content) / 2);
  return {
    isDense,
    width: content + left + MARGIN_X,
    height: above + lanes * lane - LANE_GAP + MARGIN_BOTTOM,
    /** @param {Vertex} vertex @returns {Spot} */
    at: ({ rank, lane: at }) => ({
      left: left + rank * pitch, top: middle + at * lane - (maps + labels) / 2, width: pitch, height: maps + labels, side, maps,
    }),
    /** @param {import("./graph.js").Bracket} bracket as a style */
    bracket: ({ first, last, depth }) => ({
      left: `${left + first * pitch + 6}px`, width: `${(last - first + 1) * pitch - 12}px`, top: `${8 + depth * BRACKET}px`,
    }),
  };
}

/**
 * The line between two strips: straight, or in a curve to another lane; around the strips between, where some are in its way.
 * @param {Layout} places @param {Vertex} from @param {Vertex} to @param {Vertex[]} vertices
 */
export function lineBetween(places, from, to, vertices) {
  const [a, b] = [places.at(from), places.at(to)], inset = (a.width - a.side) / 2;
  const [x1, y1, x2, y2] = [a.left + a.width - inset, a.top + a.maps / 2, b.left + inset, b.top + b.maps / 2];
  const [first, last] = [Math.min(from.lane, to.lane) - 0.75, Math.max(from.lane, to.lane) + 0.75];
  const between = vertices.filter(({ rank }) => rank > from.rank && rank < to.rank);
  if (!between.some(({ lane }) => lane > first && lane < last)) return `M${x1} ${y1} C${x1 + TURN} ${y1} ${x2 - TURN} ${y2} ${x2} ${y2}`;
  const spots = between.map((vertex) => places.at(vertex)), apart = Math.min(14, 2 * (to.rank - from.rank));
  const above = Math.min(...spots.map(({ top }) => top)) - 4 - apart;
  const below = Math.max(...spots.map(({ top, height }) => top + height)) + apart / 2;
  const y = y1 + y2 <= above + below ? above : below;
  const [up, down] = [`C${x1 + TURN} ${y1} ${x1 + TURN} ${y} ${x1 + 2 * TURN} ${y}`, `C${x2 - TURN} ${y} ${x2 - TURN} ${y2} ${x2} ${y2}`];
  return `M${x1} ${y1} ${up} L${x2 - 2 * TURN} ${y} ${down}`;
}
