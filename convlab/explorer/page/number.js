// One number: the patch it was computed from, the products, their sum; and the way back to the pixels.

import { sidesOf } from "./address.js";
import { Arithmetic } from "./arithmetic.js";
import { CellMap } from "./cells.js";
import { pixelOf } from "./colours.js";
import { coneRibbon } from "./cone.js";
import { asNumber, sixDigits } from "./digits.js";
import { excuse, make, makeButton } from "./elements.js";
import { axesOf, cellsUnder } from "./geometry.js";
import { channelName, commandFor, isOneCell, mapBehind, placeBehind, sumOf, termsOf } from "./explained.js";
import { Terms } from "./terms.js";
import { MovingWindow } from "./window.js";
import { cellText, exactly } from "./words.js";

/**
 * @typedef {import("./main.js").App} App
 * @typedef {import("./main.js").State} State
 * @typedef {import("./data.js").Explanation} Explanation
 * @typedef {import("./values.js").Values} Values
 * @typedef {{layer: number, channel: number, at: number[]}} Place
 */

const ROOM = 436; // pixels around the maps and the equation

/** @param {HTMLElement} stage @param {App} app @param {State} state @returns {import("./main.js").View} */
export function showNumber(stage, app, state) {
  const view = new NumberView(stage, app, /** @type {Place} */ (state));
  return {
    get keys() { return view.keys(); },
    get ready() { return view.ready; },
    close: () => view.close(),
    redraw: () => view.rebuild(),
    update: (next) => void (view.ready = view.follow(/** @type {Place} */ (next))),
  };
}

class NumberView {
  /** @param {HTMLElement} stage @param {App} app @param {Place} state */
  constructor(stage, app, state) {
    this.app = app;
    this.state = state;
    this.layer = app.document.layers[state.layer];
    /** @type {Explanation|null} */
    this.why = null;
    this.chosen = -1; // place in the patch's channels
    this.cursor = [0, 0];
    /** @type {MovingWindow|null} */
    this.moving = null;
    /** @type {Arithmetic|null} the equation where no window moves */
    this.equation = null;
    /** @type {Map<string, Promise<Explanation|null>>} */
    this.asked = new Map();
    this.closed = false;
    this.head = make("header", "headline");
    this.place = make("div", "place");
    this.side = make("aside", "beside");
    this.foot = make("div", "cones");
    stage.classList.add("number");
    stage.append(this.head, this.place, this.side, this.foot);
    this.terms = new Terms(this.side, (place) => this.act(place));
    this.terms.element.hidden = true;
    this.ledger = make("div", "ledger");
    this.side.append(this.ledger);
    this.ready = this.follow(state);
  }

  /** Show the number of a state, in this layer. @param {Place} state */
  async follow(state) {
    const channelStays = state.channel === this.state.channel;
    this.state = state;
    const found = await this.explain(state.at).catch((error) => /** @type {Error} */ (error));
    if (this.closed || this.state !== state) return;
    this.why = found instanceof Error ? null : found;
    this.foot.replaceChildren(coneRibbon(this.app.document.layers, state.layer, state.at, (layer) => this.app.go({ layer, channel: null, at: null })));
    if (!this.why) return this.showBare(found instanceof Error ? excuse(found) : this.whyNot());
    this.app.shell.picture.box(this.why.field_in_image);
    this.showHead(this.why);
    if (!channelStays || this.why.kept.indexOf(this.chosen) < 0) this.chosen = this.why.order.find((i) => this.why?.kept.includes(i)) ?? 0;
    this.cursor = this.why.winner ?? [within(this.cursor[0], this.why.rows.length), within(this.cursor[1], this.why.columns.length)];
    this.showTerms(this.why);
    if (this.moving && channelStays) await this.followWindow(state);
    else await this.rebuild();
    this.app.say(`${this.named()}: ${exactly(asNumber(this.why.recorded))}`);
  }

  /** Ask for the explanation of a place in this channel; one that was asked for before is remembered. @param {number[]} at */
  explain(at) {
    if (!this.layer.explains || !this.layer.inputs.length) return Promise.resolve(null);
    const { layer, channel } = this.state, [x, y, z = null] = [...at].reverse();
    const key = `${channel}/${at}`;
    const asked = this.asked.get(key) ?? this.app.source.explanation(layer, [z, y, x, channel]);
    if (this.asked.size > 200) this.asked.clear();
    this.asked.set(key, asked);
    return asked;
  }

