// One number: the patch it was computed from, the products, their sum; and the way back to the pixels.

import { sidesOf } from "./address.js";
import { coneRibbon } from "./cone.js";
import { asNumber, sixDigits } from "./digits.js";
import { excuse, make, makeButton } from "./elements.js";
import { channelName, commandFor, isOneCell, placeBehind, termsOf } from "./explained.js";
import { Terms } from "./terms.js";
import { cellText, exactly } from "./words.js";
import { Workplace } from "./workplace.js";

const MOST_REMEMBERED = 200; // explanations

/**
 * @typedef {import("./workplace.js").Place} Place
 */

/** @param {HTMLElement} stage @param {App} app @param {State} state @returns {View} */
export function showNumber(stage, app, state) {
  const view = new NumberView(stage, app, /** @type {Place} */ (state));
  return {
    get keys() { return view.keys(); },
    get ready() { return view.ready; },
    close: () => view.close(),
    redraw: () => void view.rebuild(),
    update: (next) => void (view.ready = view.follow(/** @type {Place} */ (next))),
  };
}

class NumberView {
  /** @param {HTMLElement} stage @param {App} app @param {Place} state */
  constructor(stage, app, state) {
    this.app = app;
    this.layers = app.document.layers;
    this.layer = this.layers[state.layer];
    this.state = state;
    /** @type {Explanation|null} */
    this.why = null;
    this.chosen = -1; // place in the patch's channels
    this.cursor = [0, 0];
    /** @type {Map<string, Promise<Explanation|null>>} */
    this.remembered = new Map();
    this.closed = false;
    this.head = make("header", "headline");
    this.foot = make("div", "cones");
    const [place, side, maps, ledger] = ["place", "beside", "maps-place", "ledger"].map((name) => make("div", name));
    stage.classList.add("number");
    this.isVector = [state.layer, ...this.layer.inputs].every((index) => this.layers[index].shape.length < 2);
    stage.classList.toggle("vector", this.isVector);
    stage.append(this.head, place, side, this.foot);
    this.peers = new Terms(place, (channel) => app.go({ ...this.state, channel }, { replace: true }));
    this.terms = new Terms(side, (i) => this.act(i));
    place.append(maps);
    side.append(ledger);
    this.work = new Workplace(maps, ledger, app, {
      explain: (at) => this.explain(at),
      move: (at) => app.go({ ...this.state, at }, { replace: true }),
      walk: (row, column) => this.walk(this.chosen, row, column),
      go: (where) => app.go(where, { replace: where.layer === this.state.layer }),
    });
    this.ready = this.follow(state);
  }

  /** Show the number of a state, in this layer. @param {Place} state */
  async follow(state) {
    const stays = state.channel === this.state.channel && this.why !== null;
    this.state = state;
    const found = await this.explain(state.at).catch((error) => /** @type {Error} */ (error));
    if (this.closed || this.state !== state) return;
    this.why = found instanceof Error ? null : found;
    this.foot.replaceChildren(coneRibbon(this.layers, state.layer, state.at, (layer) => this.app.go({ layer, channel: null, at: null })));
    this.showPeers();
    if (!this.why) return this.showBare(found instanceof Error ? excuse(found) : this.whyNot());
    this.showWhy(this.why, stays);
    if (stays) await this.work.follow(state);
    else await this.rebuild();
    this.markCursor();
    this.app.say(`${this.named()}: ${exactly(asNumber(this.why.recorded))}`);
  }

