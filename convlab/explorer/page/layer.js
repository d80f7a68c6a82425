// One layer: all its channels as a mosaic, and beside it what is known of the cell, the channel and the layer.

import { sidesOf } from "./address.js";
import { Attributed } from "./attributed.js";
import { excuse, make, makeButton } from "./elements.js";
import { boxSeen, sizesOf, unitsSeeing, within } from "./geometry.js";
import { channelAt, histogramPanel, kernelPanel, statisticsPanel } from "./inspector.js";
import { ARROWS } from "./keys.js";
import { Mosaic } from "./mosaic.js";
import { Neighbour } from "./neighbour.js";
import { pointAt } from "./pointing.js";
import { strongestFirst } from "./strength.js";
import { cellText, emptyText, exactly, written, writtenShape } from "./words.js";

const POINTED = 5; // cells narrower than so many pixels are not clicked one by one: the channel is enlarged first
const REST = 150; // milliseconds that a pointer rests on a channel before its kernel is asked for

/** @param {HTMLElement} stage @param {App} app @param {State} state @returns {View} */
export function showLayer(stage, app, { layer, channel }) {
  const index = layer ?? 0;
  stage.classList.add("layer");
  stage.append(layerHeading(app, index));
  if (!app.document.generation) {
    stage.append(make("p", "empty", [emptyText(app.document)]));
    return { keys: [], close() {} };
  }
  return new LayerView(stage, app, index, channel);
}

/** @param {App} app @param {number} index */
function layerHeading(app, index) {
  const { layers } = app.document, { name, kind, shape, inputs, says, formula } = layers[index];
  const link = (/** @type {number} */ layer, /** @type {string} */ text) =>
    makeButton("link", text, () => app.go({ layer, channel: null, at: null }));
  const after = layers.flatMap((other, i) => (other.inputs.includes(index) ? [link(i, `${other.name} →`)] : []));
  return make("header", "heading", [
    make("h1", "", [name, " ", make("small", "", [`${kind}, ${writtenShape(shape)}`])]),
    make("p", "steps", [...inputs.map((i) => link(i, `← ${layers[i].name}`)), ...after]),
    make("p", "says", [says]),
    make("p", "formula", [formula ?? ""]),
  ]);
}

class LayerView {
  /** @param {HTMLElement} stage @param {App} app @param {number} index @param {number|null} channel that is enlarged */
  constructor(stage, app, index, channel) {
    this.app = app;
    this.index = index;
    this.layer = app.document.layers[index];
    this.sides = sidesOf(this.layer.shape);
    this.channel = channel;
    this.hint = "drag or wheel moves, Ctrl + wheel zooms, a click explains";
    this.place = make("p", "reading-place");
    this.value = make("p", "reading-value");
    this.kernel = make("div", "figures");
    this.figures = make("div", "figures");
    this.board = make("div", "board");
    this.neighbour = new Neighbour(app, this.layer, (box) => this.change({ lit: box }));
    this.attributed = new Attributed(app, index, (veil) => this.change({ veil }));
    const reading = make("section", "reading panel", [this.place, this.value]);
    stage.append(this.board, make("div", "side", [reading, this.neighbour.element, this.kernel, this.figures, this.attributed.element]));
    this.timer = 0;
    this.keys = this.makeKeys();
    this.ready = app.values(index).then((values) => this.fill(values)).catch((error) => stage.append(excuse(error)));
  }

  /** @param {Values} values */
  fill(values) {
    if (this.closed) return undefined;
    this.values = values;
    const names = this.app.document.labels[this.index];
    const mosaic = (this.mosaic = new Mosaic(values, this.app.settings, { order: this.order(), names }));
    const label = `Channels of ${this.layer.name}: arrows move the cell, Page Up and Page Down the channel`;
    Object.assign(mosaic.element, { tabIndex: 0, role: "application", ariaLabel: label });
    Object.assign(mosaic.maps, { role: "img", ariaLabel: `${this.layer.name}: ${this.sides.channels} channels` });
    mosaic.chosen = this.channel;
    this.board.replaceChildren(mosaic.element, this.zoomButtons(), ...this.sliceSlider());
    mosaic.resize();
    pointAt(mosaic, (cell) => this.hover(cell), (cell) => this.click(cell));
    this.app.shell.picture.onHover = (at) => this.change({ lit: at && unitsSeeing(this.layer.field, at, sizesOf(this.layer).slice(-at.length)) });
    this.showFigures();
    this.lookAtPeak(this.channel ?? strongestFirst(this.layer)[0]);
    mosaic.cursor = null;
    this.app.source.places(this.index).then((places) => this.ring(places ?? []), () => {});
    mosaic.element.focus({ preventScroll: true });
    return this.besides;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    for (const part of [this.mosaic, this.neighbour, this.attributed]) part?.close();
  }