  /** @param {Explanation} why */
  showHead(why) {
    const title = why.headline.replace(/^.*?, /, "");
    this.head.replaceChildren(
      make("p", "worth", [worthText(asNumber(why.recorded))]),
      make("div", "", [
        make("h1", "", [title]),
        make("p", "", [`looks at ${why.window_line}; sees ${why.field_line}`]),
        make("p", "", [why.sum_line, "; ", make("span", why.agrees ? "" : "off", [why.verdict])]),
      ]),
    );
  }

  /** @param {Explanation} why */
  showTerms(why) {
    const layers = this.app.document.layers;
    const single = isOneCell(why);
    this.terms.show(single ? "The strongest products" : "The strongest channels", termsOf(why, layers), single ? this.terms.chosen : this.chosen);
    if (single && this.terms.beside(0) === -1) this.terms.choose(why.order[0]);
  }

  /** What a click on a term does: walk back where it is one cell, else look at its patch. @param {number} place */
  act(place) {
    if (this.isSingle()) this.walk(place, 0, 0);
    else this.choose(place);
  }

  isSingle() {
    return !this.why || isOneCell(this.why);
  }

  /** Look at the patch of another input channel. @param {number} place */
  choose(place) {
    if (!this.why || place < 0) return;
    if (!this.why.kept.includes(place)) return this.app.say("this page holds only the strongest channels' patches");
    this.chosen = place;
    this.terms.choose(place);
    this.rebuild();
    this.app.say(`${channelName(this.why, place, this.app.document.layers)}: ${sixDigits(asNumber(this.why.sums[place]))}`);
  }

  /** Go one layer back, to a cell of the patch. @param {number} place @param {number} row @param {number} column */
  walk(place, row, column) {
    if (!this.why) return;
    const back = placeBehind(this.why, place, row, column, this.app.document.layers);
    if (back) this.app.go(back);
    else this.app.say("that cell is padding: nothing lies behind it");
  }

  /** Build the maps anew: after another channel, or other colours. */
  async rebuild() {
    const why = this.why;
    if (!why) return;
    const source = this.sourceOf(this.chosen);
    const [from, to] = await Promise.all([this.app.values(source), this.app.values(this.state.layer)].map((asked) => asked.catch(() => null)));
    if (this.closed || this.why !== why) return;
    const at = this.moving?.at ?? this.state.at.slice(-2);
    this.moving?.close();
    this.moving = null;
    this.place.replaceChildren();
    const axes = from && to && this.axes(why, from, to);
    if (from && to && axes) this.buildWindow(why, source, from, to, axes, at);
    else this.buildStill(why, source, from);
    this.markCursor();
  }

  /** @param {number} place */
  sourceOf(place) {
    const { sources } = /** @type {Explanation} */ (this.why);
    return sources.length > 1 ? sources[place] : sources[0];
  }

