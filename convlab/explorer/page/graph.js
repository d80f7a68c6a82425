// The network as columns: which layers are shown, folded groups as one, and where each stands. No drawing.


/**
 * What is drawn as one strip: a layer, or a folded group of them.
 * @typedef {object} Vertex
 * @property {string} group its path where it is a folded group, else ""
 * @property {number[]} members indices of layers
 * @property {number} rank its column
 * @property {number} lane its place in the column, counted from the middle: 0, or -0.5 and 0.5, ...
 * @property {Vertex[]} inputs
 */

const MOST_UNFOLDED = 40;

/** The path of a group: names, outermost first. @param {string[]} names */
export function pathOf(names) {
  return names.map((name) => name.replaceAll("/", "∕")).join("/");
}

/** Paths of all groups a layer is in, outermost first. @param {Layer} layer */
export function pathsOf(layer) {
  return layer.group.map((_, i) => pathOf(layer.group.slice(0, i + 1)));
}

/**
 * Fold innermost groups first, until a network is small enough to be looked at.
 * @param {Layer[]} layers @returns {Set<string>}
 */
export function foldedAtFirst(layers) {
  /** @type {Set<string>} */
  const folded = new Set();
  const deepest = Math.max(0, ...layers.map((layer) => layer.group.length));
  for (let depth = deepest; depth > 0 && countShown(layers, folded) > MOST_UNFOLDED; depth--) {
    for (const layer of layers) if (layer.group.length >= depth) folded.add(pathOf(layer.group.slice(0, depth)));
  }
  return folded;
}

/** @param {Layer[]} layers @param {Set<string>} folded */
function countShown(layers, folded) {
  return new Set(layers.map((layer, i) => shownAs(layer, folded) || i)).size;
}

/** The outermost folded group of a layer, "" where it is shown itself. @param {Layer} layer @param {Set<string>} folded */
export function shownAs(layer, folded) {
  return pathsOf(layer).find((path) => folded.has(path)) ?? "";
}

/**
 * Return what is drawn, in order of execution, with columns and lanes.
 * @param {Layer[]} layers @param {Set<string>} folded @returns {Vertex[]}
 */
export function verticesOf(layers, folded) {
  /** @type {Map<string|number, Vertex>} */
  const vertices = new Map();
  const byLayer = layers.map((layer, i) => {
    const group = shownAs(layer, folded);
    const vertex = vertices.get(group || i) ?? { group, members: [], rank: 0, lane: 0, inputs: [] };
    vertices.set(group || i, vertex);
    vertex.members.push(i);
    return vertex;
  });
  layers.forEach((layer, i) => {
    for (const input of layer.inputs) {
      const [from, to] = [byLayer[input], byLayer[i]];
      if (from !== to && !to.inputs.includes(from)) to.inputs.push(from);
    }
  });
  const all = [...vertices.values()];
  rankAll(all);
  spreadAll(all);
  return all;
}

/** A column behind all that it takes, as far as these were seen before it (folding may make circles). @param {Vertex[]} vertices */
function rankAll(vertices) {
  const seen = new Set();
  for (const vertex of vertices) {
    vertex.rank = Math.max(0, ...vertex.inputs.filter((input) => seen.has(input)).map((input) => input.rank + 1));
    seen.add(vertex);
  }
}

/** Lanes within each column: around the middle, in the order of the lanes they come from. @param {Vertex[]} vertices */
function spreadAll(vertices) {
  for (const column of columnsOf(vertices)) {
    const wished = new Map(column.map((vertex) => [vertex, mean(vertex.inputs.map((input) => input.lane))]));
    column.sort((a, b) => (wished.get(a) ?? 0) - (wished.get(b) ?? 0));
    column.forEach((vertex, i) => (vertex.lane = i - (column.length - 1) / 2));
  }
}

/** @param {Vertex[]} vertices @returns {Vertex[][]} by rank */
export function columnsOf(vertices) {
  /** @type {Vertex[][]} */
  const columns = [];
  for (const vertex of vertices) (columns[vertex.rank] ??= []).push(vertex);
  return columns;
}

/** @param {number[]} numbers */
function mean(numbers) {
  return numbers.length ? numbers.reduce((sum, one) => sum + one, 0) / numbers.length : 0;
}

/** Unfolded groups with the columns they reach over, for the brackets above them. @param {Vertex[]} vertices @param {Layer[]} layers */
export function bracketsOf(vertices, layers) {
  /** @type {Map<string, {path: string, depth: number, first: number, last: number}>} */
  const brackets = new Map();
  for (const { group, members, rank } of vertices) {
    const paths = pathsOf(layers[members[0]]);
    const open = group ? paths.slice(0, paths.indexOf(group)) : paths;
    open.forEach((path, depth) => {
      const bracket = brackets.get(path) ?? { path, depth, first: rank, last: rank };
      brackets.set(path, { ...bracket, first: Math.min(bracket.first, rank), last: Math.max(bracket.last, rank) });
    });
  }
  return [...brackets.values()];
}
