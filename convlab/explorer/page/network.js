// The whole network: a strip a layer, left to right, branches below each other, groups that fold into one strip.

import { sidesOf } from "./address.js";
import { Attributed } from "./attributed.js";
import { make, makeButton } from "./elements.js";
import { bracketsOf, columnsOf, foldedAtFirst, pathsOf, verticesOf } from "./graph.js";
import { drawEdges } from "./edges.js";
import { emptyText } from "./layer.js";
import { layout } from "./layout.js";
import { strongestFirst } from "./strength.js";
import { groupName, makeStrip, shortName, shownLayer, toldOf } from "./strips.js";
import { drawStrip, stripOf } from "./thumbnail.js";
import { writtenCount } from "./words.js";

/** @typedef {import("./graph.js").Vertex} Vertex */

/** What is remembered of a network between two visits: folded groups, and strips that were drawn. */
const remembered = new WeakMap();

/** @param {HTMLElement} stage @param {App} app @returns {View} */
export function showNetwork(stage, app) {
  return new NetworkView(stage, app);
}

class NetworkView {
  /** @param {HTMLElement} stage @param {App} app */
  constructor(stage, app) {
    this.app = app;
    this.layers = app.document.layers;
    this.memory = memoryOf(app);
    this.map = make("div", "map");
    this.scroller = make("div", "scroller", [this.map]);
    this.scroller.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    this.told = make("section", "told-of", [], { "aria-hidden": "true" });
    stage.classList.add("network");
    stage.append(this.scroller, this.told);
    this.attributed = new Attributed(app, -1, () => {});
    /** @type {Map<Vertex, HTMLButtonElement>} */
    this.strips = new Map();
    /** @type {Set<Vertex>} */
    this.waiting = new Set();
    /** @type {Promise<void>|undefined} */
    this.drawing = undefined;
    /** @type {View["keys"]} */
    this.keys = this.makeKeys();
    this.inView = new IntersectionObserver((entries) => this.queue(entries), { root: this.scroller, rootMargin: "200px" });
    this.watcher = new ResizeObserver(() => this.resize());
    this.draw();
    if (app.from.layer !== null) this.focusOn(app.from.layer);
    this.watcher.observe(this.scroller);
    this.ready = this.drawAllInView();
  }

  close() {
    this.closed = true;
    this.inView.disconnect();
    this.watcher.disconnect();
    this.attributed.close();
  }

  resize() {
    if (this.view().join() === this.drawnFor) return;
    const hadFocus = this.scroller.matches(":focus-within");
    this.draw();
    if (hadFocus && this.focused) this.strips.get(this.focused)?.focus({ preventScroll: true });
  }

  /** Width and height that are there to be drawn on, with room for a scroll bar. */
  view() {
    return [this.scroller.offsetWidth, this.scroller.offsetHeight - 12];
  }

  /** Place everything anew: strips, edges, brackets. */
  draw() {
    const view = this.view();
    this.drawnFor = view.join();
    this.inView.disconnect();
    this.waiting.clear();
    this.vertices = verticesOf(this.layers, this.memory.folded);
    const brackets = bracketsOf(this.vertices, this.layers);
    const rows = Math.max(0, ...brackets.map(({ depth }) => depth + 1));
    const places = (this.places = layout(this.vertices, view[0], view[1], rows, this.type()));
    this.largest = Math.max(...this.layers.map((layer) => sidesOf(layer.shape)).map(({ height, width }) => Math.max(height, width)));
    this.strips = new Map(this.vertices.map((vertex) => [vertex, this.strip(vertex, places)]));
    Object.assign(this.map.style, { width: `${places.width}px`, height: `${places.height}px` });
    this.map.replaceChildren(drawEdges(this.vertices, places), ...brackets.map((one) => this.bracket(one)), ...this.strips.values());
    this.map.classList.toggle("dense", places.isDense);
    for (const strip of this.strips.values()) this.inView.observe(strip);
    const held = this.focused?.members[0] ?? 0;
    this.setFocus(this.vertices.find(({ members }) => members.includes(held)) ?? this.vertices[0]);
    this.tellOfNetwork();
  }

