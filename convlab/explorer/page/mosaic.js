// All channels of a layer, a tile each. The browser lays the tiles out and scrolls, the maps in view are painted on one canvas
// below them (of a canvas each it would make a layer each, at every frame), and what is marked on them are elements over it.

import { layOver, make } from "./elements.js";
import { Sheet, cellOf, onScreen } from "./sheet.js";

const SMALLEST = 30, SMALLEST_UNIT = 6, CAPTIONED = 44, LARGEST_CELL = 72; // pixels of a tile, of a cell
const EDGE = 36, ONE_ROW = 12, MOST_UNITS = 1500, MOST_NAMED = 100, MOST_CROSSES = 500;

export class Mosaic {
  /** @param {Values} values @param {Settings} settings @param {string[]} [names] of the channels */
  constructor(values, settings, names) {
    this.values = values;
    this.settings = settings;
    this.names = names;
    this.isUnits = values.cells === 1;
    this.isCrowd = this.isUnits && values.sides.channels > MOST_UNITS; // one tile has all units
    this.gap = this.isUnits ? 2 : 7;
    this.size = { height: values.sides.height, width: values.sides.width }; // of a tile, in cells
    this.stretch = this.size.height === 1 && !this.isUnits ? Math.max(1, Math.round(this.size.width / 10)) : 1; // sequences are drawn taller
    this.slice = 0;
    this.cell = this.across = 0; // pixels of a cell; tiles beside each other
    this.order = /** @type {number[]} */ ([]); // channels as they are drawn
    this.chosen = /** @type {number|null} */ (null); // the channel that is enlarged
    this.maps = /** @type {Map<number, HTMLElement>} */ (new Map()); // the maps by their channels; of a crowd one
    this.crossed = /** @type {Set<number>} */ (new Set()); // the channels whose numbers that are not finite are crossed out
    this.canvas = make("canvas", "", [], { "aria-hidden": "true" });
    this.cursor = make("i", "cursor");
    this.element = make("div", this.isUnits ? "mosaic units" : "mosaic", [], { tabindex: "0", role: "application" });
    this.watcher = new ResizeObserver(() => this.frameOn(this.chosen));
  }

  /** Draw all, the channels in some order. @param {number[]} order */
  draw(order) {
    this.order = order;
    if (this.isCrowd) {
      const width = Math.ceil(Math.sqrt((order.length * this.element.clientWidth) / this.element.clientHeight));
      this.size = { width, height: Math.ceil(order.length / width) };
    }
    this.element.replaceChildren(this.canvas, ...(this.isCrowd ? [0] : order).map((channel) => this.figure(channel)));
    this.crossed.clear();
    if (this.cell) return this.paintInView();
    this.frameOn(this.chosen);
    this.watcher.observe(this.element);
    this.element.addEventListener("scroll", () => this.paintInView());
  }

  figure(/** @type {number} */ channel) {
    const { values, isCrowd } = this, isDead = !this.isUnits && !values.highs[channel] && !values.lows[channel] && !values.nonfinite[channel], isOff = values.nonfinite[channel] > 0;
    const map = make("div", "map", [], { role: "img", "aria-label": isCrowd ? "all units" : `channel ${channel}` });
    const caption = `${this.names?.[channel] ?? channel}${isOff ? " not finite" : isDead ? " dead" : ""}`, classes = [isDead && "dead", channel === this.chosen && "chosen"];
    this.maps.set(channel, map);
    return make("figure", classes.filter(Boolean).join(" "), [map, ...(isCrowd ? [] : [make("figcaption", "", [caption])])], { "data-channel": `${channel}` });
  }

  /** Where a map lies in the view, in pixels of the screen; as laid out, whatever size the view has while it comes in.
   *  @param {HTMLElement} map @returns {Area} */
  areaOf({ offsetLeft, offsetTop, offsetWidth, offsetHeight }) {
    const [left, top, width, height] = onScreen(offsetLeft - this.element.scrollLeft, offsetTop - this.element.scrollTop, offsetWidth, offsetHeight);
    return { left, top, width, height };
  }

