// One layer: all its channels as a mosaic, and beside it what is known of the cell, the channel and the layer.

import { sidesOf } from "./address.js";
import { Attributed } from "./attributed.js";
import { excuse, make, makeButton } from "./elements.js";
import { boxSeen, unitsSeeing } from "./fields.js";
import { histogramPanel, Reading, statisticsPanel, valueText } from "./inspector.js";
import { channelAt, kernelPanel } from "./kernel.js";
import { Mosaic } from "./mosaic.js";
import { Neighbour } from "./neighbour.js";
import { pointAt } from "./pointing.js";
import { strongestFirst } from "./strength.js";
import { cellText, writtenShape } from "./words.js";


const POINTED = 5; // cells narrower than so many pixels are not clicked one by one: the channel is enlarged first
/** @type {Record<string, [number, number]>} rows, columns */
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const REST = 150; // milliseconds that a pointer rests on a channel before its kernel is asked for

/**
 * @param {HTMLElement} stage @param {App} app @param {State} state
 * @returns {View}
 */
export function showLayer(stage, app, state) {
  const index = /** @type {number} */ (state.layer);
  stage.classList.add("layer");
  stage.append(layerHeading(app, index));
  if (!app.document.generation) {
    stage.append(make("p", "empty", [emptyText(app)]));
    return { keys: [], close() {} };
  }
  const view = new LayerView(stage, app, index, state.channel);
  view.ready = app.values(index).then((values) => view.fill(values)).catch((error) => stage.append(excuse(error)));
  return view;
}

/** @param {App} app what to do where there is no image yet */
export function emptyText(app) {
  const how = app.document.live ? "Drop an image on this page" : `Run ${app.document.command} with an image`;
  return `${how} to see the numbers.`;
}

/** @param {App} app @param {number} index */
function layerHeading(app, index) {
  const layer = app.document.layers[index];
  const name = make("h1", "", [layer.name, " ", make("small", "", [`${layer.kind}, ${writtenShape(layer.shape)}`])]);
  const beside = make("p", "steps");
  const link = (/** @type {number} */ to, /** @type {string} */ text) =>
    makeButton("link", text, () => app.go({ layer: to, channel: null, at: null }));
  for (const input of layer.inputs) beside.append(link(input, `← ${app.document.layers[input].name}`), " ");
  app.document.layers.forEach((other, i) => {
    if (other.inputs.includes(index)) beside.append(link(i, `${other.name} →`), " ");
  });
  return make("header", "heading", [name, beside, make("p", "says", [layer.says]), make("p", "formula", [layer.formula ?? ""])]);
}

class LayerView {
  /** @param {HTMLElement} stage @param {App} app @param {number} index @param {number|null} channel */
  constructor(stage, app, index, channel) {
    this.app = app;
    this.index = index;
    this.layer = app.document.layers[index];
    this.channel = channel;
    this.reading = new Reading();
    this.kernel = make("div", "figures");
    this.figures = make("div", "figures");
    this.neighbour = new Neighbour(app, index, (box) => this.lightUnits(box));
    this.attributed = new Attributed(app, index, (veil) => this.cover(veil));
    this.board = make("div", "board");
    this.side = make("div", "side", [this.reading.element, this.neighbour.element, this.kernel, this.figures, this.attributed.element]);
    stage.append(this.board, this.side);
    this.hint = "drag or wheel moves, Ctrl + wheel zooms, a click explains";
    this.timer = 0;
    /** @type {Promise<unknown>} */
    this.ready = Promise.resolve();
    /** @type {View["keys"]} */
    this.keys = this.makeKeys();
  }

  /** @param {Values} values */
  fill(values) {
    if (this.closed) return;
    this.values = values;
    const mosaic = (this.mosaic = new Mosaic(values, this.app.settings, { order: this.order(), names: this.app.document.labels[this.index] }));
    mosaic.element.tabIndex = 0;
    mosaic.element.setAttribute("role", "application");
    mosaic.element.setAttribute("aria-label", `Channels of ${this.layer.name}: arrows move the cell, Page Up and Page Down the channel`);
    mosaic.maps.setAttribute("role", "img");
    mosaic.maps.setAttribute("aria-label", `${this.layer.name}: ${values.sides.channels} channels`);
    mosaic.chosen = this.channel;
    this.board.replaceChildren(mosaic.element, this.zoomButtons(), ...this.sliceSlider());
    mosaic.resize();
    pointAt(mosaic, (cell) => this.hover(cell), (cell) => this.click(cell));
    this.app.shell.picture.onHover = (at) => this.lightUnits(at && this.unitsOver(at));
    this.showFigures();
    const channel = this.channel ?? strongestFirst(this.layer)[0];
    this.home = { channel, at: values.placeOf(values.peaks[channel]) };
    this.look(this.home);
    mosaic.cursor = null;
    this.app.source.places(this.index).then((places) => this.ring(places), () => {});
    mosaic.element.focus({ preventScroll: true });
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.mosaic?.close();
    this.neighbour.close();
    this.attributed.close();
  }

