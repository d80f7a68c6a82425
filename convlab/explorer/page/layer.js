// One layer: all its channels as a mosaic, and beside it what is known of the cell, the channel and the layer.

import { sidesOf } from "./address.js";
import { excuse, make, makeButton } from "./elements.js";
import { boxSeen, sizesOf, strongestFirst, unitsSeeing, within } from "./geometry.js";
import { histogramPanel, kernelPanel, statisticsPanel } from "./inspector.js";
import { ARROWS } from "./keys.js";
import { Mosaic } from "./mosaic.js";
import { Neighbour } from "./neighbour.js";
import { cellText, exactly, written } from "./numbers.js";

const POINTED = 5; // cells narrower than so many pixels are not clicked one by one: the channel is enlarged first
const REST = 150; // milliseconds that a pointer rests on a channel before its kernel is asked for

export class LayerView {
  /** @param {HTMLElement} stage @param {App} app @param {State} state */
  constructor(stage, app, { layer, channel }) {
    this.app = app;
    this.index = layer ?? 0;
    this.layer = app.document.layers[this.index];
    this.sides = sidesOf(this.layer.shape);
    this.channel = channel; // that is enlarged
    this.hint = "the wheel moves, Ctrl + wheel zooms, a click explains";
    this.place = make("p", "reading-place");
    this.value = make("p", "reading-value");
    this.kernel = make("div", "figures");
    this.figures = make("div", "figures");
    this.board = make("div", "board");
    this.neighbour = new Neighbour(app, this.layer, (box) => this.mosaic?.light(box));
    this.timer = 0;
    this.places = /** @type {Cell[]} */ ([]); // that an exported page explains, where these are not all
    this.keys = this.makeKeys();
    stage.classList.add("layer");
    const side = [make("section", "reading panel", [this.place, this.value]), this.neighbour.element, this.kernel, this.figures];
    stage.append(this.heading(), ...(app.document.generation ? [this.board, make("div", "side", side)] : []));
    this.ready = app.values(this.index).then((values) => this.fill(values)).catch((error) => stage.append(excuse(error)));
  }

  heading() {
    const { layers } = this.app.document, { name, card, inputs, says, formula } = this.layer;
    const link = (/** @type {number} */ layer, /** @type {string} */ text) =>
      makeButton("link", text, () => this.app.go({ layer, channel: null, at: null }));
    const after = layers.flatMap((other, i) => (other.inputs.includes(this.index) ? [link(i, `${other.name} →`)] : []));
    return make("header", "heading", [
      make("h1", "", [name, " ", make("small", "", [card.kind])]),
      make("p", "steps", [...inputs.map((i) => link(i, `← ${layers[i].name}`)), ...after]),
      make("p", "says", [says]), make("p", "formula", [formula ?? ""]),
    ]);
  }

  async fill(/** @type {Values} */ values) {
    if (this.closed) return;
    this.values = values;
    const mosaic = (this.mosaic = new Mosaic(values, this.app.settings, this.app.document.labels[this.index]));
    mosaic.element.ariaLabel = `Channels of ${this.layer.name}: arrows move the cell, Page Up and Page Down the channel`;
    mosaic.chosen = this.channel;
    this.board.replaceChildren(mosaic.element, this.zoomButtons(), ...this.sliceSlider());
    mosaic.draw(this.order());
    mosaic.listen((cell) => (cell?.at ? this.look({ channel: cell.channel, at: cell.at }) : mosaic.point(null)), (cell) => this.click(cell));
    this.app.shell.picture.onHover = (at) => mosaic.light(at && unitsSeeing(this.layer.field, at, sizesOf(this.layer).slice(-at.length)));
    this.veil(this.laid ?? null);
    this.showFigures();
    this.lookAtPeak(this.channel ?? strongestFirst(this.layer)[0]);
    mosaic.point(null);
    mosaic.element.focus({ preventScroll: true });
    this.places = await this.placesExplained(values).catch(() => []);
    if (this.closed) return;
    mosaic.ring(this.places);
    await this.besides;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.mosaic?.watcher.disconnect();
  }

  /** Enlarge another channel, or show all. @param {State} state */
  update({ channel }) {
    this.channel = channel;
    this.mosaic?.frameOn(channel);
    this.lookAtPeak(channel ?? strongestFirst(this.layer)[0]);
  }

  redraw() {
    this.mosaic?.draw(this.order());
    this.mosaic?.ring(this.places);
    this.neighbour.draw();
    this.showFigures();
  }

  order() {
    const order = strongestFirst(this.layer);
    return this.app.settings.order === "index" ? order.sort((a, b) => a - b) : order;
  }

  /** @param {HTMLCanvasElement|null} canvas what is laid over every channel */
  veil(canvas) {
    this.laid = canvas;
    this.mosaic?.element.style.setProperty("--veil", canvas ? `url(${canvas.toDataURL()})` : "none");
  }

  click(/** @type {Under} */ cell) {
    if (!cell) return this.app.shell.goBack();
    const isPointed = this.channel === cell.channel || (this.mosaic?.cell ?? 0) >= POINTED;
    this.app.go({ layer: this.index, channel: cell.channel, at: isPointed ? cell.at : null });
  }