  /** Paint the maps in view. */
  paintInView() {
    const { canvas, element: { clientWidth: width, clientHeight: height, scrollLeft: left, scrollTop: top } } = this;
    const [wide, high] = onScreen(width, height), sheet = new Sheet(wide, high);
    for (const [channel, map] of this.maps) {
      const area = this.areaOf(map);
      if (area.top + area.height <= 0 || area.top >= sheet.height) continue;
      sheet.paint(area, this.size, this.pixelsOf(channel));
      this.cross(channel);
    }
    Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    sheet.putOn(canvas);
  }

  /** The pixels of a map's cells. @param {number} channel */
  pixelsOf(channel) {
    const { values, settings, order, slice } = this;
    return this.isCrowd ? values.unitPixels(order, this.size.width, settings) : values.pixels(channel, settings, slice);
  }

  /** Cross out what is not finite in a map. @param {number} channel */
  cross(channel) {
    const { values, size, slice, order, isCrowd, crossed } = this, map = this.mapOf(channel);
    if (crossed.has(channel) || !(isCrowd ? values.nonfinite.some(Boolean) : values.nonfinite[channel])) return;
    for (const cross of map.querySelectorAll(".cross")) cross.remove();
    const value = (/** @type {number} */ i) => isCrowd ? values.valueAt(order[i] ?? 0, [0, 0]) : values.valueAt(channel, [slice, Math.floor(i / size.width), i % size.width]);
    const off = Array.from({ length: size.width * size.height }, (_, i) => i).filter((i) => !Number.isFinite(value(i))).slice(0, MOST_CROSSES);
    map.append(...off.map((i) => layOver(make("i", "cross"), [Math.floor(i / size.width), i % size.width].map((cell) => [cell, cell]), size)));
    crossed.add(channel);
  }

  /** Show another slice of a volume. @param {number} slice */
  show(slice) {
    if (slice === this.slice) return;
    this.slice = slice;
    this.crossed.clear();
    this.paintInView();
  }

  /** Show all tiles, with the largest cells with which they are in view but none too small to be seen; or enlarge one. @param {number|null} channel */
  frameOn(channel) {
    this.element.querySelector(".chosen")?.classList.remove("chosen");
    this.chosen = this.isUnits ? null : channel;
    const [wide, high] = [this.element.offsetWidth - EDGE, this.element.offsetHeight - EDGE], { gap, size: { width, height }, maps: { size: count } } = this;
    const tall = height * this.stretch, caption = 1.2 * parseFloat(getComputedStyle(this.element).fontSize);
    if (this.chosen !== null) {
      this.resize(whole(Math.min(wide / width, (high - caption) / tall, LARGEST_CELL), false));
      this.mapOf(this.chosen).parentElement?.classList.add("chosen");
      this.mapOf(this.chosen).scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      return this.paintInView();
    }
    const smallest = this.names && count <= MOST_NAMED && !this.isCrowd ? CAPTIONED : this.isUnits ? SMALLEST_UNIT * Math.max(width, tall) : SMALLEST;
    for (let cell = LARGEST_CELL; ; cell = below(cell)) {
      const down = tall * cell + (!this.isCrowd && width * cell >= CAPTIONED ? caption : 0) + gap;
      this.across = Math.min(count, Math.max(1, Math.floor((wide + gap) / (width * cell + gap))));
      const fits = Math.ceil(count / this.across) * down <= high && (!this.isUnits || count > ONE_ROW || this.across === count);
      if (width * cell > wide || (!fits && Math.max(width, tall) * below(cell) >= smallest)) continue;
      this.across = Math.ceil(count / Math.ceil(count / this.across));
      this.resize(cell);
      return this.paintInView();
    }
  }

  /** Enlarge cells to so many pixels. @param {number} cell */
  resize(cell) {
    const { size: { width, height }, across, gap } = this, sizes = { gap, "tile-width": width * cell, "tile-height": height * this.stretch * cell };
    this.cell = cell;
    this.canvas.style.height = this.canvas.style.width = "0"; // so that it does not keep the room it had
    this.element.style.setProperty("--across", `${across}`);
    for (const [name, pixels] of Object.entries(sizes)) this.element.style.setProperty(`--${name}`, `${pixels}px`);
    this.element.classList.toggle("captioned", width * cell >= CAPTIONED);
  }

