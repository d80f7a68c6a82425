// The strip of a layer, or of a folded group: a button with its words and maps, the strongest channels one below the other.

import { sidesOf } from "./address.js";
import { make, makeButton } from "./elements.js";
import { strongestFirst } from "./geometry.js";
import { Sheet, onScreen } from "./sheet.js";

const GAP = 4, SCALE = /** @type {const} */ ({ scale: "layer" });

/** @param {Card} card @param {Layer} layer whose maps are shown @param {string} group that is folded, or "" @param {Spot} spot @param {() => void} open */
export function makeStrip(card, { zeros, nonfinite }, group, { left, top, width, maps }, open) {
  const frame = make("span", "maps"), bar = zeros === undefined || group ? [] : [make("span", "zeros")];
  frame.style.height = `${maps}px`;
  for (const one of bar) one.style.setProperty("--share", `${100 * (zeros ?? 0)}%`);
  const words = [make("span", "name", [card.short]), make("span", nonfinite ? "shape off" : "shape", [card.shape]),
    make("span", "figures-of", [...bar, ...card.lines.flatMap((line) => [line, make("br")])])];
  const attributes = { tabindex: "-1", title: card.title, "aria-label": card.spoken, "aria-description": group ? "" : card.says };
  const strip = makeButton(group ? "strip folded" : "strip", [frame, ...words], open, attributes);
  Object.assign(strip.style, { left: `${left}px`, top: `${top}px`, width: `${width}px` });
  return strip;
}

/** How a layer's maps are divided: large ones are drawn larger, but never in proportion; units so many in a row.
 *  @param {Sides} sides @param {number} largest side of any map of the network @param {Spot} spot */
function divided({ channels, height: rows, width: columns }, largest, { side, maps }) {
  if (rows * columns > 1) {
    const long = side * (0.5 + 0.5 * (Math.log(Math.max(rows, columns)) / Math.log(Math.max(largest, 2))));
    const height = Math.max(6, Math.round(long * Math.min(1, rows / columns))), count = Math.floor((maps + GAP) / (height + GAP));
    return { width: Math.round(long * Math.min(1, columns / rows)), height, count: Math.max(1, Math.min(channels, count)), across: 0 };
  }
  const across = channels <= 24 ? 1 : Math.min(side, Math.ceil(Math.sqrt(channels / 8))), down = Math.ceil(channels / across);
  const cell = Math.max(1, Math.floor(Math.min(((across === 1 ? 0.4 : 0.6) * side) / across, maps / down)));
  return { width: across * cell, height: Math.min(maps, down * cell), count: 1, across };
}

/** Draw the maps of a strip. @param {Layer} layer @param {number} largest @param {Spot} spot @param {() => Promise<Values>} ask for the numbers */
export async function mapsOf(layer, largest, spot, ask) {
  const sides = sidesOf(layer.shape), { width, height, count, across } = divided(sides, largest, spot), order = strongestFirst(layer);
  const tall = count * (height + GAP) - GAP, [wide, high, full] = onScreen(width, height, tall), sheet = new Sheet(wide, full);
  const values = layer.strength ? await ask() : null, canvas = make("canvas", values ? "" : "blank", [], { "aria-hidden": "true" });
  const box = (/** @type {number} */ i) => ({ left: 0, top: onScreen(i * (height + GAP))[0], width: wide, height: high });
  if (values && across) sheet.paint(box(0), { height: Math.ceil(sides.channels / across), width: across }, values.unitPixels(order.toSorted((a, b) => a - b), across, SCALE));
  else if (values) for (let i = 0; i < count; i++) sheet.paint(box(i), sides, values.pixels(order[i], SCALE, Math.floor(sides.depth / 2)));
  Object.assign(canvas.style, { width: `${width}px`, height: `${tall}px` });
  return sheet.putOn(canvas);
}
