// The cone of a number: which cells of each layer before it it sees, and which of each layer after it it reaches.

import { sidesOf } from "./address.js";
import { make } from "./elements.js";
import { unitsSeeing } from "./fields.js";

const MOST_LAYERS = 24, NAMED = 14, MINIATURE = 46; // layers of the ribbon, with their names; pixels of one

/**
 * First and last cell along slices, rows and columns; null where no one rule gives them.
 * @typedef {[number, number][]} Region
 */

/** @param {Layer} layer @returns {number[]} slices, rows, columns */
function sizesOf(layer) {
  const { depth, height, width } = sidesOf(layer.shape);
  return [depth, height, width];
}

/** @param {Layer} layer @returns {Region} */
function wholeOf(layer) {
  return sizesOf(layer).map((size) => [0, size - 1]);
}

/**
 * What a region of a layer sees of each layer before it.
 * @param {Layer[]} layers @param {number} index @param {Region} region
 * @returns {Map<number, Region|null>}
 */
export function seenBy(layers, index, region) {
  /** @type {Map<number, Region|null>} */
  const seen = new Map([[index, region]]);
  for (let i = index; i > 0; i--) {
    const at = seen.get(i);
    if (at === undefined) continue;
    for (const source of layers[i].inputs) join(seen, source, at && seenOf(layers, i, source, at));
  }
  return seen;
}

/** @param {Layer[]} layers @param {number} index @param {number} source @param {Region} region @returns {Region|null} */
function seenOf(layers, index, source, region) {
  const step = stepOf(layers, index, source), whole = wholeOf(layers[source]);
  if (step === "all" || step === null) return step && whole;
  return whole.map(([, last], axis) => {
    const i = axis - (3 - step.start.length);
    if (i < 0) return [0, last];
    const [from, to] = region[axis];
    return [Math.max(0, step.start[i] + step.jump[i] * from), Math.min(last, step.end[i] + step.jump[i] * to)];
  });
}

/**
 * What a region of a layer reaches in each layer after it.
 * @param {Layer[]} layers @param {number} index @param {Region} region
 * @returns {Map<number, Region|null>}
 */
export function reachedBy(layers, index, region) {
  /** @type {Map<number, Region|null>} */
  const reached = new Map([[index, region]]);
  for (let i = index + 1; i < layers.length; i++) {
    for (const source of layers[i].inputs) {
      const at = reached.get(source);
      if (at === undefined) continue;
      const there = at && reachedIn(layers, i, source, at);
      if (there === null || there.every(([first, last]) => first <= last)) join(reached, i, there);
    }
  }
  return reached;
}

/** @param {Layer[]} layers @param {number} index @param {number} source @param {Region} region @returns {Region|null} */
function reachedIn(layers, index, source, region) {
  const step = stepOf(layers, index, source), sizes = sizesOf(layers[index]);
  if (step === "all" || step === null) return step && wholeOf(layers[index]);
  return sizes.map((size, axis) => {
    const i = axis - (3 - step.start.length);
    if (i < 0) return [0, size - 1];
    const [first, last] = region[axis];
    const field = { start: [step.start[i] - (last - first)], end: [step.end[i]], jump: [step.jump[i]] };
    const [units] = unitsSeeing(field, [first], [size]) ?? [[1, 0]];
    return [units[0], units[1]];
  });
}

/** The rule by which a layer sees one of its inputs, null where there is none. @param {Layer[]} layers @param {number} index @param {number} source */
function stepOf(layers, index, source) {
  const { step, inputs } = layers[index];
  const alike = String(layers[source].shape.slice(0, -1)) === String(layers[inputs[0]].shape.slice(0, -1));
  return step === "varies" || step === null || !alike ? null : step;
}

/** @param {Map<number, Region|null>} regions @param {number} index @param {Region|null} region */
function join(regions, index, region) {
  const old = regions.get(index);
  if (old === null || (old && region === null)) regions.set(index, null);
  else regions.set(index, old && region ? old.map(([a, b], i) => [Math.min(a, region[i][0]), Math.max(b, region[i][1])]) : region);
}

/** A region in words. @param {Layer} layer @param {Region|null} region */
export function regionText(layer, region) {
  if (!region) return "some of it: no one rule says which";
  const sizes = sizesOf(layer);
  if (sizes.every((size) => size === 1)) return "all of it";
  return ["slice", "row", "column"].map((name, i) => (sizes[i] === 1 ? "" : spanText(name, region[i]))).filter(Boolean).join(", ");
}

/** @param {string} name @param {[number, number]} span */
function spanText(name, [first, last]) {
  if (first > last) return `no ${name} but padding`;
  return first === last ? `${name} ${first}` : `${name}s ${first} to ${last}`;
}

/**
 * The ribbon: a miniature of every layer that has to do with the number, in it what it sees, or reaches.
 * @param {Layer[]} layers @param {number} index @param {number[]} at [z,] y, x
 * @param {(layer: number) => void} go
 */
export function coneRibbon(layers, index, at, go) {
  const region = /** @type {Region} */ ([0, ...at].slice(-3).map((cell) => [cell, cell]));
  const behind = seenBy(layers, index, region), ahead = reachedBy(layers, index, region);
  const all = [...new Set([...behind.keys(), ...ahead.keys()])].sort((a, b) => a - b);
  const here = all.indexOf(index), first = Math.max(0, Math.min(here - MOST_LAYERS / 2, all.length - MOST_LAYERS));
  const shown = all.slice(first, first + MOST_LAYERS);
  const parts = shown.map((i) => miniature(layers, i, (i <= index ? behind : ahead).get(i) ?? null, i - index, () => go(i)));
  return make("nav", shown.length > NAMED ? "cone crowded" : "cone", [
    ...(first ? [make("span", "more", [`${first} more …`])] : []), ...parts,
    ...(first + shown.length < all.length ? [make("span", "more", [`… ${all.length - first - shown.length} more`])] : []),
  ], { "aria-label": "what it sees of the layers before, and reaches of those after" });
}

/** @param {Layer[]} layers @param {number} index @param {Region|null} region @param {number} side before, here, after @param {() => void} act */
function miniature(layers, index, region, side, act) {
  const layer = layers[index], [, height, width] = sizesOf(layer), longer = Math.max(height, width);
  const whole = make("span", region ? "whole" : "whole unknown");
  whole.style.width = `${Math.max(10, (MINIATURE * width) / longer) * (longer === 1 ? 0.25 : 1)}px`;
  whole.style.height = `${Math.max(10, (MINIATURE * height) / longer) * (longer === 1 ? 0.25 : 1)}px`;
  if (region && region.every(([first, last]) => first <= last)) whole.append(marked(region, height, width));
  const verb = side < 0 ? "it sees" : side > 0 ? "it reaches" : "here:";
  const text = `${layer.name}: ${verb} ${regionText(layer, region)}`;
  const button = make("button", side < 0 ? "mini before" : side > 0 ? "mini after" : "mini here", [
    make("span", "frame", [whole]), make("small", "", [layer.name]),
  ], { type: "button", title: text, "aria-label": text });
  button.addEventListener("click", act);
  return button;
}

/** @param {Region} region @param {number} height @param {number} width */
function marked([, [top, bottom], [left, right]], height, width) {
  const mark = make("span", "region");
  mark.style.top = `${(100 * top) / height}%`;
  mark.style.left = `${(100 * left) / width}%`;
  mark.style.height = `${(100 * (bottom - top + 1)) / height}%`;
  mark.style.width = `${(100 * (right - left + 1)) / width}%`;
  return mark;
}
