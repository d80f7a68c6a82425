// A picture and a kernel of one's own, without any network: the page a teacher opens.

import { coloured, signedPixels } from "./arithmetic.js";
import { DIVERGING, NEUTRAL } from "./colours.js";
import { ConvSettings } from "./conv_settings.js";
import { sixDigits, topOf } from "./digits.js";
import { make } from "./elements.js";
import { extentOf, outputSize, sizeFormula, within } from "./geometry.js";
import { ARROWS } from "./keys.js";
import { KERNELS, PICTURES, tableOf, weightOf } from "./presets.js";
import { MovingWindow } from "./window.js";

const AROUND = 285; // pixels that are neither maps nor equation

/** @param {HTMLElement} stage @param {App} app @returns {View} */
export function showConv(stage, app) {
  const page = new ConvPage(stage, app);
  return { get keys() { return page.moving?.keys() ?? []; }, close: () => page.moving?.close() };
}

class ConvPage {
  /** @param {HTMLElement} stage @param {App} app */
  constructor(stage, app) {
    this.app = app;
    this.pictures = picturesOf(app.document);
    this.settings = new ConvSettings(location.hash, this.pictures);
    this.axes = this.settings.axes();
    this.weights = this.result = [[0]];
    this.kernelPixel = this.resultPixel = this.grey = (/** @type {number} */ _value) => 0;
    /** @type {MovingWindow|null} */
    this.moving = null;
    this.does = make("p", "does");
    this.place = make("div", "place");
    this.sizes = make("section", "sizes", [], { "aria-live": "polite" });
    this.kernelTable = make("table", "grid edited");
    this.controls = this.makeControls();
    stage.classList.add("conv");
    stage.append(make("div", "label", [introduction(), this.controls, this.sizes]), this.place);
    this.build();
  }

  makeControls() {
    const { settings } = this, set = (/** @type {(value: any) => unknown} */ change) => (/** @type {any} */ value) => (change(value), this.build());
    const assign = (/** @type {string} */ name) => set((value) => Object.assign(settings, { [name]: value }));
    const form = make("form", "controls", [
      make("fieldset", "", [
        chooser("picture", [...Object.keys(this.pictures), "own"], set((name) => this.choosePicture(name))),
        counter("rows", "height", 1, 28, set((height) => settings.resizePicture(height, settings.cells[0].length))),
        counter("columns", "width", 1, 28, set((width) => settings.resizePicture(settings.cells.length, width))),
        make("p", "does", ["click its cells to paint them; digits write tenths"])]),
      make("fieldset", "", [
        chooser("kernel", [...Object.keys(KERNELS), "own"], set((name) => this.chooseKernel(name))),
        counter("rows", "kernel-rows", 1, 7, set((rows) => settings.resizeKernel(rows, settings.weights[0].length))),
        counter("columns", "kernel-columns", 1, 7, set((columns) => settings.resizeKernel(settings.weights.length, columns))),
        this.does]),
      make("fieldset", "", [
        chooser("padding", ["valid", "same", "cells"], set((name) => (settings.padding = name === "cells" ? 1 : name))),
        counter("cells", "cells", 0, 28, assign("padding")), counter("stride", "stride", 1, 28, assign("stride")),
        counter("dilation", "dilation", 1, 28, assign("dilation"))]),
    ], { "aria-label": "picture and kernel" });
    form.addEventListener("submit", (event) => event.preventDefault());
    return form;
  }

  showSettings() {
    const { picture, cells, kernel, weights, padding, stride, dilation } = this.settings, counted = typeof padding === "number";
    const shown = { picture, height: cells.length, width: cells[0].length, kernel, "kernel-rows": weights.length,
      "kernel-columns": weights[0].length, padding: counted ? "cells" : padding, cells: counted ? padding : 0, stride, dilation };
    for (const [name, value] of Object.entries(shown)) {
      const control = /** @type {HTMLInputElement} */ (this.controls.elements.namedItem(name));
      control.value = String(value);
      if (name === "cells" && control.parentElement) control.parentElement.hidden = !counted;
    }
    this.does.textContent = KERNELS[kernel]?.does ?? "your own weights: write into its cells, below";
  }

  /** @param {string} picture */
  choosePicture(picture) {
    Object.assign(this.settings, { picture, ...(this.pictures[picture] && { cells: this.pictures[picture].map((row) => [...row]) }) });
  }

  /** @param {string} kernel */
  chooseKernel(kernel) {
    Object.assign(this.settings, { kernel, ...(KERNELS[kernel] && { weights: KERNELS[kernel].weights.map((row) => [...row]) }) });
  }