  /** Ask for the explanation of a place in this channel; what was asked before is remembered. @param {number[]} at */
  explain(at) {
    if (!this.layer.explains || !this.layer.inputs.length) return Promise.resolve(null);
    const { layer, channel } = this.state, [x, y, z = null] = [...at].reverse();
    const key = `${channel}/${at}`;
    const asked = this.remembered.get(key) ?? this.app.source.explanation(layer, [z, y, x, channel]);
    if (this.remembered.size > MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(key, asked);
    return asked;
  }

  /** @param {Explanation} why @param {boolean} stays in the channel where it was */
  showWhy(why, stays) {
    this.app.shell.picture.box(why.field_in_image);
    this.head.replaceChildren(
      worth(asNumber(why.recorded)),
      make("div", "", [
        make("h1", "", [why.headline.slice(Math.max(0, why.headline.indexOf(`${this.layer.name} (`)))]),
        make("p", "", [`looks at ${why.window_line}; sees ${why.field_line}`]),
        make("p", "", [why.sum_line, "; ", make("span", why.agrees ? "" : "off", [why.verdict])]),
      ]),
    );
    if (!stays || !why.kept.includes(this.chosen)) this.chosen = why.order.find((i) => why.kept.includes(i)) ?? 0;
    this.cursor = why.winner ?? [within(this.cursor[0], why.rows.length), within(this.cursor[1], why.columns.length)];
    const what = why.order.length === 1 ? "It comes from" : why.sources.length > 1 ? "The inputs"
      : isOneCell(why) ? "The strongest products" : "The strongest channels";
    this.terms.show(what, termsOf(why, this.layers), this.chosen);
  }

  /** Where neither the layer nor its source has rows and columns: its units, for there is no map to show. */
  async showPeers() {
    const { layer, channel } = this.state;
    const values = this.isVector && (await this.app.values(layer).catch(() => null));
    if (this.closed) return;
    const terms = values ? unitsOf(values, this.app.document.labels[layer]) : [];
    this.peers.show(`The units of ${this.layer.name}`, terms, channel);
  }

  /** Build the maps anew: after another channel, or other colours. */
  async rebuild() {
    const { why, state } = this;
    if (!why) return this.follow(state);
    const source = why.sources[why.sources.length > 1 ? this.chosen : 0];
    const [from, to] = await Promise.all([source, state.layer].map((index) => this.app.values(index).catch(() => null)));
    if (this.closed || this.why !== why) return;
    this.work.build(why, this.chosen, state, from, to);
    this.markCursor();
  }

  /** A pixel of the input, a layer that is no weighted sum, or what the page does not hold. @param {HTMLElement} reason */
  async showBare(reason) {
    const state = this.state, values = await this.app.values(state.layer).catch(() => null);
    if (this.closed || this.state !== state) return;
    const value = values?.valueAt(state.channel, state.at);
    this.app.shell.picture.box(this.layer.inputs.length ? null : state.at.map((cell) => [cell, cell]));
    this.head.replaceChildren(worth(value), make("div", "", [make("h1", "", [this.named()]), reason, ...this.inputLinks()]));
    this.terms.show("", [], -1);
    this.work.bare(values, state);
    await this.work.follow(state);
    this.app.say(`${this.named()}: ${value === undefined ? "not held" : exactly(value)}`);
  }

  /** Why there is no explanation. */
  whyNot() {
    if (!this.layer.inputs.length) return make("p", "", ["This is what went into the network: nothing lies behind it."]);
    if (!this.layer.explains) return make("p", "", [`No weighted sum is known behind a layer of kind ${this.layer.kind}.`]);
    const command = make("code", "", [commandFor(this.app.document.command, this.layer, this.state)]);
    return make("p", "", ["This page does not hold the explanation of this number. This command has it:", command]);
  }

  inputLinks() {
    const links = this.layer.inputs.map((index) => {
      const { height, width } = sidesOf(this.layers[index].shape), [y, x] = this.state.at.slice(-2);
      const at = [...this.state.at.slice(0, -2), within(y, height), within(x, width)];
      const channel = within(this.state.channel, sidesOf(this.layers[index].shape).channels);
      return makeButton("link", this.layers[index].name, () => this.app.go({ layer: index, channel, at }));
    });
    return links.length ? [make("p", "", ["It is computed from ", ...links.flatMap((link, i) => (i ? [", ", link] : [link]))])] : [];
  }

  /** Which number it is: "conv2, channel 7, row 3, column 4". */
  named() {
    const { layer, channel, at } = this.state;
    return `${this.layer.name}, ${cellText(this.layer.shape, channel, at, this.app.document.labels[layer]?.[channel])}`;
  }

  // ---- what one does

  /** What a click on a term does: walk back where it is one cell, else look at its patch. @param {number} place */
  act(place) {
    if (this.why && isOneCell(this.why)) this.walk(place, 0, 0);
    else this.choose(place);
  }

  /** Look at the patch of another input channel, or mark another product. @param {number} place */
  choose(place) {
    if (!this.why || place < 0) return;
    if (!this.why.kept.includes(place)) return this.app.say("this page holds the patches of the strongest channels alone");
    this.chosen = place;
    this.terms.choose(place);
    if (!isOneCell(this.why) || this.why.sources.length > 1) this.rebuild();
    this.app.say(`${channelName(this.why, place, this.layers)}: ${sixDigits(asNumber(this.why.sums[place]))}`);
  }

  /** Go one layer back, to a cell of the patch. @param {number} place @param {number} row @param {number} column */
  walk(place, row, column) {
    const back = this.why && placeBehind(this.why, place, row, column, this.layers);
    if (back) this.app.go(back);
    else this.app.say("that cell is padding: nothing lies behind it");
  }

  keys() {
    const up = (/** @type {KeyboardEvent} */ event) => (event.key === "PageUp" ? -1 : 1);
    return [
      { key: "ArrowLeft ArrowRight ArrowUp ArrowDown", does: "move in the patch, or in the list of products",
        act: (/** @type {KeyboardEvent} */ event) => this.step(event.key) },
      { key: "Enter", does: "one layer back, to the cell that is marked", act: () => this.walk(this.chosen, this.cursor[0], this.cursor[1]) },
      { key: "PageUp PageDown", does: "the channel of the input that adds more, less",
        act: (/** @type {KeyboardEvent} */ event) => this.choose(this.terms.beside(up(event))) },
      { key: "Shift+PageUp Shift+PageDown", does: "the layer's channel before, after", act: (/** @type {KeyboardEvent} */ event) => this.turn(up(event)) },
      { key: "a", does: "all terms, or the strongest", act: () => this.terms.toggle() },
      ...(this.work.moving?.keys("Shift+") ?? []),
    ];
  }

  /** @param {string} key */
  step(key) {
    const [down, right] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key] ?? [0, 0];
    if (!this.why) return this.shift(down, right);
    if (isOneCell(this.why)) return this.choose(this.terms.beside(down + right));
    this.cursor = [within(this.cursor[0] + down, this.why.rows.length), within(this.cursor[1] + right, this.why.columns.length)];
    this.markCursor();
    this.sayCursor(this.why);
  }

