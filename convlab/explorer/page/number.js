// One number: the patch it was computed from, the products, their sum; and the way back to the pixels.

import { sidesOf } from "./address.js";
import { coneRibbon } from "./cone.js";
import { excuse, make, makeButton } from "./elements.js";
import { channelName, commandFor, isOneCell, placeBehind, termsOf } from "./explained.js";
import { within } from "./geometry.js";
import { ARROWS } from "./keys.js";
import { boxText, cellText, exactly, written } from "./numbers.js";
import { Terms } from "./terms.js";
import { Workplace } from "./workplace.js";

const MOST_REMEMBERED = 40; // explanations, of a megabyte where a layer is wide

export class NumberView {
  /** @param {HTMLElement} stage @param {App} app @param {State} state */
  constructor(stage, app, state) {
    this.app = app;
    this.layers = app.document.layers;
    this.state = /** @type {Place} */ (state);
    this.layer = this.layers[this.state.layer];
    this.why = /** @type {Explanation|null} */ (null);
    this.chosen = -1; // place in the patch's channels
    this.cursor = [0, 0];
    this.remembered = /** @type {Map<string, Promise<Explanation|null>>} */ (new Map());
    const [place, side, ledger] = ["place", "beside", "ledger"].map((name) => make("div", name));
    this.head = make("header", "headline");
    this.foot = make("div", "cones");
    stage.classList.add("number");
    stage.classList.toggle("vector", [this.state.layer, ...this.layer.inputs].every((index) => this.layers[index].shape.length < 2));
    stage.append(this.head, place, side, this.foot);
    this.terms = new Terms(side, (i) => (this.why && isOneCell(this.why) ? this.walk(i, 0, 0) : this.choose(i)));
    side.append(ledger);
    this.work = new Workplace(place, ledger, app, this);
    this.ready = this.follow(this.state);
  }

  /** Show another number of this layer. @param {State} state */
  update(state) {
    this.ready = this.follow(/** @type {Place} */ (state));
  }

  /** Show all anew: in other colours, backwards or forwards. */
  redraw() {
    this.why = null;
    this.app.go({ ...this.state }, { replace: true });
  }

  /** The class whose gradient is explained; null: forwards. */
  get backward() {
    return this.app.settings.backward ? this.app.settings.class : null;
  }

  async follow(/** @type {Place} */ state) {
    const stays = state.channel === this.state.channel && this.why !== null;
    this.state = state;
    const found = await this.explain(state.at).catch((error) => /** @type {Error} */ (error));
    if (this.closed || this.state !== state) return;
    this.foot.replaceChildren(coneRibbon(this.layers, state.layer, state.at, (layer) => this.app.go({ layer, channel: null, at: null })));
    this.why = found instanceof Error ? null : found;
    if (!this.why) return this.showBare(found instanceof Error ? excuse(found) : this.whyNot());
    this.showWhy(this.why, stays);
    if (stays && this.work.moving) await this.work.follow(state);
    else await this.build();
    this.markCursor();
    this.app.say(`${this.named()}: ${exactly(this.why.recorded)}`);
  }