  /** Enlarge another channel, or show all. @param {State} state */
  update({ channel }) {
    this.channel = channel;
    this.mosaic?.frameOn(channel);
    if (this.values) this.lookAtPeak(channel ?? strongestFirst(this.layer)[0]);
  }

  redraw() {
    this.mosaic?.setOrder(this.order());
    this.mosaic?.drawAll();
    this.neighbour.mosaic?.drawAll();
    this.showFigures();
  }

  order() {
    const order = strongestFirst(this.layer);
    return this.app.settings.order === "index" ? order.sort((a, b) => a - b) : order;
  }

  /** Change what is marked on the maps. @param {{lit?: Box|null, veil?: HTMLCanvasElement|null, cursor?: Cell|null}} marks */
  change(marks) {
    if (this.mosaic) Object.assign(this.mosaic, marks).drawSoon();
  }

  /** @param {Under} cell */
  hover(cell) {
    if (this.mosaic) this.mosaic.element.style.cursor = cell ? "pointer" : "";
    if (cell?.at) this.look({ channel: cell.channel, at: cell.at });
    else this.change({ cursor: null });
  }

  /** @param {Under} cell */
  click(cell) {
    if (!cell) return this.app.shell.goBack();
    const isPointed = this.channel === cell.channel || (this.mosaic?.tiling.zoom ?? 0) >= POINTED;
    this.app.go({ layer: this.index, channel: cell.channel, at: isPointed ? cell.at : null });
  }

  /** Show a cell everywhere: in the mosaic, beside it, on the image and in the live line. @param {Cell} cell */
  look(cell) {
    if (!this.mosaic || !this.values) return;
    const { channel, at } = cell, value = this.values.valueAt(channel, at);
    this.place.textContent = cellText(this.layer.shape, channel, at, this.app.document.labels[this.index]?.[channel]);
    this.value.textContent = this.values.exact ? exactly(value) : `≈ ${written(value)}`;
    this.app.say(`${this.layer.name}, ${this.place.textContent}: ${this.value.textContent}`);
    if (this.slider && this.sliceName) {
      [this.slider.value, this.sliceName.textContent] = [`${at[0]}`, `slice ${at[0]}`];
      this.mosaic.slice = at[0];
    }
    this.cell = cell;
    this.change({ cursor: cell });
    this.app.shell.picture.box(boxSeen(this.layer.field, at));
    this.neighbour.light(at);
    if (this.shown !== channel) this.showChannel(channel);
  }

  /** @param {number} channel whose largest number is looked at */
  lookAtPeak(channel) {
    if (this.values) this.look({ channel, at: this.values.placeOf(this.values.peaks[channel]) });
  }

  /** @param {number} channel */
  showChannel(channel) {
    this.shown = channel;
    const { source } = this.neighbour;
    const isKept = source && !this.layer.weights && source.shape.at(-1) === this.sides.channels;
    if (isKept) this.besides = this.neighbour.show(channel);
    else if (source && this.neighbour.channel < 0) this.besides = this.neighbour.show(strongestFirst(source)[0]);
    clearTimeout(this.timer);
    if (this.layer.weights && this.layer.explains) this.timer = setTimeout(() => this.showKernel(channel), REST);
  }

  /** @param {number} channel */
  async showKernel(channel) {
    if (!this.values || !this.mosaic) return;
    const at = this.mosaic.places.find((cell) => cell.channel === channel)?.at ?? this.values.placeOf(this.values.peaks[channel]);
    const why = await this.app.source.explanation(this.index, [...[null, ...at].slice(-3), channel]).catch(() => null);
    if (this.closed || this.shown !== channel || !why) return;
    this.kernel.replaceChildren(...kernelPanel(why, this.app.document.layers[why.sources[0]].name));
    if (why.sources.length === 1 && why.order.length) this.neighbour.show(channelAt(why, why.order[0]));
  }

