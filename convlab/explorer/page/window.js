// The moving window: a map and what comes out of it side by side, and the window that slides over one and fills the other.

import { Arithmetic } from "./arithmetic.js";
import { CellMap } from "./cells.js";
import { make, makeButton, makeShape } from "./elements.js";
import { cellsUnder, extentOf, outputsReached, within } from "./geometry.js";
import { ARROWS } from "./keys.js";
import { boxText, counted, written } from "./numbers.js";

const SPEEDS = [["every product", 320], ["slow", 900], ["medium", 280], ["fast", 60]]; // milliseconds of a step
const MOST_STOPS = 800; // of a fast tour over a large map
const SMALLEST_OUTPUT = 160; // pixels of its longer side

export class MovingWindow {
  /** @param {HTMLElement} host @param {Moving} moving */
  constructor(host, moving) {
    const { input, output, axes } = (this.moving = moving);
    this.at = moving.at;
    this.speed = moving.speed ?? 2;
    this.places = output.height * output.width;
    this.count = this.revealed = Infinity; // products summed so far; outputs, in the order of play
    this.timer = this.below = 0; // below: pixels that the equation takes
    this.current = /** @type {Sum|null} */ (null);
    const [from, to] = [["from", input.title], ["to", output.title]].map(([name, title]) => make("figure", name, [make("figcaption", "", [title])]));
    this.input = new CellMap(from, { ...input, padding: axes.map(({ before, after }) => [before, after]) });
    this.output = new CellMap(to, { ...output, faint: (y, x) => y * output.width + x >= this.revealed });
    this.inputNote = from.appendChild(make("p", "note", ["\u00a0"]));
    this.outputNote = to.appendChild(make("p", "note"));
    this.beam = makeShape("path", "beam");
    this.beams = makeShape("svg", "beams", {}, [this.beam]);
    this.play = makeButton("play", "", () => this.toggle());
    this.play.hidden = wantsStillness();
    this.element = make("div", "moving", [make("div", "maps", [from, this.beams, to])]);
    this.arithmetic = new Arithmetic(this.element, moving.arithmetic);
    this.element.append(this.transport());
    host.append(this.element);
    this.listen();
    this.fit();
    this.shown = this.moveTo(this.at[0], this.at[1], false);
  }

  transport() {
    const named = make("output"), one = makeButton("", "›", () => this.step(), { "aria-label": "one step", title: "one step" });
    const slider = make("input", "", [], { type: "range", min: "0", max: "3", value: `${this.speed}`, "aria-label": "speed" });
    const change = () => {
      this.speed = Number(slider.value);
      named.textContent = `${SPEEDS[this.speed][0]}`;
      if (this.speed) this.count = Infinity;
      this.showPlaying();
    };
    slider.addEventListener("input", change);
    change();
    return make("div", "transport", [this.play, one, make("label", "speed", [slider, named])]);
  }

  listen() {
    this.input.listen((cell) => this.overInput(cell), ({ y, x }) => this.moving.onInput?.(y, x));
    this.output.listen((cell) => this.overOutput(cell), ({ y, x }) => (this.pause(), this.moveTo(y, x)));
    this.resizing = new ResizeObserver(() => this.fit());
    this.resizing.observe(this.element);
  }

  /** Fit both maps into what is there, with cells of one size, so that sizes compare; a small output has larger ones. */
  fit() {
    const { input, output } = this, wide = this.element.clientWidth, room = wide - Math.max(90, wide * 0.12);
    if (!wide) return;
    this.below = this.arithmetic.element.offsetHeight;
    const high = Math.max(160, innerHeight - this.moving.around - this.below), both = input.frame.columns + output.frame.columns;
    const cell = Math.min(input.cellFor((room * input.frame.columns) / both, high), output.cellFor(room, high));
    const larger = Math.min(output.cellFor(room - cell * input.frame.columns, high), SMALLEST_OUTPUT / Math.max(output.frame.rows, output.frame.columns));
    input.draw(cell);
    output.draw(Math.max(cell, larger));
    this.mark();
  }

  /** Move the window to an output. @param {number} y @param {number} x @param {boolean} [tell] */
  moveTo(y, x, tell = true) {
    const { height, width } = this.moving.output;
    this.at = [within(y, height), within(x, width)];
    this.mark();
    if (tell) this.moving.onStep?.(this.at[0], this.at[1]);
    return this.sum();
  }

  /** Show the sum of where the window stands; an answer that comes late, for another place, is dropped. */
  async sum() {
    const at = this.at, answer = this.moving.sumAt(at[0], at[1]), sum = answer instanceof Promise ? await answer : answer;
    if (String(this.at) !== String(at)) return;
    this.current = sum;
    this.arithmetic.element.hidden = !sum;
    if (sum) this.arithmetic.show(sum, this.count);
    else this.arithmetic.line.replaceChildren();
    if (this.arithmetic.element.offsetHeight !== this.below) this.fit();
    this.markProduct();
  }

  /** The cells under the window of an output: their rows and columns, and the box around them. @param {number[]} at */
  windowOf(at) {
    const [rows, columns] = this.moving.axes, [ys, xs] = [cellsUnder(rows, at[0]), cellsUnder(columns, at[1])];
    return { ys, xs, whole: { y: ys[0], x: xs[0], height: extentOf(rows), width: extentOf(columns) } };
  }