  /** How wide the longest words of a strip are, names cut at 14 letters. */
  type() {
    const words = this.vertices?.map((vertex) => {
      const shape = shownLayer(this.layers, vertex).shape.join("×");
      return Math.max(7.4 * Math.min(14, shortName(this.layers, vertex).length), 7 * shape.length + 8);
    });
    return { text: Math.max(...(words ?? [0])), em: parseFloat(getComputedStyle(this.scroller).fontSize) / 15 };
  }

  /** @param {Vertex} vertex @param {import("./layout.js").Layout} places */
  strip(vertex, places) {
    const strip = makeStrip(this.layers, vertex, places.at(vertex), () => this.open(vertex));
    strip.addEventListener("pointerenter", () => this.tell(vertex));
    strip.addEventListener("pointerleave", () => this.tellOfNetwork());
    strip.addEventListener("focus", () => {
      this.setFocus(vertex);
      this.tell(vertex);
    });
    return strip;
  }

  /** @param {ReturnType<typeof bracketsOf>[number]} bracket */
  bracket({ path, depth, first, last }) {
    const button = makeButton("bracket", "", () => this.fold(path, true), { title: `fold ${groupName(path)}` });
    button.append(make("span", "", [groupName(path)]));
    Object.assign(button.style, this.places?.bracket(first, last, depth) ?? {});
    return button;
  }

  /** @param {Vertex} vertex */
  open(vertex) {
    if (vertex.group) this.fold(vertex.group, false);
    else this.app.go({ layer: vertex.members[0], channel: null, at: null });
  }

  /** @param {string} path @param {boolean} folded */
  fold(path, folded) {
    if (folded) this.memory.folded.add(path);
    else this.memory.folded.delete(path);
    const first = this.layers.findIndex((layer) => pathsOf(layer).includes(path));
    this.focused = undefined;
    this.draw();
    this.focusOn(first);
    this.app.say(`${groupName(path)} ${folded ? "folded" : "unfolded"}: ${this.vertices?.length} strips`);
  }

  /** Fold the innermost unfolded group of the strip in focus. */
  foldFocused() {
    const vertex = this.focused;
    if (!vertex) return;
    const paths = pathsOf(this.layers[vertex.members[0]]);
    const path = vertex.group ? paths[paths.indexOf(vertex.group) - 1] : paths.at(-1);
    if (path) this.fold(path, true);
  }

  /** @param {number} index of a layer whose strip gets the focus */
  focusOn(index) {
    const vertex = this.vertices?.find(({ members }) => members.includes(index));
    if (!vertex) return;
    this.setFocus(vertex);
    this.strips.get(vertex)?.focus({ preventScroll: true });
    this.strips.get(vertex)?.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
  }

  /** @param {Vertex} vertex the one that Tab reaches */
  setFocus(vertex) {
    if (this.focused) this.strips.get(this.focused)?.setAttribute("tabindex", "-1");
    this.focused = vertex;
    this.strips.get(vertex)?.setAttribute("tabindex", "0");
  }

  /** The wheel goes along the network, where all of its height is in view. @param {WheelEvent} event */
  turn(event) {
    const { scrollHeight, clientHeight } = this.scroller;
    if (scrollHeight > clientHeight || event.ctrlKey || !event.deltaY) return;
    event.preventDefault();
    this.scroller.scrollLeft += event.deltaY;
  }