  /** Build all anew: after another size of anything. */
  build() {
    const { settings } = this, speed = this.moving?.speed, axes = (this.axes = settings.axes()), [height, width] = axes.map(outputSize);
    this.moving?.close();
    this.moving = null;
    this.sizes.replaceChildren(...sizeLines(axes));
    this.place.replaceChildren();
    this.kernelTable.replaceChildren(...settings.weights.map((row, y) => make("tr", "", row.map((text, x) => make("td", "", [this.weightField(text, y, x)])))));
    if (Math.min(height, width) < 1) {
      this.place.append(impossible(axes));
      return this.keep();
    }
    this.compute();
    const [rows, columns] = [settings.cells.length, settings.cells[0].length];
    this.moving = new MovingWindow(this.place, {
      input: { title: `picture, ${rows} × ${columns}`, height: rows, width: columns,
        value: (y, x) => settings.cells[y][x], pixel: (value) => this.grey(value) },
      output: { title: `result, ${height} × ${width}`, height, width,
        value: (y, x) => this.result[y][x], pixel: (value) => this.resultPixel(value) },
      axes, speed, at: [within(settings.at[0], height), within(settings.at[1] ?? 0, width)], follows: true, around: AROUND,
      sumAt: (y, x) => this.sumAt(y, x),
      onStep: (y, x) => this.stepped(y, x),
      arithmetic: { kernelTable: this.kernelTable },
    });
    this.makePaintable(this.moving.input);
  }

  keep() {
    this.showSettings();
    this.settings.keep();
  }

  /** Compute the result, and choose the colours: greys where nothing is negative. */
  compute() {
    const [rows, columns] = this.axes.map(outputSize), { settings } = this;
    this.weights = settings.weights.map((row) => row.map((text) => weightOf(text) ?? 0));
    this.result = tableOf(rows, columns, (y, x) => settings.sumAt(this.weights, y, x).sum);
    this.kernelPixel = signedPixels(this.weights.flat());
    this.grey = greys(Math.max(1, topOf(settings.cells.flat())));
    this.resultPixel = this.result.flat().some((value) => value < 0) ? signedPixels(this.result.flat()) : greys(Math.max(1, topOf(this.result.flat())));
    this.weights.forEach((row, y) => row.forEach((weight, x) => coloured(this.kernelTable.rows[y].cells[x], this.kernelPixel(weight))));
    this.keep();
  }

  /** Compute all anew where every size stayed. */
  refresh() {
    this.compute();
    this.moving?.complete();
    this.moving?.fit();
    this.moving?.sum();
  }

  /** @param {number} y @param {number} x @returns {Sum} */
  sumAt(y, x) {
    const found = this.settings.sumAt(this.weights, y, x), products = found.products.flat();
    return { ...found, kernel: this.weights, winner: null, others: null, othersNamed: "", bias: null, before: found.sum,
      named: `sum of ${products.length} product${products.length > 1 ? "s" : ""}`, function: "linear", after: found.sum,
      pixels: { patch: this.grey, kernel: this.kernelPixel, products: signedPixels(products) } };
  }

  /** @param {number} y @param {number} x */
  stepped(y, x) {
    this.settings.at = [y, x];
    if (this.moving?.timer) return;
    this.settings.keep();
    this.app.say(`row ${y}, column ${x} of the result: ${sixDigits(this.result[y][x])}`);
  }

  /** @param {string} text @param {number} y @param {number} x */
  weightField(text, y, x) {
    const field = make("input", "", [], { type: "text", value: text, "aria-label": `weight in row ${y}, column ${x}`, spellcheck: "false" });
    field.addEventListener("focus", () => field.select());
    field.addEventListener("input", () => {
      const wrong = field.classList.toggle("wrong", weightOf(field.value) === null);
      if (wrong) return;
      this.settings.weights[y][x] = field.value.trim();
      this.settings.kernel = "own";
      this.refresh();
    });
    return field;
  }

