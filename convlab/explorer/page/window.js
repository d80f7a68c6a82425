// The moving window: a map and what comes out of it side by side, and the window that slides over one and fills the other.

import { Arithmetic } from "./arithmetic.js";
import { CellMap, makeShape } from "./cells.js";
import { sixDigits } from "./digits.js";
import { make, makeButton } from "./elements.js";
import { cellsUnder, extentOf, outputsReached } from "./geometry.js";

const SPEEDS = [
  { name: "every product", wait: 320, products: true },
  { name: "slow", wait: 900, products: false },
  { name: "medium", wait: 280, products: false },
  { name: "fast", wait: 60, products: false },
];
const MOST_STOPS = 800; // of a fast tour over a large map
const SMALLEST_OUTPUT = 160; // pixels of its longer side
const ROOM_AROUND = 285;

/**
 * @typedef {import("./cells.js").Cells & {title: string}} Titled
 * @typedef {import("./arithmetic.js").Sum} Sum
 * @typedef {import("./geometry.js").Axis} Axis
 * @typedef {object} Moving
 * @property {Titled} input
 * @property {Titled} output
 * @property {Axis[]} axes rows and columns
 * @property {number[]} at row and column of the output to begin with
 * @property {(y: number, x: number) => Sum|null|Promise<Sum|null>} sumAt
 * @property {boolean} [follows] whether the window follows the pointer over the output, or is only lit
 * @property {(y: number, x: number) => void} [onStep] told where the window came to stand
 * @property {(y: number, x: number) => void} [onInput] told which cell of the input was clicked
 * @property {import("./arithmetic.js").ArithmeticOptions} [arithmetic]
 * @property {number} [speed] at the beginning
 * @property {number} [around] pixels above, between and below the maps and the equation
 */

/** The two maps, the beam between them, the transport below, and the equation. */
export class MovingWindow {
  /** @param {HTMLElement} host @param {Moving} moving */
  constructor(host, moving) {
    this.moving = moving;
    this.at = moving.at;
    this.below = 0; // pixels that the equation takes
    this.count = Infinity; // of the products summed so far
    this.revealed = Infinity; // of the outputs, in the order of play
    this.speed = moving.speed ?? 2;
    this.timer = 0;
    /** @type {Sum|null} */
    this.current = null;
    this.element = make("div", "moving");
    host.append(this.element);
    const { input, output, axes } = moving;
    const from = make("figure", "from", [make("figcaption", "", [input.title])]);
    const to = make("figure", "to", [make("figcaption", "", [output.title])]);
    this.input = new CellMap(from, { ...input, padding: axes.map(({ before, after }) => [before, after]) });
    this.output = new CellMap(to, { ...output, faint: (y, x) => y * output.width + x >= this.revealed });
    from.append((this.inputNote = make("p", "note", ["\u00a0"])));
    to.append((this.outputNote = make("p", "note", ["\u00a0"])));
    this.beam = makeShape("path", "beam");
    const beams = makeShape("svg", "beams", { "aria-hidden": "true" });
    beams.append(this.beam);
    this.maps = make("div", "maps", [from, beams, to]);
    this.playButton = makeButton("play", "", () => this.toggle(), { "aria-label": "play", title: "play" });
    this.playButton.hidden = wantsStillness();
    this.element.append(this.maps);
    this.arithmetic = new Arithmetic(this.element, moving.arithmetic ?? {});
    this.element.append(this.transport());
    this.listen();
    this.resizing = new ResizeObserver(() => this.fit());
    this.resizing.observe(this.element);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.fit();
    this.dark.addEventListener("change", this.redraw);
    this.fit();
    this.moveTo(this.at[0], this.at[1], false);
  }

  transport() {
    const named = make("output", "", [SPEEDS[this.speed].name]);
    const limits = { min: "0", max: String(SPEEDS.length - 1), value: String(this.speed) };
    const speed = make("input", "", [], { type: "range", ...limits, "aria-label": "speed" });
    speed.addEventListener("input", () => {
      this.speed = Number(speed.value);
      named.textContent = SPEEDS[this.speed].name;
      if (!SPEEDS[this.speed].products) this.count = Infinity;
      this.showPlaying(this.timer !== 0);
    });
    return make("div", "transport", [
      transportButton("«", "to the first window", () => this.restart()),
      transportButton("‹", "one step back", () => this.back()),
      this.playButton,
      transportButton("›", "one step", () => this.step()),
      make("label", "speed", [speed, named]),
    ]);
  }

  listen() {
    const { input, output } = this;
    output.canvas.addEventListener("pointermove", (event) => this.overOutput(output.cellAt(event)));
    output.canvas.addEventListener("pointerleave", () => this.overOutput(null));
    output.canvas.addEventListener("click", (event) => {
      const cell = output.cellAt(event);
      if (cell) (this.pause(), this.moveTo(cell.y, cell.x));
    });
    input.canvas.addEventListener("pointermove", (event) => this.overInput(input.cellAt(event)));
    input.canvas.addEventListener("pointerleave", () => this.overInput(null));
    input.canvas.addEventListener("click", (event) => {
      const cell = input.cellAt(event);
      if (cell && input.holds(cell)) this.moving.onInput?.(cell.y, cell.x);
    });
  }