  showFigures() {
    if (!this.values) return;
    const { scale, asinh } = this.app.settings, { signed, top, exact, steps } = this.values;
    const told = [
      scale === "layer" ? "One scale of colours for the whole layer" : "Each channel has its own scale: this one is the layer's",
      asinh ? ", small numbers lifted by asinh" : "",
      exact ? "." : `; numbers are rounded to 1/${steps} of the channel's largest.`,
    ];
    this.figures.replaceChildren(histogramPanel(this.layer, { signed, top, asinh }, told.join("")), statisticsPanel(this.layer));
  }

  /** Mark the cells that an exported page explains, where these are not all. @param {string[]} places "z,y,x,channel" */
  ring(places) {
    if (!this.mosaic || !this.values || places.length >= this.values.numbers.length) return;
    this.mosaic.places = places.map((key) => {
      const numbers = key.split(",").filter(Boolean).map(Number);
      return { channel: numbers[numbers.length - 1], at: numbers.slice(0, -1) };
    });
    this.mosaic.drawSoon();
  }

  zoomButtons() {
    const named = (/** @type {string} */ name) => ({ "aria-label": name, title: name });
    return make("div", "zoom", [
      makeButton("round", "−", () => this.zoom(false), named("farther")),
      makeButton("round", "⤢", () => this.mosaic?.frameOn(null), named("all channels")),
      makeButton("round", "+", () => this.zoom(true), named("closer")),
    ]);
  }

  /** @param {boolean} closer */
  zoom(closer) {
    if (!this.mosaic) return;
    const { width, height } = this.mosaic.tiling.view, at = this.mosaic.cursor && this.mosaic.place(this.mosaic.cursor);
    this.mosaic.tiling.step(closer, at?.left ?? width / 2, at?.top ?? height / 2);
    this.mosaic.drawAll();
  }

  sliceSlider() {
    if (!this.sides.volume) return [];
    const range = { type: "range", min: "0", max: String(this.sides.depth - 1), "aria-label": "slice" };
    const slider = (this.slider = make("input", "", [], range));
    slider.addEventListener("input", () => this.showSlice(Number(slider.value)));
    return [make("label", "slice", [slider, (this.sliceName = make("output"))])];
  }

  /** Show a slice of a volume, and the cell there. @param {number} slice */
  showSlice(slice) {
    if (!this.cell || slice < 0 || slice >= this.sides.depth) return;
    this.look({ channel: this.cell.channel, at: [slice, ...this.cell.at.slice(-2)] });
  }

  /** @returns {Key[]} */
  makeKeys() {
    const bySlice = (/** @type {KeyboardEvent} */ { key }) => this.cell && this.showSlice(this.cell.at[0] + (key === "<" ? -1 : 1));
    return [
      { key: Object.keys(ARROWS).join(" "), does: "to the next cell", act: ({ key }) => this.move(ARROWS[key]) },
      { key: "PageUp PageDown", does: "the channel before, the next channel", act: ({ key }) => this.turn(key === "PageUp" ? -1 : 1) },
      ...(this.sides.volume ? [{ key: "< >", does: "the slice before, the next slice", act: bySlice }] : []),
      { key: "Enter", does: "explain this number", act: () => this.cell && this.app.go({ layer: this.index, ...this.cell }) },
      { key: "c", does: "enlarge this channel", act: () => this.cell && this.app.go({ layer: this.index, channel: this.cell.channel, at: null }) },
      { key: "a", does: "where a class comes from, laid over", act: () => this.attributed.next() },
      { key: "+ -", does: "closer, farther", act: ({ key }) => this.zoom(key === "+") },
      { key: "0", does: "all channels", act: () => this.mosaic?.frameOn(null) },
    ];
  }

  /** Move the cell; in a dense layer, from unit to unit. @param {number[]} by rows, columns */
  move([down, across]) {
    if (!this.mosaic || !this.cell) return;
    if (this.mosaic.tiling.isUnits) return this.turn(across + down * this.mosaic.tiling.columns);
    const { channel, at } = this.cell, [y, x] = at.slice(-2);
    this.lookAt({ channel, at: [...at.slice(0, -2), within(y + down, this.sides.height), within(x + across, this.sides.width)] });
  }

  /** @param {number} by so many channels on, in the order of drawing */
  turn(by) {
    const channel = this.cell && this.mosaic?.order[this.mosaic.order.indexOf(this.cell.channel) + by];
    if (this.cell && channel !== undefined) this.lookAt({ channel, at: this.cell.at });
  }

  /** @param {Cell} cell that is brought into view */
  lookAt(cell) {
    this.mosaic?.tiling.reveal(this.mosaic.place(cell));
    this.look(cell);
  }
}
