// Beside the mosaic: what is known of the whole layer, how often which numbers occur, and the kernel of one channel.

import { colouring } from "./colours.js";
import { make } from "./elements.js";
import { topOf, written } from "./numbers.js";
import { paintCells } from "./sheet.js";

const KERNELS_SHOWN = 8;

function makePanel(/** @type {string} */ name, /** @type {string} */ title, /** @type {(Node|string)[]} */ children) {
  return make("section", `${name} panel`, [make("h3", "", [title]), ...children]);
}

export function statisticsPanel(/** @type {Layer} */ { statistics }) {
  return makePanel("statistics", "The layer's numbers", [
    make("dl", "", statistics.flatMap(([name, value]) => [make("dt", "", [name]), make("dd", "", [value])]))]);
}

/** How often which numbers occur, and under it the colours they have. @param {Layer} layer @param {Values} values @param {string} told which scale it is */
export function histogramPanel({ histogram, bars }, values, told) {
  const [first = 0, ...edges] = histogram?.edges ?? [], last = edges.at(-1) ?? first, pixelOf = values.colouring(0, { scale: "layer" });
  const columns = bars.map(([height, title]) => {
    const bar = make("i", "", [], { title });
    bar.style.height = `${height}%`;
    return bar;
  });
  const colours = paintCells({ height: 1, width: 256 }, (_, x) => pixelOf(first + ((x + 0.5) / 256) * (last - first)), make("canvas", "colour-bar"));
  return makePanel("histogram", "How often (logarithmic)", [
    make("div", "bars", columns, { role: "img", "aria-label": `Histogram from ${written(first)} to ${written(last)}` }), colours,
    make("div", "ends", [make("span", "", [written(first)]), make("span", "", [written(last)])]), make("p", "note", [told]),
  ]);
}

/** The kernel that an explanation holds, a tile for each channel of the layer before. @param {Explanation} why @param {string} source that layer's name */
export function kernelPanel(why, source) {
  const { kernel, kept, order, sums } = why;
  if (!kernel || !why.trained || kernel.length * kernel[0].length === 1) return [];
  const held = order.filter((place) => kept.includes(place)).slice(0, KERNELS_SHOWN);
  const size = { height: kernel.length, width: kernel[0].length }, top = topOf(kernel.flat(2)), pixelOf = colouring({ signed: true, top });
  const tiles = held.map((place) => {
    const k = kept.indexOf(place), slice = why.slices ? `, slice ${why.slices[Math.floor(place / why.channels.length)]}` : "";
    return make("figure", "", [paintCells(size, (y, x) => pixelOf(kernel[y][x][k])), make("figcaption", "", [why.channels[place % why.channels.length] + slice])]);
  });
  const shown = `${held.length < sums.length ? `${held.length} of ${sums.length}: ` : ""}what adds most to its largest number first`;
  const note = make("p", "note", [`${shown}; blue is negative, to ±${written(top)}`]);
  return [makePanel("kernel", `Its kernel for channels of ${source}`, [make("div", "tiles", tiles), note])];
}
