// The network as columns: which layers are shown, folded groups as one, and where each stands. No drawing.

/**
 * What is drawn as one strip: a layer, or a folded group (its path, else "") of them. Lanes count from a column's middle: -0.5, 0.5.
 * @typedef {{group: string, members: number[], rank: number, lane: number, inputs: Vertex[]}} Vertex
 * @typedef {{path: string, depth: number, first: number, last: number}} Bracket columns that an unfolded group reaches over
 */

const MOST_UNFOLDED = 40;

/** Paths of the groups a layer is in, outermost first: names between slashes, which are none of theirs. @param {Layer} layer */
export function pathsOf({ group }) {
  const names = group.map((name) => name.replaceAll("/", "∕"));
  return names.map((_, i) => names.slice(0, i + 1).join("/"));
}

/** Fold innermost groups first, until a network is small enough to be looked at. @param {Layer[]} layers */
export function foldedAtFirst(layers) {
  /** @type {Set<string>} */
  const folded = new Set();
  for (let depth = Math.max(0, ...layers.map(({ group }) => group.length)); depth > 0; depth--) {
    if (new Set(layers.map((layer, i) => shownAs(layer, folded) || i)).size <= MOST_UNFOLDED) break;
    for (const layer of layers) if (layer.group.length >= depth) folded.add(pathsOf(layer)[depth - 1]);
  }
  return folded;
}

/** The outermost folded group of a layer, "" where it is shown itself. @param {Layer} layer @param {Set<string>} folded */
function shownAs(layer, folded) {
  return pathsOf(layer).find((path) => folded.has(path)) ?? "";
}

/** What is drawn, in order of execution, with columns and lanes. @param {Layer[]} layers @param {Set<string>} folded */
export function verticesOf(layers, folded) {
  /** @type {Map<string|number, Vertex>} */
  const vertices = new Map();
  const byLayer = layers.map((layer, i) => {
    const group = shownAs(layer, folded), vertex = vertices.get(group || i) ?? { group, members: [], rank: 0, lane: 0, inputs: [] };
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
  columnsOf(all).forEach(spread);
  return all;
}

/** Lanes of a column: around the middle, in the order of the lanes they come from. @param {Vertex[]} column */
function spread(column) {
  const wished = new Map(column.map((vertex) => [vertex, vertex.inputs.reduce((sum, { lane }) => sum + lane / vertex.inputs.length, 0)]));
  column.sort((a, b) => (wished.get(a) ?? 0) - (wished.get(b) ?? 0));
  column.forEach((vertex, i) => (vertex.lane = i - (column.length - 1) / 2));
}

/** @param {Vertex[]} vertices by rank */
export function columnsOf(vertices) {
  /** @type {Vertex[][]} */
  const columns = [];
  for (const vertex of vertices) (columns[vertex.rank] ??= []).push(vertex);
  return columns;
}

/** @param {Vertex[]} vertices @param {Layer[]} layers @returns {Bracket[]} */
export function bracketsOf(vertices, layers) {
  /** @type {Map<string, Bracket>} */
  const brackets = new Map();
  for (const { group, members, rank } of vertices) {
    const paths = pathsOf(layers[members[0]]);
    paths.slice(0, group ? paths.indexOf(group) : paths.length).forEach((path, depth) => {
      const { first, last } = brackets.get(path) ?? { first: rank, last: rank };
      brackets.set(path, { path, depth, first: Math.min(first, rank), last: Math.max(last, rank) });
    });
  }
  return [...brackets.values()];
}
