// One number: the patch it was computed from, the products, their sum; and the way back to the pixels.

import { sidesOf } from "./address.js";
import { coneRibbon } from "./cone.js";
import { asNumber, sixDigits } from "./digits.js";
import { Direction } from "./direction.js";
import { excuse, make, makeButton } from "./elements.js";
import { channelName, commandFor, isOneCell, placeBehind, termsOf } from "./explained.js";
import { within } from "./geometry.js";
import { ARROWS } from "./keys.js";
import { Terms } from "./terms.js";
import { cellText, exactly, placeText, withMinus } from "./words.js";
import { Workplace } from "./workplace.js";

const MOST_REMEMBERED = 40; // explanations, of a megabyte where a layer is wide

/** @param {HTMLElement} stage @param {App} app @param {State} state @returns {View} */
export function showNumber(stage, app, state) {
  return new NumberView(stage, app, /** @type {Place} */ (state));
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
    const [place, side, ledger] = ["place", "beside", "ledger"].map((name) => make("div", name));
    this.direction = new Direction(app, () => {
      this.why = null;
      app.go({ ...this.state }, { replace: true });
    });
    this.told = make("div", "told");
    this.head = make("header", "headline", [this.told, this.direction.element]);
    this.foot = make("div", "cones");
    stage.classList.add("number");
    stage.classList.toggle("vector", [state.layer, ...this.layer.inputs].every((index) => this.layers[index].shape.length < 2));
    stage.append(this.head, place, side, this.foot);
    this.terms = new Terms(side, (i) => (this.why && isOneCell(this.why) ? this.walk(i, 0, 0) : this.choose(i)));
    side.append(ledger);
    this.work = new Workplace(place, ledger, app, {
      explain: (at) => this.explain(at),
      move: (at) => this.stay({ at }),
      walk: (row, column) => this.walk(this.chosen, row, column),
      go: (where) => app.go(where, { replace: where.layer === this.state.layer }),
    });
    this.ready = this.follow(state);
  }

  /** @param {State} state of this layer */
  update(state) {
    this.ready = this.follow(/** @type {Place} */ (state));
  }

  /** Show the number of a state, in this layer. @param {Place} state */
  async follow(state) {
    const stays = state.channel === this.state.channel && this.why !== null;
    this.state = state;
    const found = await this.explain(state.at).catch((error) => /** @type {Error} */ (error));
    if (this.closed || this.state !== state) return;
    this.foot.replaceChildren(coneRibbon(this.layers, state.layer, state.at, (layer) => this.app.go({ layer, channel: null, at: null })));
    this.why = found instanceof Error ? null : found;
    if (!this.why) return this.showBare(found instanceof Error ? excuse(found) : this.whyNot());
    this.showWhy(this.why, stays);
    if (stays && this.work.moving) await this.work.follow(state);
    else await this.redraw();
    this.markCursor();
    this.app.say(`${this.named()}: ${exactly(asNumber(this.why.recorded))}`);
  }

  /** Ask for the explanation of a place in this channel; what was asked before is remembered. @param {number[]} at */
  explain(at) {
    const { state: { layer, channel }, direction: { backward } } = this, [x, y, z = null] = [...at].reverse(), key = `${backward}/${channel}/${at}`;
    if (backward === null && !(this.layer.explains && this.layer.inputs.length)) return Promise.resolve(null);
    const asked = this.remembered.get(key) ?? this.app.source.explanation(layer, [z, y, x, channel], backward);
    if (this.remembered.size > MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(key, asked);
    return asked;
  }

  /** @param {Explanation} why @param {boolean} stays in the channel where it was */
  showWhy(why, stays) {
    this.app.shell.picture.box(why.field_in_image);
    const back = this.direction.backward !== null, begin = why.headline.indexOf(back ? "gradient of " : `${this.layer.name} (`);
    const linked = !back ? `looks at ${why.window_line}` : why.sources.length ? `reaches ${why.window_line}` : "reaches nothing that leads there";
    this.showHead(asNumber(why.recorded), why.headline.slice(Math.max(0, begin)), [
      make("p", "", [withMinus(`${linked}; sees ${why.field_line}`)]),
      make("p", "", [withMinus(why.sum_line), "; ", make("span", why.agrees ? "" : "off", [withMinus(why.verdict)])]),
    ]);
    if (!stays || !why.kept.includes(this.chosen)) this.chosen = why.order.find((i) => why.kept.includes(i)) ?? 0;
    this.cursor = why.winner ?? [within(this.cursor[0], why.rows.length), within(this.cursor[1], why.columns.length)];
    const many = why.sources.length > 1 ? (back ? "What it reaches" : "The inputs") : isOneCell(why) ? "The strongest products" : "The strongest channels";
    this.terms.show(why.order.length > 1 ? many : "It comes from", termsOf(why, this.layers), this.chosen);
  }

  /** @param {number|undefined} value @param {string} title @param {HTMLElement[]} lines */
  showHead(value, title, lines) {
    const worth = value === undefined ? "?" : exactly(value);
    this.told.replaceChildren(make("p", "worth", [worth]), make("div", "", [make("h1", "", [title]), ...lines]));
  }

  /** Build the maps anew: after another channel, or other colours. */
  async redraw() {
    const { why, state } = this;
    if (!why) return this.follow(state);
    if (!why.sources.length) return this.work.clear();
    const source = why.sources[why.sources.length > 1 ? this.chosen : 0];
    const [from, to] = await Promise.all((this.direction.backward === null ? [source, state.layer] : []).map((index) => this.app.values(index).catch((error) => (this.app.say(error.message), null))));
    if (this.closed || this.why !== why) return;
    await this.work.build(why, this.chosen, state, from ?? null, to ?? null);
    this.markCursor();
  }

  /** A pixel of the input, a layer that is no weighted sum, or what the page does not hold. @param {HTMLElement} reason */
  async showBare(reason) {
    const state = this.state, values = await this.app.values(state.layer).catch(() => null), value = this.direction.backward === null ? values?.valueAt(state.channel, state.at) : undefined;
    if (this.closed || this.state !== state) return;
    this.app.shell.picture.box(this.layer.inputs.length ? null : state.at.map((cell) => [cell, cell]));
    const links = this.layer.inputs.map((index) => makeButton("link", this.layers[index].name, () => this.app.go(this.placeIn(index))));
    this.showHead(value, this.named(), [reason, ...links]);
    this.terms.show("", [], -1);
    this.work.bare(values, state);
    await this.work.follow(state);
    this.app.say(`${this.named()}: ${value === undefined ? "not held" : exactly(value)}`);
  }

  /** Why there is no explanation. */
  whyNot() {
    if (!this.app.document.generation) return make("p", "", ["No image is shown yet, so there are no numbers."]);
    const { backward, className } = this.direction, command = commandFor(this.app.document.command, this.layer, this.state, backward === null ? null : className);
    const held = make("p", "", [`This page does not hold ${backward === null ? "the explanation of this number" : "what a number would change"}. This command has it:`, make("code", "", [command])]);
    if (backward !== null) return held;
    if (!this.layer.inputs.length) return make("p", "", ["This is what went into the network: nothing lies behind it."]);
    if (!this.layer.explains) return make("p", "", [`No weighted sum is known behind a layer of kind ${this.layer.kind}. It is computed from:`]);
    return held;
  }

  /** The same place in a layer, or the nearest. @param {number} layer @param {{channel: number, at: At}} [place] */
  placeIn(layer, { channel, at } = this.state) {
    const { channels, height, width } = sidesOf(this.layers[layer].shape), [y, x] = at.slice(-2);
    return { layer, channel: within(channel, channels), at: [...at.slice(0, -2), within(y, height), within(x, width)] };
  }

  /** Which number it is: "conv2, channel 7, row 3, column 4". */
  named() {
    const { layer, channel, at } = this.state;
    return `${this.direction.backward === null ? "" : `gradient of ${this.direction.className} by `}${this.layer.name}, ${cellText(this.layer.shape, channel, at, this.app.document.labels[layer]?.[channel])}`;
  }

  /** Go to another number of this layer. @param {Partial<Place>} change */
  stay(change) {
    this.app.go(this.placeIn(this.state.layer, { ...this.state, ...change }), { replace: true });
  }

  /** Look at the patch of another input channel, or mark another product. @param {number} place */
  choose(place) {
    if (!this.why || place < 0) return;
    if (!this.why.kept.includes(place)) return this.app.say("this page holds the patches of the strongest channels alone");
    this.chosen = place;
    this.terms.choose(place);
    if (!isOneCell(this.why) || this.why.sources.length > 1) this.redraw();
    this.app.say(`${channelName(this.why, place, this.layers)}: ${sixDigits(asNumber(this.why.sums[place]))}`);
  }

  /** Go one layer back, to a cell of the patch. @param {number} place @param {number} row @param {number} column */
  walk(place, row, column) {
    const back = this.why && placeBehind(this.why, place, row, column, this.layers);
    if (back) this.app.go(back);
    else this.app.say("nothing lies behind that cell");
  }

  /** @returns {Key[]} */
  get keys() {
    const moved = Object.keys(ARROWS).map((key) => `Shift+${key}`).join(" ");
    const by = (/** @type {KeyboardEvent} */ { key }) => (key === "PageUp" ? -1 : 1);
    return [
      { key: Object.keys(ARROWS).join(" "), does: "move in the patch, or in the list of products", act: ({ key }) => this.step(ARROWS[key]) },
      { key: "Enter", does: "one layer back, to the cell that is marked", act: () => this.walk(this.chosen, this.cursor[0], this.cursor[1]) },
      { key: "PageUp PageDown", does: "the channel of the input that adds more, less", act: (event) => this.choose(this.terms.beside(by(event))) },
      { key: "Shift+PageUp Shift+PageDown", does: "the layer's channel before, after", act: (event) => this.stay({ channel: this.state.channel + by(event) }) },
      ...this.direction.keys,
      { key: "a", does: "all terms, or the strongest", act: () => this.terms.toggle() },
      ...(this.work.moving?.keys("Shift+") ?? [{ key: moved, does: "the layer's number beside", act: ({ key }) => this.move(ARROWS[key]) }]),
    ];
  }

  /** @param {number[]} step down, right, to another number */
  move([down, right]) {
    const { at } = this.state, [y, x] = at.slice(-2);
    this.stay({ at: [...at.slice(0, -2), y + down, x + right] });
  }

  /** @param {number[]} step down, right, in the patch */
  step([down, right]) {
    const { why } = this;
    if (!why) return this.move([down, right]);
    if (isOneCell(why)) return this.choose(this.terms.beside(down + right));
    const [row, column] = (this.cursor = [within(this.cursor[0] + down, why.rows.length), within(this.cursor[1] + right, why.columns.length)]);
    this.markCursor();
    const text = (/** @type {number[][][]} */ cells) => sixDigits(asNumber(cells[row][column][why.kept.indexOf(this.chosen)]));
    const sequence = this.layers[why.sources[0]].shape.length === 2, value = why.padding[row]?.[column] ? "padding" : text(why.patch);
    const product = why.kernel && !why.winner ? ` × ${text(why.kernel)} = ${text(why.products)}` : "";
    this.app.say(`${placeText(sequence ? [why.columns[column]] : [why.rows[row], why.columns[column]])}, ${channelName(why, this.chosen, this.layers)}: ${value}${product}`);
  }

  markCursor() {
    this.work.arithmetic?.mark(this.why && !isOneCell(this.why) ? this.cursor : null);
  }

  close() {
    this.closed = true;
    this.work.clear();
  }
}
