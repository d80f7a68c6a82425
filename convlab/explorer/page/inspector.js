// Beside the mosaic: the number that is looked at, its channel's kernel, and what is known of the whole layer.

import { cssColour } from "./colours.js";
import { make } from "./elements.js";
import { pencil } from "./mosaic.js";
import { exactly, timeText, written, writtenCount } from "./words.js";


/** The number under the pointer or the cursor, large. */
export class Reading {
  constructor() {
    this.place = make("p", "reading-place");
    this.value = make("p", "reading-value");
    this.element = make("section", "reading panel", [this.place, this.value]);
  }

  /** @param {string} place @param {string} value */
  show(place, value) {
    this.place.textContent = place;
    this.value.textContent = value;
  }
}

/** A number as it can be said: exact, or about, where the page holds it rounded. @param {Values} values @param {number} channel @param {number[]} at */
export function valueText(values, channel, at) {
  const value = values.valueAt(channel, at);
  return values.exact ? exactly(value) : `≈ ${written(value)}`;
}

/** @param {Layer} layer @returns {HTMLElement} */
export function statisticsPanel(layer) {
  const rows = [["smallest", written(layer.min ?? "")], ["largest", written(layer.max ?? "")], ["mean", written(layer.mean ?? "")], ["deviation", written(layer.std ?? "")]];
  rows.push(["zeros", `${(100 * (layer.zeros ?? 0)).toFixed(1)} %`]);
  if (layer.shape.length > 1) rows.push(["dead channels", `${layer.dead ?? 0} of ${layer.shape.at(-1)}`]);
  if (layer.nonfinite) rows.push(["not finite", layer.nonfinite.toLocaleString("en")]);
  if (layer.weights) rows.push(["weights", writtenCount(layer.weights)]);
  if (layer.multiply_adds) rows.push(["multiply-adds", writtenCount(layer.multiply_adds)]);
  if (layer.seconds) rows.push(["time", timeText(layer.seconds)]);
  const list = rows.flatMap(([name, value]) => [make("dt", "", [name]), make("dd", "", [value])]);
  return make("section", "statistics panel", [make("h3", "", ["The layer's numbers"]), make("dl", "", list)]);
}

/**
 * Draw how often which numbers occur, and under it the colours they have.
 * @param {Layer} layer @param {Scale} scale @param {string} told which scale it is
 */
export function histogramPanel(layer, scale, told) {
  const { edges, counts } = layer.histogram ?? { edges: [0, 1], counts: [0] };
  const most = Math.log1p(Math.max(...counts, 1));
  const bars = counts.map((count, i) => {
    const bar = make("i", "", [], { title: `${count.toLocaleString("en")} from ${written(edges[i])} to ${written(edges[i + 1])}` });
    bar.style.height = `${(100 * Math.log1p(count)) / most}%`;
    return bar;
  });
  const [first, last] = [edges[0], edges[edges.length - 1]];
  const ends = make("div", "ends", [make("span", "", [written(first)]), make("span", "", [written(last)])]);
  return make("section", "histogram panel", [
    make("h3", "", ["How often", make("small", "", [" (heights are logarithms)"])]),
    make("div", "bars", bars, { role: "img", "aria-label": `Histogram from ${written(first)} to ${written(last)}` }),
    colourBar(first, last, scale),
    ends,
    make("p", "note", [told]),
  ]);
}

/** @param {number} first @param {number} last @param {Scale} scale */
function colourBar(first, last, scale) {
  const canvas = make("canvas", "colour-bar", [], { width: "256", height: "1", "aria-hidden": "true" });
  const pen = pencil(canvas);
  for (let i = 0; i < 256; i++) {
    pen.fillStyle = cssColour(first + ((i + 0.5) / 256) * (last - first), scale);
    pen.fillRect(i, 0, 1, 1);
  }
  return canvas;
}