  /** Enlarge another channel, or show all. @param {State} state */
  update({ channel }) {
    this.channel = channel;
    this.mosaic?.frameOn(channel);
    if (this.values && channel !== null) this.look({ channel, at: this.values.placeOf(this.values.peaks[channel]) });
  }

  redraw() {
    if (!this.mosaic) return;
    this.mosaic.setOrder(this.order());
    this.mosaic.drawAll();
    this.neighbour.mosaic?.drawAll();
    this.showFigures();
  }

  order() {
    const order = strongestFirst(this.layer);
    return this.app.settings.order === "index" ? order.sort((a, b) => a - b) : order;
  }

  /** @param {{channel: number, at: number[]|null}|null} cell */
  hover(cell) {
    if (!this.mosaic) return;
    this.mosaic.element.style.cursor = cell ? "pointer" : "";
    if (cell?.at) this.look({ channel: cell.channel, at: cell.at });
    else if (this.mosaic.cursor) {
      this.mosaic.cursor = null;
      this.mosaic.drawSoon();
    }
  }

  /** @param {{channel: number, at: number[]|null}|null} cell */
  click(cell) {
    if (!cell) return this.app.shell.goBack();
    const at = this.mosaic && this.mosaic.tiling.zoom >= POINTED ? cell.at : null;
    const enlarged = this.channel === cell.channel;
    this.app.go({ layer: this.index, channel: cell.channel, at: at ?? (enlarged ? cell.at : null) });
  }

  /** Show a cell everywhere: in the mosaic, beside it, on the image and in the live line. @param {Cell} cell */
  look(cell) {
    if (!this.mosaic || !this.values) return;
    const { channel, at } = cell;
    const label = this.app.document.labels[this.index]?.[channel];
    const [place, value] = [cellText(this.layer.shape, channel, at, label), valueText(this.values, channel, at)];
    this.mosaic.cursor = this.cell = cell;
    if (this.slider && this.sliceName && at.length === 3) {
      this.slider.value = String((this.mosaic.slice = at[0]));
      this.sliceName.textContent = `slice ${at[0]}`;
    }
    this.mosaic.drawSoon();
    this.reading.show(place, value);
    this.app.say(`${this.layer.name}, ${place}: ${value}`);
    this.app.shell.picture.box(boxSeen(this.layer.field, at));
    this.neighbour.light(at);
    if (this.shown !== channel) this.showChannel(channel);
  }

  /** @param {number} channel */
  showChannel(channel) {
    this.shown = channel;
    const source = this.app.document.layers[this.layer.inputs[0]];
    const isSame = source && !this.layer.weights && source.shape.at(-1) === this.layer.shape.at(-1);
    if (isSame) this.neighbour.show(channel);
    else if (source && this.neighbour.channel < 0) this.neighbour.show(strongestFirst(source)[0]);
    clearTimeout(this.timer);
    if (this.layer.weights && this.layer.explains) this.timer = setTimeout(() => this.showKernel(channel), REST);
  }

  /** @param {number} channel */
  async showKernel(channel) {
    if (!this.values || !this.mosaic) return;
    const held = this.mosaic.places.get(channel)?.[0].at ?? this.values.placeOf(this.values.peaks[channel]);
    const at = held.length === 3 ? held : [null, ...held];
    const why = await this.app.source.explanation(this.index, [...at, channel]).catch(() => null);
    if (this.closed || this.shown !== channel || !why) return;
    const panel = kernelPanel(why, this.app.document.layers[why.sources[0]].name);
    this.kernel.replaceChildren(...(panel ? [panel] : []));
    if (why.sources.length === 1 && why.order.length) this.neighbour.show(channelAt(why, why.order[0]));
  }

  showFigures() {
    if (!this.values) return;
    const shared = this.app.settings.scale === "layer";
    const scale = { signed: this.values.signed, top: this.values.top, asinh: this.app.settings.asinh };
    const told = [
      shared ? "One scale of colours for the whole layer" : "Each channel has its own scale: this one is the layer's",
      this.app.settings.asinh ? ", small numbers lifted by asinh" : "",
      this.values.exact ? "." : `; numbers are rounded to 1/${this.values.steps} of the channel's largest.`,
    ].join("");
    this.figures.replaceChildren(histogramPanel(this.layer, scale, told), statisticsPanel(this.layer));
  }

  /** @param {number[]} at a cell of the image @returns {number[][]|null} */
  unitsOver(at) {
    const { depth, height, width } = sidesOf(this.layer.shape);
    return unitsSeeing(this.layer.field, at, [depth, height, width].slice(-at.length));
  }