  /** The axes along which the window moves, null where no rule moves it. @param {Explanation} why @param {Values} from @param {Values} to */
  axes(why, from, to) {
    if (from.sides.height * from.sides.width === 1) return null;
    const one = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [[0, 0], [0, 0]] };
    const whole = { ...one, kernel: [from.sides.height, from.sides.width] };
    const window = this.layer.window ?? (isOneCell(why) ? one : whole);
    const axes = axesOf(window, [from.sides.height, from.sides.width]), at = this.state.at.slice(-2);
    const same = [why.rows, why.columns].every((cells, i) => String(cells) === String(cellsUnder(axes[i], at[i])));
    return same && to.sides.height * to.sides.width > 0 ? axes : null;
  }

  /**
   * @param {Explanation} why @param {number} source @param {Values} from @param {Values} to
   * @param {import("./geometry.js").Axis[]} axes @param {number[]} at
   */
  buildWindow(why, source, from, to, axes, at) {
    const { layers } = this.app.document, behind = mapBehind(why, this.chosen, this.app.document.layers);
    this.moving = new MovingWindow(this.place, {
      input: { title: `${layers[source].name}, channel ${behind.channel}`, ...this.mapOf(from, behind.channel, behind.at) },
      output: { title: `${this.layer.name}, channel ${this.state.channel}`, ...this.mapOf(to, this.state.channel, this.state.at) },
      axes,
      at,
      sumAt: async (y, x) => this.sumAt([...this.state.at.slice(0, -2), y, x], from),
      onStep: (y, x) => this.app.go({ ...this.state, at: [...this.state.at.slice(0, -2), y, x] }, { replace: true }),
      onInput: (y, x) => this.app.go({ layer: source, channel: behind.channel, at: [...behind.at.slice(0, -2), y, x] }),
      arithmetic: { onCell: (row, column) => this.walk(this.chosen, row, column), ledger: this.ledger },
      around: ROOM,
    });
  }

  /** @param {number[]} at @param {Values} from */
  async sumAt(at, from) {
    const why = await this.explain(at).catch(() => null);
    return why && why.kept.includes(this.chosen) ? sumOf(why, this.chosen, this.pixels(from, this.chosen)) : null;
  }

  /** @param {Values} from @param {number} place */
  pixels(from, place) {
    const channel = this.why ? mapBehind(this.why, place, this.app.document.layers).channel : 0;
    const scale = from.scaleOf(channel, this.app.settings);
    return (/** @type {number} */ value) => pixelOf(value, scale);
  }

  /** One channel of a layer as a map. @param {Values} values @param {number} channel @param {number[]} at its slice, if any */
  mapOf(values, channel, at) {
    const scale = values.scaleOf(channel, this.app.settings), [z] = at.length > 2 ? at : [0];
    return {
      height: values.sides.height, width: values.sides.width, label: `channel ${channel}`,
      value: (/** @type {number} */ y, /** @type {number} */ x) => values.valueAt(channel, [z, y, x]),
      pixel: (/** @type {number} */ value) => pixelOf(value, scale),
    };
  }

  /** Where no window moves: the equation, below the map of the source where it is one. @param {Explanation} why @param {number} source @param {Values|null} from */
  buildStill(why, source, from) {
    const pixel = from ? this.pixels(from, this.chosen) : (/** @type {number} */ value) => pixelOf(value, { signed: true, top: 1, asinh: false });
    if (from && from.sides.height * from.sides.width > 1) {
      const behind = mapBehind(why, this.chosen, this.app.document.layers);
      const map = stillMap(this.place, `${this.app.document.layers[source].name}, channel ${behind.channel}`, this.mapOf(from, behind.channel, behind.at));
      map.outline("window", [{ y: why.rows[0], x: why.columns[0], height: span(why.rows), width: span(why.columns) }]);
      map.canvas.addEventListener("click", (event) => {
        const cell = map.cellAt(event);
        if (cell) this.app.go({ layer: source, channel: behind.channel, at: [...behind.at.slice(0, -2), cell.y, cell.x] });
      });
    }
    this.equation = new Arithmetic(this.place, { onCell: (row, column) => this.walk(this.chosen, row, column), ledger: this.ledger });
    this.equation.show(sumOf(why, this.chosen, pixel));
  }

  /** Move the window that is there to where one is now. @param {Place} state */
  async followWindow(state) {
    const [y, x] = state.at.slice(-2), { moving } = this;
    if (!moving) return;
    if (moving.at[0] !== y || moving.at[1] !== x) await moving.moveTo(y, x, false);
    this.markCursor();
  }

  // ---- what has no explanation

  /** A pixel of the input, a layer that is no weighted sum, or what the page does not hold. @param {HTMLElement} reason */
  async showBare(reason) {
    const state = this.state, values = await this.app.values(state.layer).catch(() => null);
    if (this.closed || this.state !== state) return;
    const { layer, at, channel } = state, [y, x] = at.slice(-2);
    const worth = values ? worthText(values.valueAt(channel, at)) : "?";
    this.app.shell.picture.box(this.layer.inputs.length ? null : [[y, y], [x, x]]);
    this.head.replaceChildren(make("p", "worth", [worth]), make("div", "", [
      make("h1", "", [this.named()]), reason, ...this.inputLinks()]));
    this.terms.element.hidden = true;
    this.ledger.replaceChildren();
    if (this.moving) return void this.followWindow(state);
    this.place.replaceChildren();
    if (values && values.sides.height * values.sides.width > 1) {
      const map = stillMap(this.place, `${this.layer.name}, channel ${channel}`, this.mapOf(values, channel, at));
      map.outline("window", [{ y, x }]);
      map.canvas.addEventListener("click", (event) => {
        const cell = map.cellAt(event);
        if (cell) this.app.go({ layer, channel, at: [...at.slice(0, -2), cell.y, cell.x] }, { replace: true });
      });
    }
    this.app.say(`${this.named()}: ${values ? exactly(values.valueAt(channel, at)) : "not held"}`);
  }

  /** Which number it is: "conv2, channel 7, row 3, column 4". */
  named() {
    const { layer, channel, at } = this.state, label = this.app.document.labels[layer]?.[channel];
    return `${this.layer.name}, ${cellText(this.layer.shape, channel, at, label)}`;
  }

  /** Why there is no explanation. */
  whyNot() {
    if (!this.layer.inputs.length) return make("p", "", ["This is what went into the network: nothing lies behind it."]);
    if (!this.layer.explains) return make("p", "", [`No weighted sum is known behind a layer of kind ${this.layer.kind}.`]);
    const command = make("code", "", [commandFor(this.app.document.command, this.layer.name, this.state)]);
    return make("p", "", ["This page does not hold the explanation of this number. This command has it: ", command]);
  }

  inputLinks() {
    if (this.why || !this.layer.inputs.length) return [];
    const links = this.layer.inputs.map((index) =>
      makeButton("link", this.app.document.layers[index].name, () => this.app.go({ layer: index, channel: null, at: null })));
    return [make("p", "", ["It is computed from ", ...links])];
  }

  // ---- keys

  keys() {
    return [
      { key: "ArrowLeft ArrowRight ArrowUp ArrowDown", does: "move in the patch, or in the list of products", act: (/** @type {KeyboardEvent} */ event) => this.step(event.key) },
      { key: "Enter", does: "one layer back, to the cell that is marked", act: () => this.enter() },
      { key: "PageUp PageDown", does: "a stronger, a weaker channel of the input", act: (/** @type {KeyboardEvent} */ event) => this.choose(this.terms.beside(event.key === "PageUp" ? -1 : 1)) },
      { key: "Shift+PageUp Shift+PageDown", does: "the layer's channel before, after", act: (/** @type {KeyboardEvent} */ event) => this.turn(event.key === "PageUp" ? -1 : 1) },
      { key: "a", does: "all terms, or the strongest", act: () => this.terms.toggle() },
      ...(this.moving?.keys("Shift+") ?? []),
    ];
  }

  /** @param {string} key */
  step(key) {
    const [down, right] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key] ?? [0, 0];
    const why = this.why;
    if (!why) return this.shift(down, right);
    if (this.isSingle()) {
      const place = this.terms.beside(down + right);
      if (place < 0) return;
      this.terms.choose(place);
      return this.app.say(`${channelName(why, place, this.app.document.layers)}: ${sixDigits(asNumber(why.sums[place]))}`);
    }
    this.cursor = [within(this.cursor[0] + down, why.rows.length), within(this.cursor[1] + right, why.columns.length)];
    this.markCursor();
    this.sayCursor(why);
  }

  /** Move to the number beside, where there is no patch. @param {number} down @param {number} right */
  shift(down, right) {
    const { at } = this.state, { height, width } = sidesOf(this.layer.shape), [y, x] = at.slice(-2);
    this.app.go({ ...this.state, at: [...at.slice(0, -2), within(y + down, height), within(x + right, width)] }, { replace: true });
  }

  /** @param {Explanation} why */
  sayCursor(why) {
    const [row, column] = this.cursor, k = why.kept.indexOf(this.chosen);
    const value = asNumber(why.patch[row][column][k]), name = why.padding[row]?.[column] ? "padding" : sixDigits(value);
    const product = why.kernel ? ` × ${sixDigits(asNumber(why.kernel[row][column][k]))} = ${sixDigits(asNumber(why.products[row][column][k]))}` : "";
    this.app.say(`row ${why.rows[row]}, column ${why.columns[column]}, ${channelName(why, this.chosen, this.app.document.layers)}: ${name}${product}`);
  }

  enter() {
    if (!this.why) return;
    if (this.isSingle()) this.walk(this.terms.element.hidden ? this.why.order[0] : this.terms.chosen, 0, 0);
    else this.walk(this.chosen, this.cursor[0], this.cursor[1]);
  }

  /** @param {number} by */
  turn(by) {
    this.app.go({ ...this.state, channel: within(this.state.channel + by, sidesOf(this.layer.shape).channels) }, { replace: true });
  }

  /** Mark the cell of the patch where the cursor is. */
  markCursor() {
    const arithmetic = this.moving?.arithmetic ?? this.equation;
    for (const old of this.place.querySelectorAll(".grid .cursor")) old.classList.remove("cursor");
    if (!this.isSingle()) arithmetic?.cell(this.cursor[0], this.cursor[1])?.classList.add("cursor");
  }

  close() {
    this.closed = true;
    this.moving?.close();
  }
}

/** @param {number} value @param {number} size */
function within(value, size) {
  return Math.min(Math.max(value, 0), size - 1);
}

/** A number written large: with all its digits. @param {number} value */
function worthText(value) {
  return exactly(value).replace("-", "−");
}

/** @param {number[]} cells */
function span(cells) {
  return cells[cells.length - 1] - cells[0] + 1;
}

/** A map over which nothing moves. @param {HTMLElement} host @param {string} title @param {import("./cells.js").Cells} cells */
function stillMap(host, title, cells) {
  const figure = make("figure", "still", [make("figcaption", "", [title])]);
  host.append(figure);
  const map = new CellMap(figure, cells);
  map.draw(map.cellFor(Math.max(200, host.clientWidth * 0.6), Math.max(180, innerHeight * 0.38)));
  return map;
}
