// The cone of a number: which cells of each layer before it it sees, and which of each layer after it it reaches.

import { layOver, make, makeButton } from "./elements.js";
import { boxSeen, sizesOf, unitsSeeing } from "./geometry.js";
import { boxText } from "./numbers.js";

const MOST_LAYERS = 24, NAMED = 14, MINIATURE = 46; // layers of the ribbon, with their names; pixels of one

/** What a number has to do with the layers before and after it. @param {Layer[]} layers @param {number} index @param {number[]} at @returns {Map<number, Region>} */
function coneOf(layers, index, at) {
  const cone = new Map([[index, /** @type {Region} */ ([0, ...at].slice(-3).map((cell) => [cell, cell]))]]);
  for (let i = index; i > 0; i--) {
    for (const source of cone.has(i) ? layers[i].inputs : []) join(cone, source, across(layers, i, source, cone.get(i), false));
  }
  for (let i = index + 1; i < layers.length; i++) {
    for (const source of layers[i].inputs) if (source >= index && cone.has(source)) join(cone, i, across(layers, i, source, cone.get(source), true));
  }
  return cone;
}

/** What of a source a region of the layer sees, or forwards, what of the layer a region of the source reaches; undefined for nothing.
 *  @param {Layer[]} layers @param {number} index @param {number} source @param {Region|undefined} region @param {boolean} forwards @returns {Region|undefined} */
function across(layers, index, source, region, forwards) {
  const { step, inputs } = layers[index], sizes = sizesOf(layers[forwards ? index : source]), whole = sizes.map((size) => [0, size - 1]);
  const alike = String(sizesOf(layers[source])) === String(sizesOf(layers[inputs[0]]));
  if (!region || !step || step === "varies" || !alike) return null;
  if (step === "all") return whole;
  const sides = step.jump.length, [firsts, lasts] = [0, 1].map((end) => region.map((side) => side[end]).slice(-sides));
  const wider = { ...step, start: step.start.map((start, i) => start - lasts[i] + firsts[i]) }; // sees the first if it sees any
  const [low, high] = [boxSeen(step, firsts) ?? [], boxSeen(step, lasts) ?? []], ends = sizes.slice(-sides);
  const found = forwards ? unitsSeeing(wider, firsts, ends) : low.map(([first], i) => [Math.max(0, first), Math.min(ends[i] - 1, high[i][1])]);
  return found ? [...whole.slice(0, 3 - sides), ...found] : undefined;
}

function join(/** @type {Map<number, Region>} */ cone, /** @type {number} */ index, /** @type {Region|undefined} */ region) {
  const old = cone.get(index);
  if (region === undefined) return;
  cone.set(index, old && region ? old.map(([first, last], i) => [Math.min(first, region[i][0]), Math.max(last, region[i][1])]) : old === null ? null : region);
}

/** A miniature of every layer, in it what the number sees, or reaches. @param {Layer[]} layers @param {number} index @param {number[]} at @param {(layer: number) => void} go */
export function coneRibbon(layers, index, at, go) {
  const cone = coneOf(layers, index, at), all = [...cone.keys()].sort((left, right) => left - right);
  const first = Math.max(0, Math.min(all.indexOf(index) - MOST_LAYERS / 2, all.length - MOST_LAYERS)), shown = all.slice(first, first + MOST_LAYERS);
  const names = shown.length > NAMED ? "cone crowded" : "cone";
  return make("nav", names, shown.map((i) => miniature(layers[i], cone.get(i) ?? null, Math.sign(i - index), () => go(i))), { "aria-label": "what it sees and reaches" });
}

/** @param {Layer} layer @param {Region} region @param {number} side before, here, after: -1, 0, 1 @param {() => void} act */
function miniature(layer, region, side, act) {
  const sizes = sizesOf(layer), [, height, width] = sizes, longer = Math.max(height, width), pixels = longer === 1 ? 10 : MINIATURE;
  const whole = make("span", region ? "whole" : "whole unknown");
  [whole.style.width, whole.style.height] = [width, height].map((cells) => `${Math.max(10, (pixels * cells) / longer)}px`);
  if (region?.every(([first, last]) => first <= last)) whole.append(layOver(make("span", "region"), region.slice(1), { height, width }));
  const spatial = region?.filter((_side, i) => sizes[i] > 1 || i === 2) ?? [], one = longer === 1 && sizes[0] === 1;
  const place = !region ? "some of it: no one rule says which" : one ? "all of it" : boxText(spatial);
  const text = `${layer.name}: ${["it sees", "here:", "it reaches"][side + 1]} ${place}`;
  const button = makeButton(`mini ${["before", "here", "after"][side + 1]}`, "", act, { title: text, "aria-label": text });
  button.append(make("span", "frame", [whole]), make("small", "", [layer.name]));
  return button;
}
