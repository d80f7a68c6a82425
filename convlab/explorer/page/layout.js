// The network as columns: which layers are shown, folded groups as one; and where strips, brackets and lines stand. No drawing.

const LABEL_LINES = 86, FEWER_LINES = 42, MANY_LANES = 3, COLUMN_GAP = 22, SMALLEST_SIDE = 50, LARGEST_SIDE = 132;
const MARGIN_X = 28, MARGIN_TOP = 30, MARGIN_BOTTOM = 14, BRACKET = 24, LEAST_MAPS = 70, LANE_GAP = 18, TURN = 12;

/** What is drawn, in order of execution, with columns and lanes. @param {Layer[]} layers @param {Set<string>} folded */
export function verticesOf(layers, folded) {
  const vertices = /** @type {Map<string|number, Vertex>} */ (new Map());
  const byLayer = layers.map((layer, i) => {
    const group = layer.group.find((path) => folded.has(path)) ?? "", vertex = vertices.get(group || i) ?? { group, members: [], rank: 0, lane: 0, inputs: [] };
    vertices.set(group || i, vertex);
    vertex.members.push(i);
    return vertex;
  });
  layers.forEach(({ inputs }, i) => {
    const to = byLayer[i];
    for (const from of inputs.map((input) => byLayer[input])) if (from !== to && !to.inputs.includes(from)) to.inputs.push(from);
  });
  const all = [...vertices.values()], seen = new Set();
  for (const vertex of all) {
    // Behind all that it takes, as far as these were seen before it: folding may make circles.
    vertex.rank = Math.max(0, ...vertex.inputs.filter((input) => seen.has(input)).map((input) => input.rank + 1));
    seen.add(vertex);
  }
  for (const column of columnsOf(all)) { // lanes around the middle, in the order of those they come from
    const wished = (/** @type {Vertex} */ { inputs }) => inputs.reduce((sum, { lane }) => sum + lane / inputs.length, 0);
    column.toSorted((a, b) => wished(a) - wished(b)).forEach((vertex, i) => (vertex.lane = i - (column.length - 1) / 2));
  }
  return all;
}

/** @param {Vertex[]} vertices by rank */
export function columnsOf(vertices) {
  const columns = /** @type {Vertex[][]} */ ([]);
  for (const vertex of vertices) (columns[vertex.rank] ??= []).push(vertex);
  return columns;
}

/** The columns that unfolded groups reach over. @param {Vertex[]} vertices @param {Layer[]} layers @returns {Bracket[]} */
export function bracketsOf(vertices, layers) {
  const brackets = /** @type {Map<string, Bracket>} */ (new Map());
  for (const { group, members, rank } of vertices) {
    const paths = layers[members[0]].group;
    paths.slice(0, group ? paths.indexOf(group) : paths.length).forEach((path, depth) => {
      const { first, last } = brackets.get(path) ?? { first: rank, last: rank };
      brackets.set(path, { path, depth, first: Math.min(first, rank), last: Math.max(last, rank) });
    });
  }
  return [...brackets.values()];
}

/** Where strips and brackets stand. @param {Vertex[]} vertices @param {Size} view @param {number} brackets rows of them above
 *  @param {{text: number, em: number}} type width of the longest words at 15 pixels, and how much larger letters are */
export function layout(vertices, { width, height }, brackets, { text, em }) {
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
    /** @param {Bracket} bracket as a style */
    bracket: ({ first, last, depth }) => ({
      left: `${left + first * pitch + 6}px`, width: `${(last - first + 1) * pitch - 12}px`, top: `${8 + depth * BRACKET}px`,
    }),
  };
}

/** The line between two strips: straight, or in a curve to another lane; around the strips between, where some are in its way.
 *  @param {Layout} places @param {Vertex} from @param {Vertex} to @param {Vertex[]} vertices */
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