  /** The pointer paints in white and black; by keyboard arrows move, Enter paints, a digit writes tenths. @param {import("./cells.js").CellMap} map */
  makePaintable(map) {
    const { canvas, cells } = map, at = { y: 0, x: 0 };
    canvas.tabIndex = 0;
    canvas.classList.add("paintable");
    canvas.setAttribute("aria-label", "the picture: arrows move, Enter paints, a digit writes tenths");
    let ink = 1;
    const take = () => (ink = cells.value(at.y, at.x) > 0.5 ? 0 : 1);
    const show = (/** @type {number|null} */ value) => {
      map.outline("cursor", [at]);
      if (value !== null) {
        this.settings.cells[at.y][at.x] = value;
        this.settings.picture = "own";
        this.refresh();
      }
      this.app.say(`picture, row ${at.y}, column ${at.x}: ${sixDigits(cells.value(at.y, at.x))}`);
    };
    const paint = (/** @type {PointerEvent} */ event) => {
      const cell = map.cellAt(event), began = event.type === "pointerdown";
      if (!event.buttons || !cell || !map.holds(cell) || (!began && cell.y === at.y && cell.x === at.x)) return;
      Object.assign(at, cell);
      show(began ? take() : ink);
    };
    canvas.addEventListener("pointerdown", paint);
    canvas.addEventListener("pointermove", paint);
    canvas.addEventListener("blur", () => map.outline("cursor", []));
    canvas.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      if (!step && event.key !== "Enter" && !/^\d$/.test(event.key)) return;
      event.preventDefault();
      if (step) Object.assign(at, { y: within(at.y + step[0], cells.height), x: within(at.x + step[1], cells.width) });
      show(step ? null : event.key === "Enter" ? take() : Number(event.key) / 10);
    });
  }
}

/** A picture's colours: greys, where it is negative blue. @param {number} top @returns {Colouring} */
const greys = (top) => (value) =>
  value < 0 ? DIVERGING[NEUTRAL + Math.round((127 * value) / top)] : 0xff000000 | (Math.round((255 * value) / top) * 0x010101);

/** The picture that was given first, then those that are always there. @param {any} told @returns {Record<string, number[][]>} */
function picturesOf({ cells }) {
  return { ...(cells && { "your image": tableOf(cells.height, cells.width, (y, x) => cells.values[y * cells.width + x]) }), ...PICTURES };
}

function introduction() {
  return make("header", "introduction", [
    make("h1", "", ["One window, moving"]),
    make("p", "", ["Lay the kernel, a small table of weights, on the picture. Multiply every weight with the cell below it, and add up: that is one cell of the result. Move on."]),
    make("p", "aside", ["Frameworks do not flip the kernel: strictly, this is a cross-correlation."]),
  ]);
}

/** What stands in place of a result that there cannot be. @param {Axis[]} axes */
function impossible(axes) {
  const [axis, side] = outputSize(axes[0]) < 1 ? [axes[0], "rows"] : [axes[1], "columns"];
  const room = axis.size + axis.before + axis.after, most = Math.floor((room - 1) / Math.max(1, axis.kernel - 1));
  const gaps = axis.dilation > 1 ? ` (${axis.kernel} weights, ${axis.dilation - 1} between two of them left out)` : "";
  const help = [`${extentOf(axis) - room} more cells of padding or picture`, `a kernel of fewer ${side}`];
  if (axis.dilation > 1 && most >= 1) help.push(`a dilation of at most ${most}`);
  return make("section", "impossible", [
    make("h2", "", ["This window fits nowhere"]),
    make("p", "", [`Among the ${side} it is ${extentOf(axis)} cells long${gaps}; the picture with its padding has ${room}.`]),
    make("p", "arith", [sizeFormula(axis).join(" = ")]),
    make("p", "", [`It takes ${help.join(", or ")}.`]),
  ], { role: "alert" });
}

/** The size of the result, worked out. @param {Axis[]} axes */
function sizeLines(axes) {
  const [rows, columns] = axes.map(sizeFormula), law = "⌊(size + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1";
  const line = (/** @type {string} */ name, /** @type {string[]} */ [filled, quotient, size]) => make("div", "", [
    make("dt", "", [name]), make("dd", "", [filled]), make("dd", "", [`= ${quotient} = `, make("b", "", [size])])]);
  const lines = String(rows) === String(columns) ? [line("rows and columns", rows)] : [line("rows", rows), line("columns", columns)];
  return [make("h2", "", ["The size of the result"]), make("p", "law", [law]), make("dl", "", lines)];
}

/** @param {string} name @param {HTMLElement} control */
const labelled = (name, control) => make("label", "field", [make("span", "", [name]), control]);

/** @param {string} name @param {string[]} choices @param {(name: string) => void} act */
function chooser(name, choices, act) {
  const select = make("select", "", choices.map((one) => make("option", "", [one])), { name });
  select.addEventListener("change", () => act(select.value));
  return labelled(name, select);
}

/** @param {string} label @param {string} name @param {number} least @param {number} most @param {(value: number) => void} act */
function counter(label, name, least, most, act) {
  const input = make("input", "", [], { type: "number", min: `${least}`, max: `${most}`, name });
  input.addEventListener("change", () => act(Math.min(Math.max(Math.round(Number(input.value)) || least, least), most)));
  return labelled(label, input);
}