  /** Fit both maps into what is there: cells of one size, so that sizes compare. */
  fit() {
    const wide = this.element.clientWidth;
    this.below = this.arithmetic.element.offsetHeight;
    const height = Math.max(160, innerHeight - (this.moving.around ?? ROOM_AROUND) - this.below);
    if (!wide) return;
    const both = this.input.frame.columns + this.output.frame.columns;
    const room = wide - Math.max(90, wide * 0.12);
    const cell = Math.min(this.input.cellFor(room * this.input.frame.columns / both, height), this.output.cellFor(room, height));
    const longer = Math.max(this.output.frame.rows, this.output.frame.columns);
    this.input.draw(cell);
    this.output.draw(Math.max(cell, Math.min(this.output.cellFor(room - cell * this.input.frame.columns, height), SMALLEST_OUTPUT / longer)));
    this.mark();
  }

  /** How many outputs there are below each other, and side by side. */
  get places() {
    return [this.moving.output.height, this.moving.output.width];
  }

  /** Move the window to an output. @param {number} y @param {number} x @param {boolean} [tell] */
  moveTo(y, x, tell = true) {
    const [rows, columns] = this.places;
    this.at = [Math.min(Math.max(y, 0), rows - 1), Math.min(Math.max(x, 0), columns - 1)];
    this.mark();
    if (tell) this.moving.onStep?.(this.at[0], this.at[1]);
    return this.sum();
  }

  /** Show the sum of where the window stands; an answer that comes late, for another place, is dropped. */
  async sum() {
    const [y, x] = this.at;
    const answer = this.moving.sumAt(y, x);
    const sum = answer instanceof Promise ? await answer : answer;
    if (this.at[0] !== y || this.at[1] !== x) return;
    this.current = sum;
    this.arithmetic.element.hidden = !sum;
    if (sum) this.arithmetic.show(sum, this.count);
    if (this.arithmetic.element.offsetHeight !== this.below) this.fit();
    this.markProduct();
  }

  /** The boxes of the window of an output. @param {number} y @param {number} x */
  windowOf(y, x) {
    const [rows, columns] = this.moving.axes;
    const tops = cellsUnder(rows, y), lefts = cellsUnder(columns, x);
    const whole = { y: tops[0], x: lefts[0], height: extentOf(rows), width: extentOf(columns) };
    const gaps = rows.dilation > 1 || columns.dilation > 1;
    return { whole, taps: gaps ? tops.flatMap((top) => lefts.map((left) => ({ y: top, x: left }))) : [] };
  }

  mark() {
    const [y, x] = this.at, { whole, taps } = this.windowOf(y, x);
    this.input.outline(taps.length ? "window gapped" : "window", [whole]);
    this.input.outline(taps.length ? "window" : "window gapped", []);
    this.input.outline("taps", taps);
    this.output.outline("window", [{ y, x }]);
    this.outputNote.textContent = `row ${y}, column ${x}: ${sixDigits(this.moving.output.value(y, x))}`;
    this.markProduct();
    this.shine(whole);
  }

  /** Mark the product that was just added. */
  markProduct() {
    const columns = this.moving.axes[1].kernel, i = this.count - 1;
    const running = Number.isFinite(this.count) && this.count > 0;
    const [tops, lefts] = this.moving.axes.map((axis, side) => cellsUnder(axis, this.at[side]));
    this.input.outline("tap", running ? [{ y: tops[Math.floor(i / columns)], x: lefts[i % columns] }] : []);
  }

  /** Draw the beam from the window to its output. @param {import("./cells.js").Box} whole */
  shine(whole) {
    const all = this.maps.getBoundingClientRect();
    const from = this.input.rectangle(whole), to = this.output.rectangle({ y: this.at[0], x: this.at[1] });
    const point = (/** @type {number} */ x, /** @type {number} */ y) => `${(x - all.left).toFixed(1)} ${(y - all.top).toFixed(1)}`;
    const path = `M${point(from.right, from.top)} L${point(to.left, to.top)} L${point(to.left, to.bottom)} L${point(from.right, from.bottom)} Z`;
    this.beam.setAttribute("d", path);
    this.beam.style.setProperty("d", `path("${path}")`);
  }

  /** @param {{y: number, x: number}|null} cell of the output */
  overOutput(cell) {
    if (cell && this.moving.follows && !this.timer) {
      if (cell.y !== this.at[0] || cell.x !== this.at[1]) this.moveTo(cell.y, cell.x);
      return;
    }
    const [y, x] = cell ? [cell.y, cell.x] : this.at;
    this.output.outline("lit", cell ? [cell] : []);
    this.input.outline("lit", cell ? [this.windowOf(y, x).whole] : []);
    this.outputNote.textContent = `row ${y}, column ${x}: ${sixDigits(this.moving.output.value(y, x))}`;
  }

