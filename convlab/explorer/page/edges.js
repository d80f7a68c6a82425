// Lines between strips: straight to the next column, in a curve to another lane, over the top where one skips columns.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {import("./graph.js").Vertex} Vertex */

/** @param {Vertex[]} vertices @param {import("./layout.js").Layout} places */
export function drawEdges(vertices, places) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "edges");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("width", String(places.width));
  svg.setAttribute("height", String(places.height));
  for (const vertex of vertices) {
    for (const input of vertex.inputs) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", lineOf(places, input, vertex, vertices));
      svg.append(path);
    }
  }
  return svg;
}

/** @param {import("./layout.js").Layout} places @param {Vertex} from @param {Vertex} to @param {Vertex[]} vertices */
function lineOf(places, from, to, vertices) {
  const [a, b] = [places.at(from), places.at(to)];
  const inset = (a.width - a.side) / 2;
  const [x1, y1, x2, y2] = [a.left + a.width - inset, a.top + a.maps / 2, b.left + inset, b.top + b.maps / 2];
  const between = vertices.filter(({ rank }) => rank > from.rank && rank < to.rank);
  const blocked = between.some((one) => crosses(one.lane, from.lane, to.lane));
  if (!blocked) return `M${x1} ${y1} C${x1 + 14} ${y1} ${x2 - 14} ${y2} ${x2} ${y2}`;
  const y = wayAround(places, between, (y1 + y2) / 2, Math.min(14, 2 * (to.rank - from.rank)));
  const turn = 12;
  return `M${x1} ${y1} C${x1 + turn} ${y1} ${x1 + turn} ${y} ${x1 + 2 * turn} ${y} L${x2 - 2 * turn} ${y} C${x2 - turn} ${y} ${x2 - turn} ${y2} ${x2} ${y2}`;
}

/** The height at which a line passes strips: above or below all, whichever is nearer. @param {import("./layout.js").Layout} places @param {Vertex[]} between @param {number} y @param {number} apart */
function wayAround(places, between, y, apart) {
  const spots = between.map((vertex) => places.at(vertex));
  const above = Math.min(...spots.map(({ top }) => top)) - 4 - apart;
  const below = Math.max(...spots.map(({ top, height }) => top + height)) + apart / 2;
  return y - above < below - y + 1 ? above : below;
}

/** Whether a strip stands in the way of a line between two lanes. @param {number} lane @param {number} from @param {number} to */
function crosses(lane, from, to) {
  return lane > Math.min(from, to) - 0.75 && lane < Math.max(from, to) + 0.75;
}
