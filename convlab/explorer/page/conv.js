// A picture and a kernel of one's own, without any network: the page a teacher opens.

import { colourCell } from "./arithmetic.js";
import { DIVERGING, NEUTRAL, pixelOf } from "./colours.js";
import { ConvSettings } from "./conv_settings.js";
import { sixDigits } from "./digits.js";
import { make } from "./elements.js";
import { extentOf, outputSize, sizeFormula } from "./geometry.js";
import { KERNELS, PICTURES, tableOf, weightOf } from "./presets.js";
import { MovingWindow } from "./window.js";

const LARGEST = 28, LARGEST_KERNEL = 7;
const FORMULA = "⌊(size + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1";

/**
 * @param {HTMLElement} stage
 * @param {App} app
 * @returns {View}
 */
export function showConv(stage, app) {
  const page = new ConvPage(stage, app);
  return {
    get keys() { return page.moving?.keys() ?? []; },
    close: () => page.close(),
  };
}

class ConvPage {
  /** @param {HTMLElement} stage @param {App} app */
  constructor(stage, app) {
    this.app = app;
    this.pictures = picturesOf(app.document);
    this.settings = ConvSettings.read(location.hash, this.pictures);
    this.axes = this.settings.axes();
    /** @type {number[][]} */
    this.weights = [];
    /** @type {number[][]} */
    this.result = [];
    this.signed = false;
    this.top = this.brightest = 1;
    /** @type {MovingWindow|null} */
    this.moving = null;
    this.controls = make("form", "controls", [], { "aria-label": "picture and kernel" });
    this.controls.addEventListener("submit", (event) => event.preventDefault());
    this.does = make("p", "does");
    this.place = make("div", "place");
    this.sizes = make("section", "sizes", [], { "aria-live": "polite" });
    this.kernelTable = make("table", "grid edited");
    stage.classList.add("conv");
    stage.append(make("div", "label", [convIntroduction(), this.controls, this.sizes]), this.place);
    this.makeControls();
    this.build();
  }

  /** Build all anew: after another size of anything. */
  build() {
    const { settings } = this;
    const speed = this.moving?.speed;
    this.showSettings();
    this.moving?.close();
    this.moving = null;
    const { axes } = Object.assign(this, { axes: settings.axes() });
    const places = axes.map(outputSize);
    this.sizes.replaceChildren(...sizeLines(axes));
    this.place.replaceChildren();
    settings.keep();
    if (Math.min(...places) < 1) return void this.place.append(this.impossible(axes));
    this.fillKernelTable();
    this.compute();
    this.moving = new MovingWindow(this.place, {
      input: { title: `picture, ${settings.height} × ${settings.width}`, height: settings.height, width: settings.width,
        value: (y, x) => settings.cells[y][x], pixel: (value) => this.grey(value), label: "the picture" },
      output: { title: `result, ${places[0]} × ${places[1]}`, height: places[0], width: places[1],
        value: (y, x) => this.result[y][x], pixel: (value) => this.resultPixel(value), label: "the result" },
      axes,
      at: [Math.min(settings.at[0], places[0] - 1), Math.min(settings.at[1], places[1] - 1)],
      follows: true,
      sumAt: (y, x) => this.sumAt(y, x),
      onStep: (y, x) => this.stepped(y, x),
      arithmetic: { kernelTable: this.kernelTable },
      speed,
    });
    this.painting(this.moving.input);
  }

  /** Compute all anew where every size stayed. */
  refresh() {
    this.showSettings();
    this.compute();
    this.settings.keep();
    this.moving?.complete();
    this.moving?.fit();
    this.moving?.sum();
  }

  compute() {
    const [rows, columns] = this.axes.map(outputSize), { settings } = this;
    this.weights = settings.kernel.map((row) => row.map((text) => weightOf(text) ?? 0));
    this.result = tableOf(rows, columns, (y, x) => settings.sumAt(this.weights, y, x).sum);
    const all = this.result.flat();
    this.signed = all.some((value) => value < 0);
    this.top = Math.max(this.signed ? 0 : 1, ...all.map(Math.abs));
    this.brightest = Math.max(1, ...settings.cells.flat().map(Math.abs));
    this.colourKernel();
  }

  /** @param {number} y @param {number} x @returns {import("./arithmetic.js").Sum} */
  sumAt(y, x) {
    const found = this.settings.sumAt(this.weights, y, x);
    const most = Math.max(1e-9, ...found.products.flat().map(Math.abs));
    return {
      ...found, kernel: this.weights, winner: null, others: null, othersNamed: "", bias: null, before: found.sum,
      named: `sum of ${found.products.flat().length} products`, function: "linear", after: found.sum,
      pixels: { patch: (value) => this.grey(value), kernel: (value) => this.weightPixel(value),
        products: (value) => pixelOf(value, { signed: true, top: most, asinh: false }) },
    };
  }

  /** A picture is drawn in greys, where it is negative in blue. @param {number} value */
  grey(value) {
    if (value < 0) return DIVERGING[NEUTRAL + Math.round((127 * value) / this.brightest)];
    const level = Math.round((255 * value) / this.brightest);
    return (255 << 24) | (level << 16) | (level << 8) | level;
  }