  /** @param {{y: number, x: number}|null} cell of the input */
  overInput(cell) {
    const sides = cell ? [cell.y, cell.x] : [];
    const [rows, columns] = sides.map((at, side) => outputsReached(this.moving.axes[side], at));
    const reached = cell ? rows.flatMap((y) => columns.map((x) => ({ y, x }))) : [];
    this.input.outline("lit", cell ? [cell] : []);
    this.output.outline("lit", reached);
    this.inputNote.textContent = cell ? this.inputText(cell, reached.length) : " ";
  }

  /** @param {{y: number, x: number}} cell @param {number} reached */
  inputText(cell, reached) {
    const value = this.input.holds(cell) ? sixDigits(this.moving.input.value(cell.y, cell.x)) : "padding";
    const outputs = reached === 1 ? "one output" : reached ? `${reached} outputs` : "no output";
    return `row ${cell.y}, column ${cell.x}: ${value}, reaches ${outputs}`.replaceAll("-", "−");
  }

  /** The window n places on in the order of reading. @param {number} n */
  onward(n) {
    const [rows, columns] = this.places, place = this.at[0] * columns + this.at[1] + n;
    const within = n > 1 ? Math.min(place, rows * columns - 1) : (place + rows * columns) % (rows * columns);
    return this.moveTo(Math.floor(within / columns), within % columns);
  }

  /** One step: one product more, or the next window. */
  step() {
    const total = this.current ? this.current.products.flat().length : 0;
    if (SPEEDS[this.speed].products && this.count < total) {
      this.count += 1;
      this.arithmetic.show(/** @type {Sum} */ (this.current), this.count);
      this.markProduct();
      return;
    }
    if (this.reveal()) return;
    this.count = SPEEDS[this.speed].products ? 1 : Infinity;
    this.onward(SPEEDS[this.speed].wait < 100 ? Math.max(1, Math.round(this.places[0] * this.places[1] / MOST_STOPS)) : 1);
  }

  back() {
    this.count = Infinity;
    this.onward(-1);
  }

  restart() {
    this.pause();
    this.count = Infinity;
    this.moveTo(0, 0);
  }

  /** While it plays, outputs appear where the window has been; return whether that was the last. */
  reveal() {
    if (this.revealed === Infinity) return false;
    const [rows, columns] = this.places, place = this.at[0] * columns + this.at[1];
    const last = place === rows * columns - 1;
    if (last) this.complete();
    else this.revealed = place + 1;
    this.output.draw();
    return last;
  }

  toggle() {
    if (this.timer) return this.pause();
    if (wantsStillness()) return this.step();
    if (this.revealed === Infinity) {
      this.revealed = 0;
      this.count = SPEEDS[this.speed].products ? 1 : Infinity;
      this.moveTo(0, 0);
      this.output.draw();
    }
    this.showPlaying(true);
    this.tick();
  }

  tick() {
    this.timer = window.setTimeout(() => {
      this.step();
      if (this.timer) this.tick();
    }, SPEEDS[this.speed].wait);
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.showPlaying(false);
  }

  /** @param {boolean} playing */
  showPlaying(playing) {
    this.playButton.classList.toggle("playing", playing);
    this.playButton.setAttribute("aria-label", playing ? "pause" : "play");
    this.element.style.setProperty("--glide", playing ? `${Math.min(160, SPEEDS[this.speed].wait * 0.6)}ms` : "160ms");
  }

  /** End the tour: all outputs are there. */
  complete() {
    this.pause();
    this.revealed = this.count = Infinity;
  }

  /** Keys that move the window. @param {string} held "Shift+", or nothing */
  keys(held = "") {
    const by = (/** @type {Record<string, number[]>} */ steps) => (/** @type {KeyboardEvent} */ event) => {
      const [down, right] = steps[event.key];
      this.pause();
      this.moveTo(this.at[0] + down, this.at[1] + right);
    };
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    return [
      { key: Object.keys(steps).map((key) => held + key).join(" "), does: "move the window", act: by(steps) },
      { key: "Space", does: "play, pause", act: () => this.toggle() },
      { key: ".", does: "one step", act: () => this.step() },
      { key: ",", does: "one step back", act: () => this.back() },
      { key: "Home", does: "the first window", act: () => this.restart() },
    ];
  }

  close() {
    this.pause();
    this.resizing.disconnect();
    this.dark.removeEventListener("change", this.redraw);
    this.element.remove();
  }
}

/** @param {string} text @param {string} label @param {() => void} act */
function transportButton(text, label, act) {
  return makeButton("", text, act, { "aria-label": label, title: label });
}

/** Whether the person asked for less motion. */
function wantsStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