  /** Zoom a step around a point of the view, which stays where it is. @param {boolean} closer @param {number} [x] @param {number} [y] */
  zoom(closer, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const cell = whole(this.cell * (closer ? 1.25 : 0.8), closer), by = cell / this.cell, { scrollLeft, scrollTop } = this.element;
    if (cell > 2 * LARGEST_CELL || Math.max(this.size.width, this.size.height) * cell < (this.isUnits ? 2 : 8)) return;
    this.resize(cell);
    this.element.scrollTo((scrollLeft + x) * by - x, (scrollTop + y) * by - y);
    this.paintInView();
  }

  /** The map that has a channel. @param {number} channel @returns {HTMLElement} */
  mapOf(channel) {
    return /** @type {HTMLElement} */ (this.maps.get(this.isCrowd ? 0 : channel));
  }

  /** Where a cell stands in its map. @param {Cell} cell @returns {Box} */
  boxOf({ channel, at }) {
    const i = this.order.indexOf(channel), { width } = this.size;
    return (this.isCrowd ? [Math.floor(i / width), i % width] : at.slice(-2)).map((cell) => [cell, cell]);
  }

  /** Point at a cell, or at none. @param {Cell|null} cell */
  point(cell) {
    const map = cell && this.mapOf(cell.channel), old = this.cursor.parentElement;
    if (cell) layOver(this.cursor, this.boxOf(cell), this.size);
    if (map === old) return;
    old?.parentElement?.classList.remove("here");
    map?.parentElement?.classList.add("here");
    this.cursor.remove();
    map?.append(this.cursor);
  }

  ring(/** @type {Cell[]} */ cells) {
    for (const cell of cells) this.mapOf(cell.channel).append(layOver(make("i", "ring"), this.boxOf(cell), this.size));
  }

  /** Light cells of every tile. @param {Box|null} box */
  light(box) {
    this.element.classList.toggle("lit", box !== null);
    if (box) layOver(this.element, box.slice(-2), this.size);
  }

  /** What is under a pointer. @param {MouseEvent} event @returns {Under} */
  under(event) {
    const figure = /** @type {Element} */ (event.target).closest("figure"), { width, height } = this.size;
    if (!figure?.firstElementChild) return null;
    const channel = Number(figure.dataset.channel), view = this.element.getBoundingClientRect(), area = this.areaOf(/** @type {HTMLElement} */ (figure.firstElementChild));
    const y = cellOf(Math.floor((event.clientY - view.top) * devicePixelRatio) - area.top, area.height, height);
    const x = cellOf(Math.floor((event.clientX - view.left) * devicePixelRatio) - area.left, area.width, width);
    if (x < 0 || y < 0 || x >= width || y >= height) return { channel, at: null };
    if (!this.isCrowd) return { channel, at: this.values.sides.volume ? [this.slice, y, x] : [y, x] };
    const unit = this.order[y * width + x];
    return unit === undefined ? null : { channel: unit, at: [0, 0] };
  }

  /** Hover, click and zoom; the browser scrolls. @param {(cell: Under) => void} onHover @param {(cell: Under) => void} onClick */
  listen(onHover, onClick) {
    this.element.addEventListener("pointermove", (event) => onHover(this.under(event)));
    this.element.addEventListener("pointerleave", () => onHover(null));
    this.element.addEventListener("click", (event) => onClick(this.under(event)));
    this.element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault(); // as a pinch says it
      const { left, top } = this.element.getBoundingClientRect();
      this.zoom(event.deltaY < 0, event.clientX - left, event.clientY - top);
    }, { passive: false });
  }
}

/** Pixels of a cell: a whole number of the screen's, if not below one. @param {number} cell @param {boolean} larger rather than smaller */
function whole(cell, larger) {
  return cell * devicePixelRatio < 1 ? cell : Math[larger ? "ceil" : "floor"](cell * devicePixelRatio) / devicePixelRatio;
}

/** @param {number} cell the next smaller one that is tried */
const below = (cell) => (cell * devicePixelRatio > 1 ? cell - 1 / devicePixelRatio : cell * 0.95);