  /** @param {number} value */
  resultPixel(value) {
    if (this.signed) return pixelOf(value, { signed: true, top: this.top, asinh: false });
    const level = Math.round((255 * value) / this.top);
    return (255 << 24) | (level << 16) | (level << 8) | level;
  }

  /** @param {number} value */
  weightPixel(value) {
    const top = Math.max(1e-9, ...this.weights.flat().map(Math.abs));
    return pixelOf(value, { signed: true, top, asinh: false });
  }

  /** @param {number} y @param {number} x */
  stepped(y, x) {
    this.settings.at = [y, x];
    if (this.moving?.timer) return;
    this.settings.keep();
    this.app.say(`row ${y}, column ${x} of the result: ${sixDigits(this.result[y][x])}`);
  }

  // ---- the controls

  /** Make the controls; what they show is set by `showSettings`. */
  makeControls() {
    const change = (/** @type {string} */ name) => (/** @type {number} */ value) => this.change({ [name]: value });
    const kernelSize = () => [this.settings.kernel.length, this.settings.kernel[0].length];
    this.controls.append(
      fieldset(
        chooser("picture", [...Object.keys(this.pictures), "own"], (name) => this.choosePicture(name)),
        counter("rows", "height", LARGEST, (height) => this.change(this.settings.withPicture(height, this.settings.width))),
        counter("columns", "width", LARGEST, (width) => this.change(this.settings.withPicture(this.settings.height, width))),
        make("p", "does", ["click its cells to paint them; digits write tenths"])),
      fieldset(
        chooser("kernel", [...Object.keys(KERNELS), "own"], (name) => this.chooseKernel(name)),
        counter("rows", "kernel-rows", LARGEST_KERNEL, (rows) => this.change(this.settings.withKernel(rows, kernelSize()[1]))),
        counter("columns", "kernel-columns", LARGEST_KERNEL, (columns) => this.change(this.settings.withKernel(kernelSize()[0], columns))),
        this.does),
      fieldset(
        chooser("padding", ["valid", "same", "cells"], (name) => this.change({ padding: name === "cells" ? 1 : name })),
        counter("cells", "cells", LARGEST, change("padding"), 0),
        counter("stride", "stride", LARGEST, change("stride")),
        counter("dilation", "dilation", LARGEST, change("dilation"))),
    );
  }

  showSettings() {
    const { picture, height, width, kernelName, kernel, padding, stride, dilation } = this.settings;
    const cells = typeof padding === "number";
    const shown = { picture, height, width, kernel: kernelName, "kernel-rows": kernel.length, "kernel-columns": kernel[0].length,
      padding: cells ? "cells" : padding, cells: cells ? padding : 0, stride, dilation };
    for (const [name, value] of Object.entries(shown)) {
      const control = /** @type {HTMLInputElement} */ (this.controls.elements.namedItem(name));
      control.value = String(value);
      if (name === "cells") /** @type {HTMLElement} */ (control.parentElement).hidden = !cells;
    }
    this.does.textContent = KERNELS[kernelName]?.does ?? "your own weights: write into its cells, below";
  }

  /** @param {Partial<ConvSettings>} change */
  change(change) {
    Object.assign(this.settings, change);
    this.build();
  }

  /** @param {string} name */
  choosePicture(name) {
    if (name in this.pictures) this.change({ picture: name, cells: this.pictures[name].map((row) => [...row]), at: [0, 0] });
    else this.change({ picture: name });
  }

  /** @param {string} name */
  chooseKernel(name) {
    if (name in KERNELS) this.change({ kernelName: name, kernel: KERNELS[name].weights.map((row) => [...row]) });
    else this.change({ kernelName: name });
  }

  // ---- the kernel's cells

  fillKernelTable() {
    const rows = this.settings.kernel.map((row, y) => make("tr", "", row.map((text, x) => make("td", "", [this.weightField(text, y, x)]))));
    this.kernelTable.replaceChildren(make("tbody", "", rows));
  }

  /** @param {string} text @param {number} y @param {number} x */
  weightField(text, y, x) {
    const field = make("input", "", [], { type: "text", value: text, "aria-label": `weight in row ${y}, column ${x}`, spellcheck: "false" });
    field.addEventListener("input", () => {
      field.classList.toggle("wrong", weightOf(field.value) === null);
      if (weightOf(field.value) === null) return;
      this.settings.kernel[y][x] = field.value.trim();
      this.settings.kernelName = "own";
      this.refresh();
    });
    field.addEventListener("focus", () => field.select());
    return field;
  }

  colourKernel() {
    this.weights.forEach((row, y) => row.forEach((weight, x) => {
      const cell = this.kernelTable.querySelectorAll("tr")[y]?.cells[x];
      if (cell) colourCell(cell, this.weightPixel(weight));
    }));
  }

  // ---- painting

