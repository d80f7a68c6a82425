// All channels of a layer on one canvas: what is in view is painted at once into one ImageData and enlarged from there.
// A second canvas over it holds what changes with the pointer: boxes, names, hatches.

import { colourIndex, inkOn, NOT_FINITE, tableFor } from "./colours.js";
import { make } from "./elements.js";
import { cross, fitted, frame, hatch, outline, short } from "./marks.js";
import { Tiling } from "./tiling.js";


const NUMBERED = 40; // cells so wide have their numbers written into them
const MOST_CROSSES = 5000;

export class Mosaic {
  /**
   * @param {Values} values
   * @param {Settings} settings
   * @param {{order: number[], names?: string[], bare?: boolean}} drawn channels in the order of drawing, their names; bare: without captions and margins
   */
  constructor(values, settings, { order, names, bare = false }) {
    this.values = values;
    this.settings = settings;
    this.names = names;
    this.slice = 0;
    const { width, height } = values.sides;
    this.tiling = new Tiling(order.length, { width, height }, names !== undefined && order.length <= 100);
    this.bare = bare;
    if (bare) this.tiling.margin = this.tiling.gap = 0;
    this.order = order;
    this.tiles = placesIn(order);
    this.maps = make("canvas", "maps");
    this.marks = make("canvas", "marks");
    this.element = make("div", "mosaic", [this.maps, this.marks]);
    this.atlas = document.createElement("canvas");
    this.painted = "";
    /** @type {Cell|null} */
    this.cursor = null;
    /** @type {number|null} */
    this.chosen = null;
    /** @type {{box: number[][], channel: number|null}|null} cells lit in every tile, or in one */
    this.lit = null;
    /** @type {HTMLCanvasElement|null} a veil laid over every tile */
    this.veil = null;
    /** @type {Map<number, Cell[]>} by channel the cells that are marked, for only they are explained */
    this.places = new Map();
    this.frame = 0;
    this.watcher = new ResizeObserver(() => this.follow());
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
    this.tiles = placesIn(order);
    this.painted = "";
  }

  /** Fit into the element, which may have another size than before. */
  follow() {
    const { clientWidth, clientHeight } = this.element;
    const { width, height } = this.tiling.view;
    if (clientWidth !== width || clientHeight !== height) this.resize();
  }