  /** Move to the number beside, where there is no patch. @param {number} down @param {number} right */
  shift(down, right) {
    const { at } = this.state, { height, width } = sidesOf(this.layer.shape), [y, x] = at.slice(-2);
    this.app.go({ ...this.state, at: [...at.slice(0, -2), within(y + down, height), within(x + right, width)] }, { replace: true });
  }

  /** @param {number} by */
  turn(by) {
    this.app.go({ ...this.state, channel: within(this.state.channel + by, sidesOf(this.layer.shape).channels) }, { replace: true });
  }

  markCursor() {
    this.work.mark(this.why && !isOneCell(this.why) ? this.cursor : null);
  }

  /** @param {Explanation} why */
  sayCursor(why) {
    const [row, column] = this.cursor, k = why.kept.indexOf(this.chosen);
    const text = (/** @type {number[][][]} */ cells) => sixDigits(asNumber(cells[row][column][k]));
    const product = why.kernel && !why.winner ? ` × ${text(why.kernel)} = ${text(why.products)}` : "";
    const value = why.padding[row]?.[column] ? "padding" : text(why.patch);
    this.app.say(`row ${why.rows[row]}, column ${why.columns[column]}, ${channelName(why, this.chosen, this.layers)}: ${value}${product}`);
  }

  close() {
    this.closed = true;
    this.work.clear();
  }
}

/** @param {number} value @param {number} size */
function within(value, size) {
  return Math.min(Math.max(value, 0), size - 1);
}

/** A number written large, with all its digits. @param {number|undefined} value */
function worth(value) {
  return make("p", "worth", [value === undefined ? "?" : exactly(value).replace("-", "−")]);
}

/** The units of a layer as terms, the largest first. @param {Values} values @param {string[]|undefined} labels */
function unitsOf(values, labels) {
  const units = Array.from({ length: values.sides.channels }, (_unit, place) => (
    { place, name: labels?.[place] ?? `unit ${place}`, detail: "", value: values.value(place, 0) }));
  return units.sort((a, b) => Math.abs(b.value) - Math.abs(a.value) || a.place - b.place);
}
