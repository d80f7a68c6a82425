// Where a number is seen being made: the maps before and after with the window between them, and the equation.

import { Arithmetic } from "./arithmetic.js";
import { CellMap } from "./cells.js";
import { pixelOf } from "./colours.js";
import { isOneCell, mapBehind, sumOf } from "./explained.js";
import { axesOf, cellsUnder } from "./geometry.js";
import { make } from "./elements.js";
import { MovingWindow } from "./window.js";

const ROOM = 436; // pixels around the maps and the equation
const STILL_ROOM = 360;

/**
 * @typedef {{layer: number, channel: number, at: number[]}} Place
 *
 * What it asks of the view: the explanation of another place in the same channel, to go there, one layer back along a
 * cell of the patch, to any cell of the source.
 * @typedef {object} Asked
 * @property {(at: number[]) => Promise<Explanation|null>} explain
 * @property {(at: number[]) => void} move
 * @property {(row: number, column: number) => void} walk
 * @property {(place: Place) => void} go
 */

/** Built anew for every channel of the layer and of its source; within them its window moves. */
export class Workplace {
  /** @param {HTMLElement} host @param {HTMLElement} ledger @param {App} app @param {Asked} asked */
  constructor(host, ledger, app, asked) {
    this.host = host;
    this.ledger = ledger;
    this.app = app;
    this.asked = asked;
    /** @type {MovingWindow|null} */
    this.moving = null;
    /** @type {Arithmetic|null} the equation where no window moves */
    this.equation = null;
  }

  clear() {
    this.moving?.close();
    this.moving = this.equation = null;
    this.host.replaceChildren();
    this.ledger.replaceChildren();
  }

  /**
   * Show how a number is made of one channel of its source.
   * @param {Explanation} why @param {number} chosen @param {Place} state @param {Values|null} from @param {Values|null} to
   */
  build(why, chosen, state, from, to) {
    this.clear();
    const back = mapBehind(why, chosen, this.app.document.layers);
    const axes = from && to && this.axes(why, state, from);
    if (from && to && axes) this.buildWindow(why, chosen, state, back, from, to, axes);
    else this.buildStill(why, chosen, back, from);
  }

  /** The axes along which the window moves, null where no rule moves it. @param {Explanation} why @param {Place} state @param {Values} from */
  axes(why, state, from) {
    const { height, width } = from.sides, at = state.at.slice(-2);
    if (height * width === 1) return null;
    const one = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [[0, 0], [0, 0]] };
    const window = this.app.document.layers[state.layer].window ?? (isOneCell(why) ? one : { ...one, kernel: [height, width] });
    const axes = axesOf(window, [height, width]);
    const same = [why.rows, why.columns].every((cells, i) => String(cells) === String(cellsUnder(axes[i], at[i])));
    return same ? axes : null;
  }

  /**
   * @param {Explanation} why @param {number} chosen @param {Place} state @param {Place} back
   * @param {Values} from @param {Values} to @param {import("./geometry.js").Axis[]} axes
   */
  buildWindow(why, chosen, state, back, from, to, axes) {
    const { layers } = this.app.document, slice = state.at.slice(0, -2), pixel = this.pixels(from, back.channel);
    this.moving = new MovingWindow(this.host, {
      input: { title: mapName(layers[back.layer], back.channel), ...this.mapOf(from, back) },
      output: { title: mapName(layers[state.layer], state.channel), ...this.mapOf(to, state) },
      axes,
      at: state.at.slice(-2),
      sumAt: async (y, x) => {
        const there = await this.asked.explain([...slice, y, x]).catch(() => null);
        return there?.kept.includes(chosen) ? sumOf(there, chosen, pixel) : null;
      },
      onStep: (y, x) => this.asked.move([...slice, y, x]),
      onInput: (y, x) => this.asked.go({ ...back, at: [...back.at.slice(0, -2), y, x] }),
      arithmetic: { onCell: this.asked.walk, ledger: this.ledger },
      around: ROOM,
    });
  }

  /** Where no window moves: the map of the source, where it is one, and the equation. @param {Explanation} why @param {number} chosen @param {Place} back @param {Values|null} from */
  buildStill(why, chosen, back, from) {
    if (from && from.sides.height * from.sides.width > 1) {
      const map = this.still(from, back);
      map.outline("window", [{ y: why.rows[0], x: why.columns[0], height: spanOf(why.rows), width: spanOf(why.columns) }]);
    }
    this.equation = new Arithmetic(this.host, { onCell: this.asked.walk, ledger: this.ledger });
    this.equation.show(sumOf(why, chosen, from ? this.pixels(from, back.channel) : () => 0xff808080));
  }

  /** Show a number that has no explanation in its map. @param {Values|null} values @param {Place} state */
  bare(values, state) {
    if (this.moving) return;
    this.clear();
    if (!values || values.sides.height * values.sides.width === 1) return;
    const [y, x] = state.at.slice(-2);
    this.still(values, state).outline("window", [{ y, x }]);
  }

  /** A map over which nothing moves; a click leads to a cell of it. @param {Values} values @param {Place} place */
  still(values, place) {
    const title = mapName(this.app.document.layers[place.layer], place.channel);
    const figure = make("figure", "still", [make("figcaption", "note", [title])]);
    this.host.append(figure);
    const map = new CellMap(figure, this.mapOf(values, place));
    map.draw(map.cellFor(Math.max(200, this.host.clientWidth * 0.7), Math.max(180, innerHeight - STILL_ROOM)));
    map.canvas.addEventListener("click", (event) => {
      const cell = map.cellAt(event);
      if (cell) this.asked.go({ ...place, at: [...place.at.slice(0, -2), cell.y, cell.x] });
    });
    return map;
  }

  /** One channel of a layer as a map, of a volume the slice of a place. @param {Values} values @param {Place} place */
  mapOf(values, { channel, at }) {
    const slice = at.slice(0, -2);
    return {
      height: values.sides.height,
      width: values.sides.width,
      label: `channel ${channel}`,
      value: (/** @type {number} */ y, /** @type {number} */ x) => values.valueAt(channel, [...slice, y, x]),
      pixel: this.pixels(values, channel),
    };
  }

  /** @param {Values} values @param {number} channel @returns {import("./cells.js").Colouring} */
  pixels(values, channel) {
    const scale = values.scaleOf(channel, this.app.settings);
    return (value) => pixelOf(value, scale);
  }

  /** Move the window to where one is now. @param {Place} state */
  follow(state) {
    const [y, x] = state.at.slice(-2);
    if (this.moving && (this.moving.at[0] !== y || this.moving.at[1] !== x)) return this.moving.moveTo(y, x, false);
    return Promise.resolve();
  }

  /** Mark the cell of the patch where the cursor is; none without one. @param {number[]|null} cursor */
  mark(cursor) {
    for (const old of this.host.querySelectorAll(".grid .cursor")) old.classList.remove("cursor");
    const arithmetic = this.moving?.arithmetic ?? this.equation;
    if (cursor) arithmetic?.cell(cursor[0], cursor[1])?.classList.add("cursor");
  }
}

/** @param {Layer} layer @param {number} channel */
function mapName({ name, shape }, channel) {
  return `${name}, ${shape.length < 2 ? "unit" : "channel"} ${channel}`;
}

/** @param {number[]} cells */
function spanOf(cells) {
  return cells[cells.length - 1] - cells[0] + 1;
}