  resize() {
    const { clientWidth, clientHeight } = this.element;
    const ratio = devicePixelRatio || 1;
    for (const canvas of [this.maps, this.marks]) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
      canvas.style.width = `${canvas.width / ratio}px`;
      canvas.style.height = `${canvas.height / ratio}px`;
    }
    this.tiling.caption = this.bare ? 0 : Math.round(1.15 * parseFloat(getComputedStyle(this.element).fontSize));
    this.tiling.fit({ width: clientWidth, height: clientHeight }, ratio);
    if (this.chosen !== null && !this.tiling.isUnits) this.tiling.focus(this.tiles[this.chosen]);
    this.drawAll();
  }

  /** Show all tiles, or enlarge one. @param {number|null} channel */
  frameOn(channel) {
    this.chosen = channel;
    this.resize();
  }

  /** @param {number} x @param {number} y @returns {{channel: number, at: number[]|null}|null} at null: its caption */
  under(x, y) {
    const hit = this.tiling.hit(x, y);
    if (!hit) return null;
    const at = this.values.sides.volume ? [this.slice, hit.y, hit.x] : [hit.y, hit.x];
    return { channel: this.order[hit.tile], at: hit.y < 0 ? null : at };
  }

  /** Where a cell stands, in CSS pixels of the canvas. @param {Cell} cell */
  place({ channel, at }) {
    const [y, x] = at.slice(-2);
    return this.tiling.boxAt(this.tiles[channel], [[y, y], [x, x]]);
  }

  drawAll() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.drawMaps();
    this.drawMarks();
  }

  /** Draw at the next frame, once. */
  drawSoon() {
    this.frame ||= requestAnimationFrame(() => this.drawAll());
  }

  drawMaps() {
    const pen = pencil(this.maps);
    const { tiling, atlas } = this;
    const view = tiling.inView();
    pen.clearRect(0, 0, this.maps.width, this.maps.height);
    if (view.firstRow >= view.endRow || view.firstColumn >= view.endColumn) return;
    const cut = this.cutOf(view);
    this.paint(view, cut);
    pen.imageSmoothingEnabled = false;
    const { ratio } = tiling;
    const whole = tiling.isUnits && tiling.gap === 0;
    for (const tile of this.visible(whole)) {
      const place = tiling.tileAt(tile);
      const column = (tile % tiling.columns) - view.firstColumn, row = Math.floor(tile / tiling.columns) - view.firstRow;
      const [across, down] = whole ? [atlas.width, atlas.height] : [cut.width, cut.height];
      pen.drawImage(
        atlas, column * cut.width, row * cut.height, across, down,
        Math.round((place.left + cut.x * tiling.zoom) * ratio),
        Math.round((place.top + cut.y * tiling.zoom * tiling.stretch) * ratio),
        Math.round(across * cut.step * tiling.level),
        Math.round(down * cut.step * tiling.level * tiling.stretch),
      );
    }
  }

  /** The tiles in view, or the first of them where all are drawn as one. @param {boolean} [first] */
  *visible(first = false) {
    const { firstRow, endRow, firstColumn, endColumn } = this.tiling.inView();
    for (let row = firstRow; row < endRow; row++) {
      for (let column = firstColumn; column < endColumn; column++) {
        const tile = row * this.tiling.columns + column;
        if (tile < this.tiling.count) yield tile;
        if (first) return;
      }
    }
  }

  /**
   * Which cells of a tile are painted: every one, every n-th where they share a pixel; of a single tile those in view.
   * @param {ReturnType<Tiling["inView"]>} view
   */
  cutOf({ firstRow, endRow, firstColumn, endColumn }) {
    const { tiling } = this;
    const step = Math.max(1, Math.round(1 / tiling.level));
    const single = endRow - firstRow === 1 && endColumn - firstColumn === 1;
    const place = single ? tiling.tileAt(firstRow * tiling.columns + firstColumn) : { left: 0, top: 0 };
    const [x, endX] = rangeInView(place.left, tiling.zoom, tiling.view.width, tiling.cells.width, step, single);
    const [y, endY] = rangeInView(place.top, tiling.zoom * tiling.stretch, tiling.view.height, tiling.cells.height, step, single);
    return { x, y, step, width: Math.ceil((endX - x) / step), height: Math.ceil((endY - y) / step) };
  }

  /** Fill the atlas: the tiles in view side by side, a pixel a cell. @param {ReturnType<Tiling["inView"]>} view @param {ReturnType<Mosaic["cutOf"]>} cut */
  paint(view, cut) {
    const { scale, asinh } = this.settings;
    const key = JSON.stringify([view, cut, this.slice, scale, asinh, this.tiling.columns]);
    if (key === this.painted) return;
    this.painted = key;
    const image = new ImageData((view.endColumn - view.firstColumn) * cut.width, (view.endRow - view.firstRow) * cut.height);
    const pixels = new Uint32Array(image.data.buffer);
    for (const tile of this.visible()) {
      const column = (tile % this.tiling.columns) - view.firstColumn, row = Math.floor(tile / this.tiling.columns) - view.firstRow;
      this.paintTile(this.order[tile], pixels, row * cut.height * image.width + column * cut.width, image.width, cut);
    }
    Object.assign(this.atlas, { width: image.width, height: image.height });
    pencil(this.atlas).putImageData(image, 0, 0);
  }

  /** @param {number} channel @param {Uint32Array} pixels @param {number} start @param {number} stride @param {ReturnType<Mosaic["cutOf"]>} cut */
  paintTile(channel, pixels, start, stride, cut) {
    const { numbers, units, sides, cells } = this.values;
    const scale = this.values.scaleOf(channel, this.settings);
    const table = tableFor(scale.signed), unit = units[channel];
    const first = channel * cells + (this.slice * sides.height + cut.y) * sides.width + cut.x;
    for (let y = 0; y < cut.height; y++) {
      let from = first + y * cut.step * sides.width;
      const to = start + y * stride;
      for (let x = 0; x < cut.width; x++, from += cut.step) {
        const value = numbers[from] * unit;
        pixels[to + x] = value - value === 0 ? table[colourIndex(value, scale)] : NOT_FINITE;
      }
    }
  }

  drawMarks() {
    const pen = pencil(this.marks);
    const { tiling } = this;
    const style = getComputedStyle(this.element);
    this.ink = style.getPropertyValue("--ink");
    this.soft = style.getPropertyValue("--soft");
    this.accent = style.getPropertyValue("--accent");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.marks.width, this.marks.height);
    pen.scale(tiling.ratio, tiling.ratio);
    pen.font = `${0.75 * parseFloat(style.fontSize)}px ${style.fontFamily}`;
    const isCrowd = tiling.isUnits && tiling.gap === 0;
    for (const tile of isCrowd ? [] : this.visible()) this.markTile(pen, tile);
    if (this.cursor && this.onSlice(this.cursor.at)) outline(pen, this.place(this.cursor), 2);
  }

  /** @param {number[]} at */
  onSlice(at) {
    return at.length < 3 || at[0] === this.slice;
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} tile */
  markTile(pen, tile) {
    const { tiling, values } = this;
    const channel = this.order[tile];
    const place = tiling.tileAt(tile);
    const isCursor = channel === this.cursor?.channel;
    pen.imageSmoothingEnabled = false;
    if (this.veil) pen.drawImage(this.veil, place.left, place.top, place.width, place.height);
    if (values.isDead(channel) && !tiling.isUnits) hatch(pen, place);
    if (values.nonfinite[channel]) this.crossOut(pen, tile);
    if (tiling.zoom >= NUMBERED) this.writeNumbers(pen, tile);
    this.ringPlaces(pen, tile);
    if (this.lit && (this.lit.channel ?? channel) === channel) outline(pen, tiling.boxAt(tile, this.lit.box), 1.5);
    if (!tiling.isUnits && !this.bare && (isCursor || channel === this.chosen)) frame(pen, place, this.accent ?? "");
    if (tiling.isCaptioned) this.caption(pen, channel, place, isCursor);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} channel @param {import("./tiling.js").Rectangle} place @param {boolean} isCursor */
  caption(pen, channel, place, isCursor) {
    const name = this.names?.[channel] ?? String(channel);
    const note = this.values.nonfinite[channel] ? " not finite" : this.values.isDead(channel) && !this.tiling.isUnits ? " dead" : "";
    pen.fillStyle = (isCursor ? this.ink : this.soft) ?? "";
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.fillText(fitted(pen, name + note, place.width), place.left, place.top + place.height + 3);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} tile */
  crossOut(pen, tile) {
    const { width, height } = this.tiling.cells;
    const start = this.order[tile] * this.values.cells + this.slice * width * height;
    let crosses = 0;
    for (let i = 0; i < width * height && crosses < MOST_CROSSES; i++) {
      const value = this.values.numbers[start + i];
      if (value - value === 0) continue;
      crosses++;
      const y = Math.floor(i / width), x = i % width;
      cross(pen, this.tiling.boxAt(tile, [[y, y], [x, x]]));
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} tile */
  writeNumbers(pen, tile) {
    const { width, height } = this.tiling.cells;
    const channel = this.order[tile], scale = this.values.scaleOf(channel, this.settings);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let i = 0; i < width * height; i++) {
      const y = Math.floor(i / width), x = i % width;
      const box = this.tiling.boxAt(tile, [[y, y], [x, x]]);
      if (box.left + box.width < 0 || box.left > this.tiling.view.width || box.top + box.height < 0 || box.top > this.tiling.view.height) continue;
      const value = this.values.value(channel, this.slice * width * height + i);
      pen.fillStyle = this.veil ? "#fff" : inkOn(value, scale);
      pen.strokeStyle = "#000";
      pen.lineWidth = 3;
      const text = /** @type {const} */ ([fitted(pen, short(value), box.width), box.left + box.width / 2, box.top + box.height / 2]);
      if (this.veil) pen.strokeText(...text);
      pen.fillText(...text);
    }
  }

  /** Ring the cells that an exported page can explain. @param {CanvasRenderingContext2D} pen @param {number} tile */
  ringPlaces(pen, tile) {
    for (const cell of this.places.get(this.order[tile]) ?? []) {
      if (!this.onSlice(cell.at)) continue;
      const { left, top, width, height } = this.place(cell);
      pen.strokeStyle = "#fff";
      pen.lineWidth = 1;
      pen.strokeRect(left - 0.5, top - 0.5, width + 1, height + 1);
    }
  }
}

/** @param {number[]} order the place in it of each channel */
function placesIn(order) {
  const places = new Int32Array(order.length);
  order.forEach((channel, tile) => (places[channel] = tile));
  return places;
}

/** @param {number} at @param {number} size @param {number} view @param {number} count @param {number} step @param {boolean} cut */
function rangeInView(at, size, view, count, step, cut) {
  if (!cut) return [0, count];
  const first = Math.floor(Math.max(0, -at / size) / step) * step;
  return [Math.min(first, count - 1), Math.min(count, Math.ceil((view - at) / size) + 1)];
}

/** @param {HTMLCanvasElement} canvas */
export function pencil(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** Where in an element a pointer is. @param {MouseEvent} event @param {Element} element @returns {[number, number]} */
export function offsetIn(event, element) {
  const { left, top } = element.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}
