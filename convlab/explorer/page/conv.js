// A picture and a kernel of one's own, without any network: the page a teacher opens.

import { coloured, signedPixels } from "./arithmetic.js";
import { DIVERGING, NEUTRAL } from "./colours.js";
import { ConvSettings, weightOf } from "./conv_settings.js";
import { make } from "./elements.js";
import { extentOf, outputSize, sizeFormula, tableOf, within } from "./geometry.js";
import { ARROWS } from "./keys.js";
import { counted, topOf, written } from "./numbers.js";
import { MovingWindow } from "./window.js";

const AROUND = 285; // pixels that are neither maps nor equation

export class ConvPage {
  /** @param {HTMLElement} stage @param {App} app */
  constructor(stage, app) {
    this.app = app;
    this.settings = new ConvSettings(location.hash, app.document);
    this.axes = this.settings.axes();
    this.weights = this.result = [[0]];
    this.kernelPixel = this.resultPixel = this.grey = greys(1);
    this.moving = /** @type {MovingWindow|null} */ (null);
    this.label = make("div", "label", [/** @type {HTMLTemplateElement} */ (document.getElementById("window")).content.cloneNode(true)]);
    /** @type {NodeListOf<HTMLInputElement|HTMLSelectElement>} */
    this.controls = this.label.querySelectorAll("[name]");
    this.place = make("div", "place");
    this.kernelTable = make("table", "grid edited");
    stage.classList.add("conv");
    stage.append(this.label, this.place);
    for (const control of this.controls) this.listenTo(control);
    this.build();
  }

  get keys() {
    return this.moving?.keys() ?? [];
  }

  close() {
    this.moving?.close();
  }

  /** Set what a control is named after. @param {HTMLInputElement|HTMLSelectElement} control */
  listenTo(control) {
    const { pictures, kernels } = this.settings, choices = { picture: pictures, kernel: kernels }[control.name];
    for (const name of choices ? [...Object.keys(choices), "own"] : []) control.append(make("option", "", [name]));
    const whole = (/** @type {HTMLInputElement} */ { value, min, max }) => Math.min(Math.max(Math.round(Number(value)) || Number(min), Number(min)), Number(max));
    control.addEventListener("change", () => {
      Object.assign(this.settings, { [control.name]: control instanceof HTMLInputElement ? whole(control) : control.value });
      this.build();
    });
  }

  /** Let the controls and the address say what is set. */
  keep() {
    const { kernels, kernel } = this.settings, does = kernels[kernel]?.does ?? "your own weights: write into its cells, below";
    for (const control of this.controls) {
      control.value = String(this.settings[/** @type {"stride"} */ (control.name)]);
      if (control.name === "margin") control.closest("label")?.toggleAttribute("hidden", this.settings.padding !== "cells");
    }
    this.label.querySelector(".kernel-does")?.replaceChildren(does);
    this.settings.keep();
  }

  /** Build all anew: after another size of anything. */
  build() {
    const { settings } = this, speed = this.moving?.speed, axes = (this.axes = settings.axes()), [height, width] = axes.map(outputSize);
    this.moving?.close();
    this.moving = null;
    this.label.querySelector("dl")?.replaceChildren(...sizeLines(axes));
    this.place.replaceChildren();
    this.kernelTable.replaceChildren(...settings.weights.map((row, y) => make("tr", "", row.map((text, x) => make("td", "", [this.weightField(text, y, x)])))));
    if (Math.min(height, width) < 1) {
      this.place.append(impossible(axes));
      return this.keep();
    }
    this.compute();
    this.moving = new MovingWindow(this.place, {
      input: { title: `picture, ${settings.height} × ${settings.width}`, height: settings.height, width: settings.width,
        value: (y, x) => settings.cells[y][x], pixel: (value) => this.grey(value) },
      output: { title: `result, ${height} × ${width}`, height, width,
        value: (y, x) => this.result[y][x], pixel: (value) => this.resultPixel(value) },
      axes, speed, at: [within(settings.at[0], height), within(settings.at[1] ?? 0, width)], follows: true, around: AROUND,
      sumAt: (y, x) => {
        const found = settings.sumAt(this.weights, y, x), products = found.products.flat();
        return { ...found, kernel: this.weights, winner: null, others: null, othersNamed: "", bias: null, before: found.sum,
          named: `sum of ${counted(products.length, "product")}`, function: "linear", after: found.sum,
          pixels: { patch: this.grey, kernel: this.kernelPixel, products: signedPixels(products) } };
      },
      onStep: (y, x) => {
        settings.at = [y, x];
        if (this.moving?.timer) return;
        settings.keep();
        this.app.say(`row ${y}, column ${x} of the result: ${written(this.result[y][x], 6)}`);
      },
      arithmetic: { kernelTable: this.kernelTable },
    });
    this.makePaintable(this.moving.input);
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

  weightField(/** @type {string} */ text, /** @type {number} */ y, /** @type {number} */ x) {
    const field = make("input", "", [], { type: "text", value: text, "aria-label": `weight in row ${y}, column ${x}`, spellcheck: "false" });
    field.addEventListener("focus", () => field.select());
    field.addEventListener("input", () => {
      const wrong = field.classList.toggle("wrong", weightOf(field.value) === null);
      if (wrong) return;
      this.settings.weights[y][x] = field.value.trim();
      this.settings.named.kernel = "own";
      this.refresh();
    });
    return field;
  }

  /** The pointer paints in white and black; by keyboard arrows move, Enter paints, a digit writes tenths. @param {CellMap} map */
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
        this.settings.named.picture = "own";
        this.refresh();
      }
      this.app.say(`picture, row ${at.y}, column ${at.x}: ${written(cells.value(at.y, at.x), 6)}`);
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
  const [rows, columns] = axes.map(sizeFormula);
  const line = (/** @type {string} */ name, /** @type {string[]} */ [filled, quotient, size]) => make("div", "", [
    make("dt", "", [name]), make("dd", "", [filled]), make("dd", "", [`= ${quotient} = `, make("b", "", [size])])]);
  return String(rows) === String(columns) ? [line("rows and columns", rows)] : [line("rows", rows), line("columns", columns)];
}
