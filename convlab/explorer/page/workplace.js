// Where a number is seen being made: the maps before and after with the window between them, and the equation.

import { Arithmetic, signedPixels } from "./arithmetic.js";
import { CellMap } from "./cells.js";
import { pixelOf } from "./colours.js";
import { asNumber } from "./digits.js";
import { make } from "./elements.js";
import { isOneCell, mapBehind, sumOf } from "./explained.js";
import { axesOf, cellsUnder } from "./geometry.js";
import { MovingWindow } from "./window.js";

const AROUND = 250, LINES = 12.4; // what is neither maps nor equation: pixels, and times the size of a letter

/** Built anew for every channel of the layer and of its source; within them its window moves. */
export class Workplace {
  /** @param {HTMLElement} host @param {HTMLElement} ledger @param {App} app @param {Asked} asked */
  constructor(host, ledger, app, asked) {
    this.host = host;
    this.app = app;
    this.asked = asked;
    this.options = { onCell: asked.walk, ledger };
    this.channel = -1; // of the layer, of which the maps are
    /** @type {MovingWindow|null} */
    this.moving = null;
    /** @type {Arithmetic|null} */
    this.arithmetic = null;
  }

  clear() {
    this.moving?.close();
    this.moving = this.arithmetic = null;
    this.host.replaceChildren();
    this.options.ledger.replaceChildren();
  }

  /** Show how a number is made of one channel of its source. @param {Explanation} why @param {number} chosen @param {Place} state @param {Values|null} from @param {Values|null} to */
  async build(why, chosen, state, from, to) {
    this.clear();
    this.channel = state.channel;
    const back = mapBehind(why, chosen, this.app.document.layers), axes = from && to && this.axes(why, state, from);
    if (from && to && axes) return this.buildWindow(chosen, state, back, from, to, axes);
    if (from && from.cells > 1) this.still(from, back, { y: why.rows[0], x: why.columns[0], height: span(why.rows), width: span(why.columns) });
    const names = (this.app.settings.backward ?? null) === null ? undefined : ["gradient", "weights", "products"];
    const sum = sumOf(why, chosen, from ? this.pixels(from, back.channel) : signedPixels(why.patch.flat(2).map(asNumber)));
    this.arithmetic = new Arithmetic(this.host, { ...this.options, names });
    this.arithmetic.show(names ? { ...sum, bias: sum.bias || null } : sum);
  }

  /** The axes along which the window moves, null where no rule moves it. @param {Explanation} why @param {Place} state @param {Values} from */
  axes(why, state, { sides: { height, width } }) {
    if (height * width === 1) return null;
    const one = { kernel: isOneCell(why) ? [1, 1] : [height, width], stride: [1, 1], dilation: [1, 1], padding: [[0, 0], [0, 0]] };
    const axes = axesOf(this.app.document.layers[state.layer].window ?? one, [height, width]), [y, x] = state.at.slice(-2);
    return `${cellsUnder(axes[0], y)}/${cellsUnder(axes[1], x)}` === `${why.rows}/${why.columns}` ? axes : null;
  }

  /** @param {number} chosen @param {Place} state @param {Place} back @param {Values} from @param {Values} to @param {Axis[]} axes */
  buildWindow(chosen, state, back, from, to, axes) {
    const slice = state.at.slice(0, -2), pixel = this.pixels(from, back.channel);
    this.moving = new MovingWindow(this.host, {
      input: this.mapOf(from, back), output: this.mapOf(to, state), axes, at: state.at.slice(-2), around: this.around, arithmetic: this.options,
      sumAt: async (y, x) => {
        const there = await this.asked.explain([...slice, y, x]).catch(() => null);
        return there?.kept.includes(chosen) ? sumOf(there, chosen, pixel) : null;
      },
      onStep: (y, x) => this.asked.move([...slice, y, x]),
      onInput: (y, x) => this.asked.go({ ...back, at: [...back.at.slice(0, -2), y, x] }),
    });
    this.arithmetic = this.moving.arithmetic;
    return this.moving.shown;
  }

  /** Show a number that has no explanation in its map. @param {Values|null} values @param {Place} state */
  bare(values, state) {
    if (this.moving && this.channel === state.channel) return;
    this.clear();
    if (values && values.cells > 1) this.still(values, state, { y: state.at.at(-2) ?? 0, x: state.at.at(-1) ?? 0 });
  }

  /** A map over which nothing moves; a click leads to a cell of it. @param {Values} values @param {Place} place @param {CellBox} box */
  still(values, place, box) {
    const cells = this.mapOf(values, place), figure = make("figure", "still", [make("figcaption", "note", [cells.title])]);
    this.host.append(figure);
    const map = new CellMap(figure, cells);
    map.draw(map.cellFor(Math.max(200, this.host.clientWidth * 0.7), Math.max(180, innerHeight - this.around)));
    map.outline("window", [box]);
    map.listen(() => {}, ({ y, x }) => this.asked.go({ ...place, at: [...place.at.slice(0, -2), y, x] }));
  }

  get around() {
    return AROUND + LINES * parseFloat(getComputedStyle(this.host).fontSize);
  }

  /** One channel of a layer as a map, of a volume the slice of a place. @param {Values} values @param {Place} place */
  mapOf(values, { layer, channel, at }) {
    const { name, shape } = this.app.document.layers[layer], { height, width } = values.sides, slice = at.slice(0, -2);
    const value = (/** @type {number} */ y, /** @type {number} */ x) => values.valueAt(channel, [...slice, y, x]);
    const title = `${name}, ${shape.length < 2 ? "unit" : "channel"} ${channel}`;
    return { title, height, width, value, pixel: this.pixels(values, channel) };
  }

  /** @param {Values} values @param {number} channel @returns {Colouring} */
  pixels(values, channel) {
    const scale = values.scaleOf(channel, this.app.settings);
    return (value) => pixelOf(value, scale);
  }

  /** Move the window to where one is now. @param {Place} state */
  async follow(state) {
    const [y, x] = state.at.slice(-2);
    if (this.moving && String(this.moving.at) !== `${y},${x}`) await this.moving.moveTo(y, x, false);
  }
}

/** @param {number[]} cells */
const span = (cells) => cells[cells.length - 1] - cells[0] + 1;
