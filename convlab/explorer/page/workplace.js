// Where a number is seen being made: the maps before and after with the window between them, and the equation.

import { Arithmetic, signedPixels } from "./arithmetic.js";
import { CellMap, mapOf } from "./cells.js";
import { make } from "./elements.js";
import { isOneCell, placeBehind, sumOf } from "./explained.js";
import { cellBox, cellsUnder } from "./geometry.js";
import { asNumber } from "./numbers.js";
import { MovingWindow } from "./window.js";

const AROUND = 250, LINES = 12.4; // what is neither maps nor equation: pixels, and times the size of a letter

/** Built anew for every channel of the layer and of its source; within them its window moves. */
export class Workplace {
  /** @param {HTMLElement} host @param {HTMLElement} ledger @param {App} app @param {import("./number.js").NumberView} view */
  constructor(host, ledger, app, view) {
    this.host = host;
    this.app = app;
    this.view = view;
    this.options = { onCell: (/** @type {number} */ row, /** @type {number} */ column) => view.walk(view.chosen, row, column), ledger };
    this.channel = -1; // of the layer, of which the maps are
    this.moving = /** @type {MovingWindow|null} */ (null);
    this.arithmetic = /** @type {Arithmetic|null} */ (null);
  }

  clear() {
    this.moving?.close();
    this.moving = this.arithmetic = null;
    this.host.replaceChildren();
    this.options.ledger.replaceChildren();
  }

  /** Show how a number is made of one channel of its source. @param {Explanation} why @param {number} chosen @param {Place} state */
  async build(why, chosen, state) {
    const { app, view } = this, { backward } = app.settings, back = /** @type {Place} */ (placeBehind({ ...why, rows: [0], columns: [0] }, chosen, 0, 0, app.document.layers));
    const excused = (/** @type {Error} */ error) => (app.say(error.message), null);
    const asked = backward ? [] : [back.layer, state.layer]; // gradients have no maps
    const [from = null, to = null] = await Promise.all(asked.map((index) => app.values(index).catch(excused)));
    if (view.why !== why || view.chosen !== chosen) return;
    this.clear();
    this.channel = state.channel;
    const axes = from && to && this.axes(why, state, from);
    if (from && to && axes) return this.buildWindow(chosen, state, axes, mapOf(app, from, back), mapOf(app, to, state), back);
    if (from && from.cells > 1) this.still(from, back, [why.rows, why.columns].map((cells) => [cells[0], cells[cells.length - 1]]));
    const sum = sumOf(why, chosen, from ? from.colouring(back.channel, app.settings) : signedPixels(why.patch.flat(2).map(asNumber)));
    this.arithmetic = new Arithmetic(this.host, { ...this.options, ...(backward && { names: ["gradient", "weights", "products"] }) });
    this.arithmetic.show(backward ? { ...sum, bias: sum.bias || null } : sum);
  }

  /** The axes along which the window moves, null where no rule moves it. @param {Explanation} why @param {Place} state @param {Values} from */
  axes(why, state, { sides: { height, width } }) {
    if (height * width === 1) return null;
    const whole = (/** @type {number} */ size) => ({ kernel: isOneCell(why) ? 1 : size, stride: 1, dilation: 1, before: 0, after: 0 });
    const { window } = this.app.document.layers[state.layer], [y, x] = state.at.slice(-2);
    const axes = [height, width].map((size, i) => ({ size, ...(window?.[i] ?? whole(size)) }));
    return `${cellsUnder(axes[0], y)}/${cellsUnder(axes[1], x)}` === `${why.rows}/${why.columns}` ? axes : null;
  }

  /** @param {number} chosen @param {Place} state @param {Axis[]} axes @param {Cells} input @param {Cells} output @param {Place} back */
  buildWindow(chosen, state, axes, input, output, back) {
    const slice = state.at.slice(0, -2), { view } = this;
    this.moving = new MovingWindow(this.host, {
      input, output, axes, at: state.at.slice(-2), around: this.around, arithmetic: this.options,
      sumAt: async (y, x) => {
        const there = await view.explain([...slice, y, x]).catch(() => null);
        return there?.kept.includes(chosen) ? sumOf(there, chosen, input.pixel) : null;
      },
      onStep: (y, x) => view.stay({ at: [...slice, y, x] }),
      onInput: (y, x) => view.app.go({ ...back, at: [...back.at.slice(0, -2), y, x] }),
    });
    this.arithmetic = this.moving.arithmetic;
    return this.moving.shown;
  }

  /** Show a number that has no explanation in its map. @param {Values|null} values @param {Place} state */
  bare(values, state) {
    if (this.moving && this.channel === state.channel && this.view.backward === null) return; // its sum is no gradient's
    this.clear();
    if (values && values.cells > 1) this.still(values, state, state.at.slice(-2).map((cell) => [cell, cell]));
  }

  /** A map over which nothing moves; a click leads to a cell of it. @param {Values} values @param {Place} place @param {Box} box */
  still(values, place, box) {
    const cells = mapOf(this.app, values, place), figure = make("figure", "still", [make("figcaption", "note", [cells.title])]);
    this.host.append(figure);
    const map = new CellMap(figure, cells);
    map.draw(map.cellFor(Math.max(200, this.host.clientWidth * 0.7), Math.max(180, innerHeight - this.around)));
    map.outline("window", [cellBox(box)]);
    const isHere = place.layer === this.view.state.layer;
    map.listen(() => {}, ({ y, x }) => this.app.go({ ...place, at: [...place.at.slice(0, -2), y, x] }, { replace: isHere }));
  }

  get around() {
    return AROUND + LINES * parseFloat(getComputedStyle(this.host).fontSize);
  }

  /** Move the window to where one is now. @param {Place} state */
  async follow(state) {
    const [y, x] = state.at.slice(-2);
    if (this.moving && String(this.moving.at) !== `${y},${x}`) await this.moving.moveTo(y, x, false);
  }
}