  /** @param {number} columns @param {number} lanes */
  step(columns, lanes) {
    if (!this.focused || !this.vertices) return;
    const { rank, lane } = this.focused;
    const column = columnsOf(this.vertices)[rank + columns] ?? [];
    const wanted = lane + lanes;
    const next = [...column].sort((a, b) => Math.abs(a.lane - wanted) - Math.abs(b.lane - wanted))[0];
    if (!next || (lanes && next.lane === lane)) return;
    this.strips.get(next)?.focus();
    this.strips.get(next)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {Vertex} vertex */
  tell(vertex) {
    this.say(...toldOf(this.layers, vertex));
    this.app.say(this.strips.get(vertex)?.getAttribute("aria-label") ?? "");
  }

  tellOfNetwork() {
    const { title, generation } = this.app.document;
    const sum = (/** @type {"weights"|"multiply_adds"} */ what) => writtenCount(this.layers.reduce((total, layer) => total + layer[what], 0));
    const hint = generation ? "Point at a layer to read what it does; click it to see all of its channels." : emptyText(this.app.document);
    this.say(title, `${this.layers.length} layers`, hint, `${sum("weights")} weights, ${sum("multiply_adds")} multiply-adds`);
  }

  /** @param {string} name @param {string} kind @param {string} says @param {string} figures */
  say(name, kind, says, figures) {
    this.told.replaceChildren(
      make("h1", "", [name, " ", make("small", "", [kind])]),
      make("p", "says", [says]),
      make("p", "formula", [figures]),
    );
  }

  /** @param {IntersectionObserverEntry[]} entries */
  queue(entries) {
    for (const { target, isIntersecting } of entries) {
      const vertex = this.vertices?.find((one) => this.strips.get(one) === target);
      if (isIntersecting && vertex) this.waiting.add(vertex);
      else if (vertex) this.waiting.delete(vertex);
    }
    this.drawing ??= this.drawWaiting().finally(() => (this.drawing = undefined));
  }

  /** Draw strips one after the other, so that the page stays quick. */
  async drawWaiting() {
    for (const vertex of this.waiting) {
      if (this.closed) return;
      this.waiting.delete(vertex);
      await this.drawMaps(vertex).catch((error) => this.app.say(error.message));
    }
  }

  /** Kept when all strips that are in view now are drawn. */
  async drawAllInView() {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    await this.drawing;
  }

  /** @param {Vertex} vertex */
  async drawMaps(vertex) {
    const index = vertex.members[vertex.members.length - 1];
    const layer = this.layers[index];
    const { side, maps } = this.places?.at(vertex) ?? { side: 0, maps: 0 };
    const strip = stripOf(sidesOf(layer.shape), this.largest ?? 1, side, maps);
    const key = `${index} ${JSON.stringify(strip)} ${devicePixelRatio}`;
    const canvas = this.memory.drawn.get(key) ?? make("canvas", "", [], { "aria-hidden": "true" });
    if (!this.memory.drawn.has(key)) {
      Object.assign(canvas.style, { width: `${strip.width}px` });
      if (layer.strength) drawStrip(canvas, await this.app.values(index), strongestFirst(layer), strip, devicePixelRatio);
      else Object.assign(canvas, { width: strip.width, height: Math.min(maps, strip.height * strip.count), className: "blank" });
      this.memory.drawn.set(key, canvas);
    }
    this.strips.get(vertex)?.querySelector(".maps")?.replaceChildren(canvas);
  }

  makeKeys() {
    const key = (/** @type {string} */ name, /** @type {string} */ does, /** @type {(event: KeyboardEvent) => void} */ act) => ({ key: name, does, act });
    return [
      key("ArrowLeft ArrowRight", "the layer before, the next layer", (event) => this.step(event.key === "ArrowLeft" ? -1 : 1, 0)),
      key("ArrowUp ArrowDown", "the branch above, the branch below", (event) => this.step(0, event.key === "ArrowUp" ? -1 : 1)),
      key("Home", "the first layer", () => this.focusOn(0)),
      key("End", "the last layer", () => this.focusOn(this.layers.length - 1)),
      key("Enter", "open the layer, or unfold the group", () => this.focused && this.open(this.focused)),
      key("f", "fold the group that the layer is in", () => this.foldFocused()),
      key("a", "where the class comes from, laid over the image", () => this.attributed.next()),
    ];
  }
}

/** @param {App} app @returns {{folded: Set<string>, drawn: Map<string, HTMLCanvasElement>}} */
function memoryOf(app) {
  const held = remembered.get(app);
  const folded = held?.folded ?? foldedAtFirst(app.document.layers);
  const drawn = held?.generation === app.document.generation ? held.drawn : new Map();
  remembered.set(app, { folded, drawn, generation: app.document.generation });
  return { folded, drawn };
}