  /** @param {number[][]|null} box */
  lightUnits(box) {
    if (!this.mosaic) return;
    this.mosaic.lit = box && { box: box.slice(-2), channel: null };
    this.mosaic.drawSoon();
  }

  /** @param {HTMLCanvasElement|null} veil */
  cover(veil) {
    if (!this.mosaic) return;
    this.mosaic.veil = veil;
    this.mosaic.drawSoon();
  }

  /** @param {Set<string>|null} places */
  ring(places) {
    if (!places || !this.mosaic || !this.values || places.size >= this.values.cells * this.values.sides.channels) return;
    for (const key of places) {
      const [z, y, x, channel] = key.split(",");
      const at = [...(z ? [Number(z)] : []), Number(y), Number(x)];
      const cells = this.mosaic.places.get(Number(channel)) ?? [];
      this.mosaic.places.set(Number(channel), [...cells, { channel: Number(channel), at }]);
    }
    this.mosaic.drawSoon();
  }

  zoomButtons() {
    const zoom = (/** @type {string} */ text, /** @type {string} */ name, /** @type {() => void} */ act) => makeButton("round", text, act, { "aria-label": name, title: name });
    return make("div", "zoom", [
      zoom("−", "farther", () => this.zoom(false)),
      zoom("⤢", "all channels", () => this.mosaic?.frameOn(null)),
      zoom("+", "closer", () => this.zoom(true)),
    ]);
  }

  /** @param {boolean} closer */
  zoom(closer) {
    if (!this.mosaic) return;
    const { width, height } = this.mosaic.tiling.view;
    const at = this.mosaic.cursor && this.mosaic.place(this.mosaic.cursor);
    this.mosaic.tiling.step(closer, at?.left ?? width / 2, at?.top ?? height / 2);
    this.mosaic.drawAll();
  }

  sliceSlider() {
    const { depth, volume } = sidesOf(this.layer.shape);
    if (!volume) return [];
    this.slider = make("input", "", [], { type: "range", min: "0", max: String(depth - 1), "aria-label": "slice" });
    this.slider.addEventListener("input", () => this.showSlice(Number(this.slider?.value)));
    return [make("label", "slice", [this.slider, (this.sliceName = make("output"))])];
  }

  /** Show a slice of a volume, and the cell there. @param {number} slice */
  showSlice(slice) {
    if (!this.cell || slice < 0 || slice >= sidesOf(this.layer.shape).depth) return;
    this.look({ channel: this.cell.channel, at: [slice, ...this.cell.at.slice(-2)] });
  }

  makeKeys() {
    const key = (/** @type {string} */ name, /** @type {string} */ does, /** @type {(event: KeyboardEvent) => void} */ act) => ({ key: name, does, act });
    return [
      key("ArrowLeft ArrowRight ArrowUp ArrowDown", "to the next cell", (event) => this.move(STEPS[event.key])),
      key("PageUp PageDown", "the channel before, the next channel", (event) => this.turn(event.key === "PageUp" ? -1 : 1)),
      ...(sidesOf(this.layer.shape).volume ? [key("< >", "the slice before, the next slice", (event) => this.showSlice((this.cell?.at[0] ?? 0) + (event.key === "<" ? -1 : 1)))] : []),
      key("Enter", "explain this number", () => this.cell && this.app.go({ layer: this.index, ...this.cell })),
      key("c", "enlarge this channel", () => this.cell && this.app.go({ layer: this.index, channel: this.cell.channel, at: null })),
      key("a", "where a class comes from, laid over", () => this.attributed.next()),
      key("+", "closer", () => this.zoom(true)),
      key("-", "farther", () => this.zoom(false)),
      key("0", "all channels", () => this.mosaic?.frameOn(null)),
    ];
  }

  /** Move the cell; in a dense layer, from unit to unit. @param {[number, number]} by rows, columns */
  move([down, across]) {
    if (!this.mosaic || !this.cell) return;
    const { channel, at } = this.cell;
    if (this.mosaic.tiling.isUnits) return this.turn(across + down * this.mosaic.tiling.columns);
    const { height, width } = this.mosaic.tiling.cells;
    const [y, x] = at.slice(-2);
    const within = (/** @type {number} */ cell, /** @type {number} */ size) => Math.min(size - 1, Math.max(0, cell));
    this.lookAt({ channel, at: [...at.slice(0, -2), within(y + down, height), within(x + across, width)] });
  }

  /** @param {number} by so many channels on, in the order of drawing */
  turn(by) {
    if (!this.mosaic || !this.cell) return;
    const tile = this.mosaic.tiles[this.cell.channel] + by;
    if (tile >= 0 && tile < this.mosaic.order.length) this.lookAt({ channel: this.mosaic.order[tile], at: this.cell.at });
  }

  /** @param {Cell} cell that is brought into view */
  lookAt(cell) {
    this.mosaic?.tiling.reveal(this.mosaic.place(cell));
    this.look(cell);
  }
}
