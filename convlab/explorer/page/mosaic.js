// All channels of a layer on one canvas: what is in view is painted at once into one ImageData and enlarged from there.
// A second canvas over it holds what changes with the pointer: boxes, names, hatches.

import { colourIndex, NOT_FINITE, tableFor } from "./colours.js";
import { drawPixels, make, pencil } from "./elements.js";
import { drawMarks } from "./marks.js";
import { Tiling } from "./tiling.js";

export class Mosaic {
  /** @param {Values} values @param {Settings} settings @param {{order: number[], names?: string[], bare?: boolean}} drawn
   *  channels in the order of drawing, their names; bare: without captions and margins */
  constructor(values, settings, { order, names, bare = false }) {
    this.values = values;
    this.settings = settings;
    this.names = names;
    this.bare = bare;
    this.slice = 0;
    this.tiling = new Tiling(order.length, values.sides, names !== undefined && order.length <= 100);
    if (bare) this.tiling.margin = this.tiling.gap = 0;
    this.order = order;
    this.maps = make("canvas", "maps");
    this.marks = make("canvas", "marks");
    this.atlas = make("canvas");
    this.element = make("div", "mosaic", [this.maps, this.marks]);
    this.painted = "";
    /** @type {Cell|null} */
    this.cursor = null;
    /** @type {number|null} the channel that is enlarged */
    this.chosen = null;
    /** @type {Box|null} cells lit in every tile */
    this.lit = null;
    /** @type {HTMLCanvasElement|null} laid over every tile */
    this.veil = null;
    /** @type {Cell[]} that are ringed */
    this.places = [];
    this.frame = 0;
    this.watcher = new ResizeObserver(() => {
      const { clientWidth, clientHeight } = this.element, { width, height } = this.tiling.view;
      if (clientWidth !== width || clientHeight !== height) this.resize();
    });
    this.watcher.observe(this.element);
  }

  close() {
    this.watcher.disconnect();
    cancelAnimationFrame(this.frame);
    for (const canvas of [this.maps, this.marks, this.atlas]) canvas.width = canvas.height = 0;
  }

  /** @param {number[]} order */
  setOrder(order) {
    this.order = order;
    this.painted = "";
  }

  /** Fit into the element, which may have another size than before. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.element, ratio = devicePixelRatio || 1;
    for (const canvas of [this.maps, this.marks]) {
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
      Object.assign(canvas.style, { width: `${canvas.width / ratio}px`, height: `${canvas.height / ratio}px` });
    }
    this.tiling.caption = this.bare ? 0 : Math.round(1.15 * parseFloat(getComputedStyle(this.element).fontSize));
    this.tiling.fit({ width, height }, ratio);
    if (this.chosen !== null && !this.tiling.isUnits) this.tiling.focus(this.order.indexOf(this.chosen));
    this.drawAll();
  }

  /** Show all tiles, or enlarge one. @param {number|null} channel */
  frameOn(channel) {
    this.chosen = channel;
    this.resize();
  }

  /** @param {number} x @param {number} y @returns {Under} */
  under(x, y) {
    const hit = this.tiling.hit(x, y);
    if (!hit) return null;
    const at = this.values.sides.volume ? [this.slice, hit.y, hit.x] : [hit.y, hit.x];
    return { channel: this.order[hit.tile], at: hit.y < 0 ? null : at };
  }

  /** Where a cell stands, in CSS pixels of the canvas. @param {Cell} cell */
  place({ channel, at }) {
    return this.tiling.boxAt(this.order.indexOf(channel), at.map((cell) => [cell, cell]));
  }

  drawAll() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.drawMaps();
    drawMarks(this, pencil(this.marks));
  }

  /** Draw at the next frame, once. */
  drawSoon() {
    this.frame ||= requestAnimationFrame(() => this.drawAll());
  }

  drawMaps() {
    const pen = pencil(this.maps), { tiling, atlas } = this, view = tiling.inView();
    pen.clearRect(0, 0, this.maps.width, this.maps.height);
    if (!view.rows || !view.columns) return;
    const cut = this.cutOf(view);
    this.paint(view, cut);
    pen.imageSmoothingEnabled = false;
    const [wide, high] = [Math.max(1, tiling.level), tiling.stretch > 1 ? tiling.level * tiling.stretch : Math.max(1, tiling.level)];
    for (const { tile, row, column } of tiling.visible(tiling.isCrowd)) {
      const { left, top } = tiling.tileAt(tile), [across, down] = tiling.isCrowd ? [atlas.width, atlas.height] : [cut.width, cut.height];
      const [x, y] = [Math.round(left * tiling.ratio) + cut.x * wide, Math.round(top * tiling.ratio) + cut.y * high];
      pen.drawImage(atlas, column * cut.width, row * cut.height, across, down, x, y, across * wide, down * high);
    }
  }

  /** What is painted of a tile, in cells or pixels, whichever is larger: all, or of a single tile what is in view. @param {InView} view @returns {Cut} */
  cutOf({ rows, columns, firstRow, firstColumn }) {
    const { tiling } = this, place = tiling.tileAt(firstRow * tiling.columns + firstColumn);
    const range = (/** @type {number} */ at, /** @type {number} */ view, /** @type {number} */ count, /** @type {number} */ stretch) => {
      const all = stretch > 1 ? 1 : Math.max(1, Math.floor(count / tiling.stride)), size = Math.max(tiling.level, 1) * stretch;
      if (rows * columns > 1) return [0, all];
      const first = Math.min(all - 1, Math.floor(Math.max(0, -at * tiling.ratio) / size));
      return [first, Math.min(all, Math.ceil(((view - at) * tiling.ratio) / size) + 1) - first];
    };
    const [x, width] = range(place.left, tiling.view.width, tiling.cells.width, 1);
    const [y, height] = range(place.top, tiling.view.height, tiling.cells.height, tiling.stretch);
    return { x, y, width, height };
  }

  /** Fill the atlas: the tiles in view side by side, a pixel a cell. @param {InView} view @param {Cut} cut */
  paint(view, cut) {
    const { scale, asinh } = this.settings, width = view.columns * cut.width;
    const key = JSON.stringify([view, cut, this.slice, scale, asinh, this.tiling.columns, this.tiling.level]);
    if (key === this.painted) return;
    this.painted = key;
    const pixels = new Uint32Array(width * view.rows * cut.height);
    for (const { tile, row, column } of this.tiling.visible()) {
      this.paintTile(this.order[tile], pixels, row * cut.height * width + column * cut.width, width, cut);
    }
    drawPixels(this.atlas, pixels, width);
  }

  /** @param {number} channel @param {Uint32Array} pixels @param {number} start @param {number} stride @param {Cut} cut */
  paintTile(channel, pixels, start, stride, cut) {
    const { numbers, units, sides, cells } = this.values, scale = this.values.scaleOf(channel, this.settings);
    const table = tableFor(scale.signed), unit = units[channel];
    const columns = Int32Array.from({ length: cut.width }, (_, x) => Math.floor((cut.x + x) * this.tiling.stride));
    for (let y = 0; y < cut.height; y++) {
      const row = Math.floor((cut.y + y) * this.tiling.stride), to = start + y * stride;
      const from = channel * cells + (this.slice * sides.height + row) * sides.width;
      for (let x = 0; x < cut.width; x++) {
        const value = numbers[from + columns[x]] * unit;
        pixels[to + x] = value - value === 0 ? table[colourIndex(value, scale)] : NOT_FINITE;
      }
    }
  }
}
