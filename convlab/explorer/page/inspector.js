// Beside the mosaic: what is known of the whole layer, how often which numbers occur, and the kernel of one channel.

import { pixelOf } from "./colours.js";
import { drawPixels, make } from "./elements.js";
import { timeText, written, writtenCount } from "./words.js";

const KERNELS_SHOWN = 8;

/** @param {string} name @param {string} title @param {(Node|string)[]} children */
export function makePanel(name, title, children) {
  return make("section", `${name} panel`, [make("h3", "", [title]), ...children]);
}

/** @param {Layer} layer */
export function statisticsPanel(layer) {
  const rows = [
    ["smallest", written(layer.min ?? "")], ["largest", written(layer.max ?? "")],
    ["mean", written(layer.mean ?? "")], ["deviation", written(layer.std ?? "")],
    ["zeros", `${(100 * (layer.zeros ?? 0)).toFixed(1)} %`],
    ["dead channels", layer.shape.length > 1 ? `${layer.dead ?? 0} of ${layer.shape.at(-1)}` : ""],
    ["not finite", layer.nonfinite ? layer.nonfinite.toLocaleString("en") : ""],
    ["weights", layer.weights ? writtenCount(layer.weights) : ""],
    ["multiply-adds", layer.multiply_adds ? writtenCount(layer.multiply_adds) : ""],
    ["time", timeText(layer.seconds)],
  ];
  const list = rows.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", "", [name]), make("dd", "", [value])]);
  return makePanel("statistics", "The layer's numbers", [make("dl", "", list)]);
}

/** How often which numbers occur, and under it the colours they have. @param {Layer} layer @param {Scale} scale @param {string} told which scale it is */
export function histogramPanel({ histogram }, scale, told) {
  const { edges, counts } = histogram ?? { edges: [0, 1], counts: [0] };
  const most = Math.log1p(Math.max(...counts, 1)), [first, last] = [edges[0], edges[edges.length - 1]];
  const bars = counts.map((count, i) => {
    const bar = make("i", "", [], { title: `${count.toLocaleString("en")} from ${written(edges[i])} to ${written(edges[i + 1])}` });
    bar.style.height = `${(100 * Math.log1p(count)) / most}%`;
    return bar;
  });
  const colours = Uint32Array.from({ length: 256 }, (_, i) => pixelOf(first + ((i + 0.5) / 256) * (last - first), scale));
  return makePanel("histogram", "How often (logarithmic)", [
    make("div", "bars", bars, { role: "img", "aria-label": `Histogram from ${written(first)} to ${written(last)}` }),
    drawPixels(make("canvas", "colour-bar", [], { "aria-hidden": "true" }), colours, 256),
    make("div", "ends", [make("span", "", [written(first)]), make("span", "", [written(last)])]),
    make("p", "note", [told]),
  ]);
}

/** The kernel that an explanation holds, a tile for each channel of the layer before. @param {Explanation} why @param {string} source that layer's name */
export function kernelPanel(why, source) {
  const { kernel, kept, order, sums } = why;
  if (!kernel || !why.trained || kernel.length * kernel[0].length === 1) return [];
  const held = order.filter((place) => kept.includes(place)).slice(0, KERNELS_SHOWN);
  const top = Math.max(...kernel.flat(2).map(Math.abs)), width = kernel[0].length;
  const tiles = held.map((place) => {
    const cells = kernel.flat().map((cell) => pixelOf(cell[kept.indexOf(place)], { signed: true, top, asinh: false }));
    const slice = why.slices ? `, slice ${why.slices[Math.floor(place / why.channels.length)]}` : "";
    const caption = make("figcaption", "", [channelAt(why, place) + slice]);
    return make("figure", "", [drawPixels(make("canvas"), Uint32Array.from(cells), width), caption]);
  });
  const shown = `${held.length < sums.length ? `${held.length} of ${sums.length}: ` : ""}what adds most to its largest number first`;
  return [makePanel("kernel", `Its kernel for channels of ${source}`, [
    make("div", "tiles", tiles), make("p", "note", [`${shown}; blue is negative, to ±${written(top)}`]),
  ])];
}

/** The channel of the source that a place of the patch's third axis is of. @param {Explanation} why @param {number} place */
export function channelAt({ channels }, place) {
  return channels[place % channels.length];
}