  mark() {
    const { ys, xs, whole } = this.windowOf(this.at), gaps = this.moving.axes.some(({ dilation }) => dilation > 1);
    this.input.outline(gaps ? "window gapped" : "window", [whole]);
    this.input.outline("taps", gaps ? ys.flatMap((y) => xs.map((x) => ({ y, x }))) : []);
    this.output.outline("window", [{ y: this.at[0], x: this.at[1] }]);
    this.noteOutput(this.at);
    this.markProduct();
    const all = this.beams.getBoundingClientRect(), from = this.input.rectangle(whole), to = this.output.rectangle({ y: this.at[0], x: this.at[1] });
    const corners = [[from.right, from.top], [to.left, to.top], [to.left, to.bottom], [from.right, from.bottom]];
    const path = `M${corners.map(([x, y]) => `${(x - all.left).toFixed(1)} ${(y - all.top).toFixed(1)}`).join("L")}Z`;
    this.beam.setAttribute("d", path);
    this.beam.style.setProperty("d", `path("${path}")`); // which can glide
  }

  /** Mark the product that was just added. */
  markProduct() {
    const { ys, xs } = this.windowOf(this.at), i = this.count - 1, running = i >= 0 && i < ys.length * xs.length;
    this.input.outline("tap", running ? [{ y: ys[Math.floor(i / xs.length)], x: xs[i % xs.length] }] : []);
  }

  noteOutput(/** @type {number[]} */ [y, x]) {
    this.outputNote.textContent = `${boxText([y, x], this.moving.output.shape)}: ${written(this.moving.output.value(y, x), 6)}`;
  }

  /** @param {{y: number, x: number}|null} cell of the output */
  overOutput(cell) {
    const at = cell ? [cell.y, cell.x] : this.at;
    if (this.moving.follows && !this.timer) return void (String(at) !== String(this.at) && this.moveTo(at[0], at[1]));
    this.output.outline("lit", cell ? [cell] : []);
    this.input.outline("lit", cell ? [this.windowOf(at).whole] : []);
    this.noteOutput(at);
  }

  /** @param {{y: number, x: number}|null} cell of the input */
  overInput(cell) {
    const [rows, columns] = this.moving.axes;
    const reached = cell ? outputsReached(rows, cell.y).flatMap((y) => outputsReached(columns, cell.x).map((x) => ({ y, x }))) : [];
    this.input.outline("lit", cell ? [cell] : []);
    this.output.outline("lit", reached);
    const value = cell && (this.input.holds(cell) ? written(this.moving.input.value(cell.y, cell.x), 6) : "padding");
    this.inputNote.textContent = cell ? `${boxText([cell.y, cell.x], this.moving.input.shape)}: ${value}, reaches ${counted(reached.length, "output")}` : "\u00a0";
  }

  /** One step: one product more, or the next window. While it plays, outputs appear where the window has been. */
  step() {
    if (this.speed === 0 && this.current && this.count < this.current.products.flat().length) {
      this.arithmetic.show(this.current, ++this.count);
      return this.markProduct();
    }
    const { width } = this.moving.output, place = this.at[0] * width + this.at[1], by = this.speed === 3 ? Math.ceil(this.places / MOST_STOPS) : 1;
    if (this.revealed < Infinity) {
      this.revealed = place + 1;
      const last = this.revealed === this.places;
      if (last) this.complete();
      this.output.draw();
      if (last) return;
    }
    const next = by > 1 ? within(place + by, this.places) : (place + 1) % this.places;
    this.count = this.speed === 0 ? 1 : Infinity;
    this.moveTo(Math.floor(next / width), next % width);
  }

  toggle() {
    if (this.timer) return this.pause();
    if (wantsStillness()) return this.step();
    if (this.revealed === Infinity) {
      [this.revealed, this.count] = [0, this.speed === 0 ? 1 : Infinity];
      this.moveTo(0, 0);
      this.output.draw();
    }
    this.tick();
    this.showPlaying();
  }

  tick() {
    this.timer = window.setTimeout(() => (this.step(), this.timer && this.tick()), Number(SPEEDS[this.speed][1]));
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.showPlaying();
  }

  showPlaying() {
    const playing = this.timer !== 0;
    this.play.classList.toggle("playing", playing);
    this.play.setAttribute("aria-label", playing ? "pause" : "play");
    this.element?.style.setProperty("--glide", playing ? `${Math.min(160, Number(SPEEDS[this.speed][1]) * 0.6)}ms` : "160ms");
  }

  /** End the tour: all outputs are there. */
  complete() {
    this.pause();
    this.revealed = this.count = Infinity;
  }

  /** Keys that move the window. @param {string} held "Shift+", or nothing @returns {Key[]} */
  keys(held = "") {
    const move = (/** @type {KeyboardEvent} */ { key }) => (this.pause(), this.moveTo(this.at[0] + ARROWS[key][0], this.at[1] + ARROWS[key][1]));
    return [
      { key: Object.keys(ARROWS).map((key) => held + key).join(" "), does: "move the window", act: move },
      { key: "Space", does: "play, pause", act: () => this.toggle() },
      { key: ".", does: "one step", act: () => this.step() },
    ];
  }

  close() {
    this.pause();
    this.resizing?.disconnect();
    this.element.remove();
  }
}

/** Whether the person asked for less motion. */
const wantsStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