  /** Show a cell everywhere: in the mosaic, beside it, on the image and in the live line. @param {Cell} cell */
  look(cell) {
    if (!this.mosaic || !this.values) return;
    const { channel, at } = (this.cell = cell), value = this.values.valueAt(channel, at);
    this.place.textContent = cellText(this.layer.shape, channel, at, this.app.document.labels[this.index]?.[channel]);
    this.value.textContent = this.values.exact ? exactly(value) : `≈ ${written(value)}`;
    this.app.say(`${this.layer.name}, ${this.place.textContent}: ${this.value.textContent}`);
    if (this.slider && this.sliceName) {
      [this.slider.value, this.sliceName.textContent] = [`${at[0]}`, `slice ${at[0]}`];
      this.mosaic.show(at[0]);
    }
    this.mosaic.point(cell);
    this.app.shell.picture.box(boxSeen(this.layer.field, at));
    if (this.shown !== channel) this.showChannel(channel);
    this.neighbour.light(at);
  }

  /** @param {number} channel whose largest number is looked at */
  lookAtPeak(channel) {
    if (this.values) this.look({ channel, at: this.values.peakOf(channel) });
  }

  showChannel(/** @type {number} */ channel) {
    this.shown = channel;
    const { source } = this.neighbour, isKept = source && !this.layer.weights && source.shape.at(-1) === this.sides.channels;
    if (isKept) this.besides = this.neighbour.show(channel);
    else if (source && this.neighbour.place.channel < 0) this.besides = this.neighbour.show(strongestFirst(source)[0]);
    clearTimeout(this.timer);
    if (this.layer.weights && this.layer.explains) this.timer = setTimeout(() => this.showKernel(channel), REST);
  }

  async showKernel(/** @type {number} */ channel) {
    if (!this.values) return;
    const at = this.places.find((cell) => cell.channel === channel)?.at ?? this.values.peakOf(channel);
    const why = await this.app.source.explanation(this.index, [...[null, ...at].slice(-3), channel], null).catch(() => null);
    if (this.closed || this.shown !== channel || !why) return;
    this.kernel.replaceChildren(...kernelPanel(why, this.app.document.layers[why.sources[0]].name));
    if (why.sources.length === 1 && why.order.length) this.neighbour.show(why.channels[why.order[0] % why.channels.length]);
  }

  showFigures() {
    if (!this.values) return;
    const { exact, steps } = this.values, isShared = this.app.settings.scale === "layer";
    const told = isShared ? "One scale of colours for the whole layer" : "Each channel has its own scale: this one is the layer's";
    const rounded = exact ? "." : `; numbers are rounded to 1/${steps} of the channel's largest.`;
    this.figures.replaceChildren(histogramPanel(this.layer, this.values, told + rounded), statisticsPanel(this.layer));
  }

  /** The cells that an exported page explains, where these are not all. @param {Values} values @returns {Promise<Cell[]>} */
  async placesExplained({ numbers: { length } }) {
    const places = (await this.app.source.places(this.index)) ?? [], cells = places.map((key) => key.split(",").filter(Boolean).map(Number));
    return cells.length < length ? cells.map((numbers) => ({ channel: numbers[numbers.length - 1], at: numbers.slice(0, -1) })) : [];
  }

  zoomButtons() {
    const named = (/** @type {string} */ name) => ({ "aria-label": name, title: name });
    return make("div", "zoom", [
      makeButton("round", "−", () => this.mosaic?.zoom(false), named("farther")),
      makeButton("round", "⤢", () => this.mosaic?.frameOn(null), named("all channels")),
      makeButton("round", "+", () => this.mosaic?.zoom(true), named("closer"))]);
  }

  sliceSlider() {
    if (!this.sides.volume) return [];
    const slider = (this.slider = make("input", "", [], { type: "range", min: "0", max: `${this.sides.depth - 1}`, "aria-label": "slice" }));
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
    const open = (/** @type {Partial<Cell>|undefined} */ cell) => cell && this.app.go({ layer: this.index, channel: null, at: null, ...cell });
    const bySlice = (/** @type {KeyboardEvent} */ { key }) => this.cell && this.showSlice(this.cell.at[0] + (key === "<" ? -1 : 1));
    return [
      { key: Object.keys(ARROWS).join(" "), does: "to the next cell", act: ({ key }) => this.move(ARROWS[key]) },
      { key: "PageUp PageDown", does: "the channel before, the next channel", act: ({ key }) => this.turn(key === "PageUp" ? -1 : 1) },
      ...(this.sides.volume ? [{ key: "< >", does: "the slice before, the next slice", act: bySlice }] : []),
      { key: "Enter", does: "explain this number", act: () => open(this.cell) },
      { key: "c", does: "enlarge this channel", act: () => open(this.cell && { channel: this.cell.channel }) },
      { key: "+ -", does: "closer, farther", act: ({ key }) => this.mosaic?.zoom(key === "+") },
      { key: "0", does: "all channels", act: () => this.mosaic?.frameOn(null) },
    ];
  }

  /** Move the cell; in a dense layer, from unit to unit. @param {number[]} by rows, columns */
  move([down, across]) {
    if (!this.mosaic || !this.cell) return;
    if (this.mosaic.isUnits) return this.turn(across + down * (this.mosaic.isCrowd ? this.mosaic.size.width : this.mosaic.across));
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
    this.look(cell);
    this.mosaic?.cursor.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  }
}
