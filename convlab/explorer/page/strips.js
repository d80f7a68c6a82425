// The strip of a layer, or of a folded group, as a button with its words; and what is told of it.

import { make, makeButton } from "./elements.js";
import { pathsOf } from "./graph.js";
import { emptyText, timeText, writtenCount, writtenShape } from "./words.js";

/** @typedef {import("./graph.js").Vertex} Vertex */

/** The last name of a group's path. @param {string} path */
export function groupName(path) {
  return path.split("/").at(-1) ?? path;
}

/** @param {Layer[]} layers @param {Vertex} vertex */
function fullName(layers, { group, members }) {
  return group ? groupName(group) : layers[members[0]].name;
}

/** A name without what its bracket says already: "conv1" of "block1_conv1" in "block1". @param {Layer[]} layers @param {Vertex} vertex */
export function shortName(layers, vertex) {
  const layer = layers[vertex.members[0]], full = fullName(layers, vertex);
  const outer = vertex.group ? layer.group.slice(0, pathsOf(layer).indexOf(vertex.group)) : layer.group;
  const beginnings = [outer.join("/"), outer.at(-1) ?? ""].filter(Boolean);
  const said = beginnings.find((beginning) => full.startsWith(beginning) && full.length > beginning.length + 1);
  return said ? full.slice(said.length).replace(/^[_/.-]/, "") : full;
}

/** "112²×64" @param {number[]} shape */
export function shortShape(shape) {
  const [height, width, ...rest] = shape;
  return (shape.length === 3 && height === width ? [`${height}²`, ...rest] : shape).join("×");
}

/** The layer whose maps a strip shows: a group's last. @param {Layer[]} layers @param {Vertex} vertex */
export function shownLayer(layers, { members }) {
  return layers[members[members.length - 1]];
}

/**
 * @param {Layer[]} layers @param {Vertex} vertex
 * @param {import("./layout.js").Spot} spot @param {() => void} open
 */
export function makeStrip(layers, vertex, { left, top, width, maps }, open) {
  const { name, kind, says, shape, nonfinite } = shownLayer(layers, vertex), missing = nonfinite ? `${nonfinite.toLocaleString("en")} NaN/inf` : "";
  const frame = make("span", "maps");
  frame.style.height = `${maps}px`;
  const title = fullName(layers, vertex), words = [make("span", "name", [shortName(layers, vertex)]), make("span", missing ? "shape off" : "shape", [missing || shortShape(shape)])];
  const label = vertex.group ? `${title}, ${vertex.members.length} layers, unfold` : [name, kind, writtenShape(shape), missing].filter(Boolean).join(", ");
  const attributes = { tabindex: "-1", title, "aria-label": label, "aria-description": vertex.group ? "" : says };
  const strip = makeButton(vertex.group ? "strip folded" : "strip", [frame, ...words, figuresOf(layers, vertex)], open, attributes);
  Object.assign(strip.style, { left: `${left}px`, top: `${top}px`, width: `${width}px` });
  return strip;
}

/** Time, and the share of zeros as a bar. @param {Layer[]} layers @param {Vertex} vertex */
function figuresOf(layers, { group, members }) {
  const seconds = members.reduce((sum, i) => sum + (layers[i].seconds ?? 0), 0), { zeros } = layers[members[0]];
  const lines = [];
  if (group) lines.push(`${members.length} layers`, make("br"));
  else if (zeros !== undefined) {
    const bar = make("span", "zeros");
    bar.style.setProperty("--share", `${100 * zeros}%`);
    lines.push(bar, `${Math.round(100 * zeros)} % zeros`, make("br"));
  }
  return make("span", "figures-of", [...lines, timeText(seconds || null)]);
}

/** What is told of a strip: name, kind, what it does, figures. @param {Layer[]} layers @param {Vertex} vertex @returns {[string, string, string, string]} */
export function toldOf(layers, vertex) {
  if (vertex.group) return toldOfGroup(layers, vertex);
  const { name, kind, shape, says, formula, weights, multiply_adds, dead, nonfinite } = layers[vertex.members[0]];
  const figures = [weights && `${writtenCount(weights)} weights`, multiply_adds && `${writtenCount(multiply_adds)} multiply-adds`,
    dead && `${dead} dead channels`, nonfinite && `${nonfinite.toLocaleString("en")} numbers not finite`].filter(Boolean).join(", ");
  return [name, `${kind}, ${writtenShape(shape)}`, says, [formula, figures].filter(Boolean).join("\n")];
}

/** @param {Layer[]} layers @param {Vertex} vertex @returns {[string, string, string, string]} */
function toldOfGroup(layers, { group, members }) {
  const names = members.map((i) => layers[i].name);
  const listed = names.length > 6 ? [...names.slice(0, 3), "...", ...names.slice(-2)] : names;
  const weights = members.reduce((sum, i) => sum + layers[i].weights, 0);
  return [groupName(group), `${names.length} layers, folded`, listed.join(", "), `${writtenCount(weights)} weights; click to unfold`];
}

/** @param {Told} told @returns {[string, string, string, string]} */
export function toldOfAll(told) {
  const sum = (/** @type {"weights"|"multiply_adds"} */ what) => writtenCount(told.layers.reduce((total, layer) => total + layer[what], 0));
  const hint = told.generation ? "Point at a layer to read what it does; click it to see all of its channels." : emptyText(told);
  return [told.title, `${told.layers.length} layers`, hint, `${sum("weights")} weights, ${sum("multiply_adds")} multiply-adds`];
}