  /** Ask for the explanation of a place in this channel; what was asked before is remembered. @param {At} at */
  explain(at) {
    const { backward, state: { layer, channel } } = this, [x, y, z = null] = [...at].reverse(), key = `${backward}/${channel}/${at}`;
    if (backward === null && !(this.layer.explains && this.layer.inputs.length)) return Promise.resolve(null);
    const asked = this.remembered.get(key) ?? this.app.source.explanation(layer, [z, y, x, channel], backward);
    if (this.remembered.size > MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(key, asked);
    return asked;
  }

  /** @param {Explanation} why @param {boolean} stays in the channel where it was */
  showWhy(why, stays) {
    this.app.shell.picture.box(why.field_in_image);
    const verdict = make("span", why.agrees ? "" : "off", [why.verdict]);
    this.showHead(exactly(why.recorded), why.title, [make("p", "", [why.place_line]), make("p", "", [why.sum_line, "; ", verdict])]);
    if (!stays || !why.kept.includes(this.chosen)) this.chosen = why.order.find((i) => why.kept.includes(i)) ?? 0;
    this.cursor = why.winner ?? [within(this.cursor[0], why.rows.length), within(this.cursor[1], why.columns.length)];
    this.terms.show(why.heading, termsOf(why, this.layers), this.chosen);
  }

  showHead(/** @type {string} */ worth, /** @type {string} */ title, /** @type {HTMLElement[]} */ lines) {
    this.head.replaceChildren(make("p", "worth", [worth]), make("div", "", [make("h1", "", [title]), ...lines]));
  }

  /** Build the maps: of another number, or of another channel of its patch. */
  async build() {
    if (this.why?.sources.length) await this.work.build(this.why, this.chosen, this.state);
    else this.work.clear();
    this.markCursor();
  }

  /** A pixel of the input, a layer that is no weighted sum, or what the page does not hold. @param {HTMLElement} reason */
  async showBare(reason) {
    const { state, layer } = this, values = await this.app.values(state.layer).catch(() => null);
    const worth = values && this.backward === null ? exactly(values.valueAt(state.channel, state.at)) : "?";
    if (this.closed || this.state !== state) return;
    this.app.shell.picture.box(layer.inputs.length ? null : state.at.map((cell) => [cell, cell]));
    this.showHead(worth, this.named(), [reason, ...layer.inputs.map((index) => makeButton("link", this.layers[index].name, () => this.app.go(this.placeIn(index))))]);
    this.terms.show("", [], -1);
    this.work.bare(values, state);
    await this.work.follow(state);
    this.app.say(`${this.named()}: ${worth === "?" ? "not held" : worth}`);
  }

  /** Why there is no explanation. */
  whyNot() {
    const { layer, backward, app: { document: told } } = this, says = (/** @type {string} */ text) => make("p", "", [text]);
    if (!told.generation) return says("No image is shown yet, so there are no numbers.");
    if (backward === null && !layer.inputs.length) return says("This is what went into the network: nothing lies behind it.");
    if (backward === null && !layer.explains) return says(`No weighted sum is known behind a layer of kind ${layer.kind}. It is computed from:`);
    const missing = says(`This page does not hold ${backward === null ? "the explanation of this number" : "what a number would change"}. This command has it:`);
    missing.append(make("code", "", [commandFor(told, this.state, backward === null ? null : (told.top.find(({ channel }) => channel === backward)?.quoted ?? ""))]));
    return missing;
  }

  /** The same place in a layer, or the nearest. @param {number} layer @param {{channel: number, at: At}} [place] */
  placeIn(layer, { channel, at } = this.state) {
    const { channels, height, width } = sidesOf(this.layers[layer].shape), [y, x] = at.slice(-2);
    return { layer, channel: within(channel, channels), at: [...at.slice(0, -2), within(y, height), within(x, width)] };
  }

  /** Which number it is: "conv2, channel 7, row 3, column 4". */
  named() {
    const { backward, state: { layer, channel, at }, app: { document: { top, labels } } } = this;
    const by = backward === null ? "" : `gradient of ${top.find((one) => one.channel === backward)?.label} by `;
    return `${by}${this.layer.name}, ${cellText(this.layer.shape, channel, at, labels[layer]?.[channel])}`;
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
    if (!isOneCell(this.why) || this.why.sources.length > 1) this.build();
    this.app.say(`${channelName(this.why, place, this.layers)}: ${written(this.why.sums[place], 6)}`);
  }

  /** Go one layer back, to a cell of the patch. @param {number} place @param {number} row @param {number} column */
  walk(place, row, column) {
    const back = this.why && placeBehind(this.why, place, row, column, this.layers);
    if (back) this.app.go(back);
    else this.app.say("nothing lies behind that cell");
  }

  /** @returns {Key[]} */
  get keys() {
    const arrows = Object.keys(ARROWS), by = (/** @type {KeyboardEvent} */ { key }) => (key === "PageUp" ? -1 : 1);
    const shifted = { key: arrows.map((key) => `Shift+${key}`).join(" "), does: "the layer's number beside", act: (/** @type {KeyboardEvent} */ { key }) => this.move(ARROWS[key]) };
    return [
      { key: arrows.join(" "), does: "move in the patch, or in the list of products", act: ({ key }) => this.step(ARROWS[key]) },
      { key: "Enter", does: "one layer back, to the cell that is marked", act: () => this.walk(this.chosen, this.cursor[0], this.cursor[1]) },
      { key: "PageUp PageDown", does: "the channel of the input that adds more, less", act: (event) => this.choose(this.terms.beside(by(event))) },
      { key: "Shift+PageUp Shift+PageDown", does: "the layer's channel before, after", act: (event) => this.stay({ channel: this.state.channel + by(event) }) },
      { key: "t", does: "all terms, or the strongest", act: () => this.terms.toggle() },
      ...(this.work.moving?.keys("Shift+") ?? [shifted]),
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
    const text = (/** @type {number[][][]} */ cells) => written(cells[row][column][why.kept.indexOf(this.chosen)], 6);
    const place = boxText([why.rows[row], why.columns[column]], this.layers[why.sources[0]].shape), value = why.padding[row]?.[column] ? "padding" : text(why.patch);
    const product = why.kernel && !why.winner ? ` × ${text(why.kernel)} = ${text(why.products)}` : "";
    this.app.say(`${place}, ${channelName(why, this.chosen, this.layers)}: ${value}${product}`);
  }

  markCursor() {
    this.work.arithmetic?.mark(this.why && !isOneCell(this.why) ? this.cursor : null);
  }

  close() {
    this.closed = true;
    this.why = null;
    this.work.clear();
  }
}