  /** The pointer paints in white and black; by keyboard arrows move, Enter paints, a digit writes tenths. @param {import("./cells.js").CellMap} map */
  painting(map) {
    const { canvas, cells } = map, at = { y: 0, x: 0 };
    canvas.tabIndex = 0;
    canvas.classList.add("paintable");
    canvas.setAttribute("aria-label", "the picture: arrows move, Enter paints, a digit writes tenths");
    let ink = 1;
    const take = () => (ink = cells.value(at.y, at.x) > 0.5 ? 0 : 1);
    const show = (/** @type {number} */ value) => {
      map.outline("cursor", [at]);
      if (value >= 0) this.setCell(at.y, at.x, value);
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
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step && event.key !== "Enter" && !/^\d$/.test(event.key)) return;
      event.preventDefault();
      if (step) Object.assign(at, { y: clamped(at.y + step[0], cells.height), x: clamped(at.x + step[1], cells.width) });
      show(step ? -1 : event.key === "Enter" ? take() : Number(event.key) / 10);
    });
  }

  /** @param {number} y @param {number} x @param {number} value */
  setCell(y, x, value) {
    this.settings.cells[y][x] = value;
    this.settings.picture = "own";
    this.refresh();
  }

  /** What stands in place of a result that there cannot be. @param {import("./geometry.js").Axis[]} axes */
  impossible(axes) {
    const [axis, side] = outputSize(axes[0]) < 1 ? [axes[0], "rows"] : [axes[1], "columns"];
    const room = axis.size + axis.before + axis.after, most = Math.floor((room - 1) / Math.max(1, axis.kernel - 1));
    const long = axis.dilation > 1 ? `${extentOf(axis)} cells long (${axis.kernel} weights, ${axis.dilation - 1} between two of them left out)` : `${axis.kernel} cells long`;
    const help = [`${extentOf(axis) - room} more cells of padding or picture`, `a kernel of fewer ${side}`];
    if (axis.dilation > 1 && most >= 1) help.push(`a dilation of at most ${most}`);
    return make("section", "impossible", [
      make("h2", "", ["This window fits nowhere"]),
      make("p", "", [`Among the ${side} it is ${long}; the picture with its padding has ${room}.`]),
      make("p", "arith", [sizeFormula(axis).join(" = ")]),
      make("p", "", [`It takes ${help.join(", or ")}.`]),
    ], { role: "alert" });
  }

  close() {
    this.moving?.close();
  }
}

/** The picture that was given first, then those that are always there. @param {any} told @returns {Record<string, number[][]>} */
function picturesOf(told) {
  if (!told.cells) return PICTURES;
  const { width, height, values } = told.cells;
  const rows = Array.from({ length: height }, (_, y) => values.slice(y * width, (y + 1) * width));
  return { "your image": rows, ...PICTURES };
}

function convIntroduction() {
  return make("header", "introduction", [
    make("h1", "", ["One window, moving"]),
    make("p", "", [
      "Lay the kernel, a small table of weights, on the picture. Multiply every weight with the cell below it, and add up:",
      " that is one cell of the result. Move on.",
    ]),
    make("p", "aside", ["Frameworks do not flip the kernel: strictly, this is a cross-correlation."]),
  ]);
}

/** The size of the result, worked out. @param {import("./geometry.js").Axis[]} axes */
function sizeLines(axes) {
  const [rows, columns] = axes.map(sizeFormula);
  const worked = String(rows) === String(columns) ? [sizeSteps("rows and columns", rows)] : [sizeSteps("rows", rows), sizeSteps("columns", columns)];
  return [make("h2", "", ["The size of the result"]), make("p", "law", [FORMULA]), make("dl", "", worked)];
}

/** @param {string} name @param {string[]} steps */
function sizeSteps(name, steps) {
  const [filled, quotient, size] = steps;
  return make("div", "", [
    make("dt", "", [name]), make("dd", "", [filled]), make("dd", "", [`= ${quotient} = `, make("b", "", [size])]),
  ]);
}

/** @param {number} value @param {number} size */
function clamped(value, size) {
  return Math.min(Math.max(value, 0), size - 1);
}

/** @param {...HTMLElement} fields */
function fieldset(...fields) {
  return make("fieldset", "", fields);
}

/** @param {string} name @param {HTMLElement} control */
function labelled(name, control) {
  return make("label", "field", [make("span", "", [name]), control]);
}

/** @param {string} name @param {string[]} choices @param {(name: string) => void} act */
function chooser(name, choices, act) {
  const select = make("select", "", choices.map((one) => make("option", "", [one])), { name });
  select.addEventListener("change", () => act(select.value));
  return labelled(name, select);
}

/** @param {string} label @param {string} name @param {number} most @param {(value: number) => void} act @param {number} [least] */
function counter(label, name, most, act, least = 1) {
  const input = make("input", "", [], { type: "number", min: String(least), max: String(most), name });
  input.addEventListener("change", () => {
    const asked = Math.round(Number(input.value));
    act(Number.isFinite(asked) ? Math.min(Math.max(asked, least), most) : least);
  });
  return labelled(label, input);
}
