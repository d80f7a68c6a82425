// The whole network: a strip a layer, left to right, branches below each other, groups that fold into one strip.

import { sidesOf } from "./address.js";
import { Attributed } from "./attributed.js";
import { makeShape } from "./cells.js";
import { make, makeButton } from "./elements.js";
import { bracketsOf, columnsOf, foldedAtFirst, pathsOf, verticesOf } from "./graph.js";
import { layout, lineBetween } from "./layout.js";
import { strongestFirst } from "./strength.js";
import { groupName, makeStrip, shortName, shortShape, shownLayer, toldOf, toldOfAll } from "./strips.js";
import { drawStrip, stripOf } from "./thumbnail.js";

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
    this.largest = Math.max(...this.layers.map(({ shape }) => sidesOf(shape)).map(({ height, width }) => Math.max(height, width)));
    this.memory = memoryOf(app);
    this.map = make("div", "map");
    this.scroller = make("div", "scroller", [this.map]);
    this.scroller.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    this.scroller.addEventListener("scroll", () => this.fade());
    this.told = make("section", "told-of", [], { "aria-hidden": "true" });
    stage.classList.add("network");
    stage.append(this.scroller, this.told);
    this.attributed = new Attributed(app, -1, () => {});
    /** @type {Vertex[]} */
    this.vertices = [];
    /** @type {Map<Vertex, HTMLButtonElement>} */
    this.strips = new Map();
    /** @type {Set<Vertex>} */
    this.waiting = new Set();
    /** @type {Promise<void>|undefined} */
    this.drawing = undefined;
    this.keys = this.makeKeys();
    this.inView = new IntersectionObserver((entries) => this.queue(entries), { root: this.scroller, rootMargin: "200px" });
    this.watcher = new ResizeObserver(() => this.resize());
    this.draw();
    if (app.from.layer !== null) this.focusOn(app.from.layer);
    this.watcher.observe(this.scroller);
    this.ready = this.settle();
  }

  /** Wait until all strips in view are drawn, those that a change of size brings anew, too. */
  async settle() {
    do {
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))); // what comes into view is told by then
      await this.drawing;
    } while ((this.isFresh || this.waiting.size || this.drawing) && !this.closed);
  }

  close() {
    this.closed = true;
    for (const watcher of [this.inView, this.watcher]) watcher.disconnect();
    this.attributed.close();
  }

  resize() {
    if (`${this.scroller.offsetWidth} ${this.scroller.offsetHeight}` === this.drawnFor) return;
    const hadFocus = this.scroller.matches(":focus-within");
    this.draw();
    if (hadFocus && this.focused) this.strips.get(this.focused)?.focus({ preventScroll: true });
  }

  /** Place everything anew: strips, lines, brackets. */
  draw() {
    const { offsetWidth: width, offsetHeight: height } = this.scroller, held = this.focused?.members[0] ?? 0;
    this.drawnFor = `${width} ${height}`;
    this.inView.disconnect();
    this.waiting.clear();
    this.isFresh = true; // nobody has said yet what of it is in view
    const vertices = (this.vertices = verticesOf(this.layers, this.memory.folded)), brackets = bracketsOf(vertices, this.layers);
    const rows = Math.max(0, ...brackets.map(({ depth }) => depth + 1));
    const places = (this.places = layout(vertices, width, height - 12, rows, this.type())); // with room for a scroll bar
    this.strips = new Map(vertices.map((vertex) => [vertex, this.strip(vertex, places)]));
    const size = { width: String(places.width), height: String(places.height) };
    const lines = vertices.flatMap((to) => to.inputs.map((from) => makeShape("path", "", { d: lineBetween(places, from, to, vertices) })));
    const edges = makeShape("svg", "edges", { ...size, "aria-hidden": "true" });
    edges.append(...lines);
    Object.assign(this.map.style, { width: `${size.width}px`, height: `${size.height}px` });
    this.map.replaceChildren(edges, ...brackets.map((bracket) => this.bracket(bracket, places)), ...this.strips.values());
    this.map.classList.toggle("dense", places.isDense);
    for (const strip of this.strips.values()) this.inView.observe(strip);
    this.setFocus(this.holding(held) ?? vertices[0]);
    this.say(toldOfAll(this.app.document));
    this.fade();
  }

  /** Let strips fade at the side where the network goes on. */
  fade() {
    const { scrollLeft, scrollWidth, clientWidth, classList } = this.scroller;
    classList.toggle("went-on", scrollLeft > 1);
    classList.toggle("goes-on", scrollLeft + clientWidth < scrollWidth - 1);
  }

  /** How wide the longest words of a strip are, names cut at 9 letters, and how large letters are. */
  type() {
    const words = this.vertices.map((vertex) => {
      const { shape } = shownLayer(this.layers, vertex), name = shortName(this.layers, vertex);
      return Math.max(7.4 * Math.min(9, name.length), 7 * shortShape(shape).length + 8);
    });
    return { text: Math.max(...words), em: parseFloat(getComputedStyle(this.scroller).fontSize) / 15 };
  }

  /** @param {Vertex} vertex @param {import("./layout.js").Layout} places */
  strip(vertex, places) {
    const strip = makeStrip(this.layers, vertex, places.at(vertex), () => this.open(vertex));
    const tell = () => {
      this.say(toldOf(this.layers, vertex));
      this.app.say(strip.getAttribute("aria-label") ?? "");
    };
    strip.addEventListener("pointerenter", tell);
    strip.addEventListener("pointerleave", () => this.say(toldOfAll(this.app.document)));
    strip.addEventListener("focus", () => (this.setFocus(vertex), tell()));
    return strip;
  }

  /** @param {import("./graph.js").Bracket} bracket @param {import("./layout.js").Layout} places */
  bracket(bracket, places) {
    const name = groupName(bracket.path);
    const button = makeButton("bracket", [make("span", "", [name])], () => this.fold(bracket.path, true), { title: `fold ${name}` });
    Object.assign(button.style, places.bracket(bracket));
    return button;
  }

  /** @param {Vertex} vertex */
  open({ group, members }) {
    if (group) this.fold(group, false);
    else this.app.go({ layer: members[0], channel: null, at: null });
  }

  /** @param {string} path @param {boolean} folded */
  fold(path, folded) {
    if (folded) this.memory.folded.add(path);
    else this.memory.folded.delete(path);
    this.draw();
    this.focusOn(this.layers.findIndex((layer) => pathsOf(layer).includes(path)));
    this.app.say(`${groupName(path)} ${folded ? "folded" : "unfolded"}: ${this.vertices.length} strips`);
  }

  /** Fold the innermost unfolded group of the strip in focus. */
  foldFocused() {
    if (!this.focused) return;
    const { group, members } = this.focused, paths = pathsOf(this.layers[members[0]]);
    const path = paths[(group ? paths.indexOf(group) : paths.length) - 1];
    if (path) this.fold(path, true);
  }

  /** The strip that shows a layer. @param {number} index */
  holding(index) {
    return this.vertices.find(({ members }) => members.includes(index));
  }

  /** @param {number} index of a layer whose strip gets the focus */
  focusOn(index) {
    const vertex = this.holding(index);
    if (vertex) this.focusStrip(vertex, "center");
  }

  /** @param {Vertex} vertex @param {ScrollLogicalPosition} inline */
  focusStrip(vertex, inline) {
    this.strips.get(vertex)?.focus({ preventScroll: true });
    this.strips.get(vertex)?.scrollIntoView({ block: "nearest", inline, behavior: "instant" });
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
    if (!this.focused) return;
    const { rank, lane } = this.focused, far = (/** @type {Vertex} */ vertex) => Math.abs(vertex.lane - lane - lanes);
    const [next] = (columnsOf(this.vertices)[rank + columns] ?? []).sort((a, b) => far(a) - far(b));
    if (next && next !== this.focused) this.focusStrip(next, "nearest");
  }

  /** @param {[string, string, string, string]} told name, kind, what it does, figures */
  say([name, kind, says, figures]) {
    const heading = make("h1", "", [name, " ", make("small", "", [kind])]);
    this.told.replaceChildren(heading, make("p", "says", [says]), make("p", "formula", [figures]));
  }

  /** @param {IntersectionObserverEntry[]} entries */
  queue(entries) {
    this.isFresh = false;
    const inView = new Map(entries.map(({ target, isIntersecting }) => [target, isIntersecting]));
    for (const [vertex, strip] of this.strips) {
      if (inView.get(strip)) this.waiting.add(vertex);
      else if (inView.has(strip)) this.waiting.delete(vertex);
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

  /** @param {Vertex} vertex */
  async drawMaps(vertex) {
    const layer = shownLayer(this.layers, vertex), { side = 0, maps = 0 } = this.places?.at(vertex) ?? {};
    const strip = stripOf(sidesOf(layer.shape), this.largest, side, maps), key = `${layer.name} ${JSON.stringify(strip)} ${devicePixelRatio}`;
    let canvas = this.memory.drawn.get(key);
    if (!canvas) {
      canvas = make("canvas", layer.strength ? "" : "blank", [], { "aria-hidden": "true" });
      canvas.style.width = `${strip.width}px`;
      if (layer.strength) drawStrip(canvas, await this.app.values(this.layers.indexOf(layer)), strongestFirst(layer), strip, devicePixelRatio);
      else Object.assign(canvas, { width: strip.width, height: Math.min(maps, strip.height * strip.count) });
      this.memory.drawn.set(key, canvas);
    }
    this.strips.get(vertex)?.querySelector(".maps")?.replaceChildren(canvas);
  }

  /** @returns {Key[]} */
  makeKeys() {
    return [
      { key: "ArrowLeft ArrowRight", does: "the layer before, the next layer", act: ({ key }) => this.step(key === "ArrowLeft" ? -1 : 1, 0) },
      { key: "ArrowUp ArrowDown", does: "the branch above, the branch below", act: ({ key }) => this.step(0, key === "ArrowUp" ? -1 : 1) },
      { key: "Home", does: "the first layer", act: () => this.focusOn(0) },
      { key: "End", does: "the last layer", act: () => this.focusOn(this.layers.length - 1) },
      { key: "Enter", does: "open the layer, or unfold the group", act: () => this.focused && this.open(this.focused) },
      { key: "f", does: "fold the group that the layer is in", act: () => this.foldFocused() },
      { key: "a", does: "where the class comes from, laid over the image", act: () => this.attributed.next() },
    ];
  }
}

/** @param {App} app @returns {{folded: Set<string>, drawn: Map<string, HTMLCanvasElement>}} */
function memoryOf(app) {
  const { generation, layers } = app.document, held = remembered.get(app);
  const memory = { generation, folded: held?.folded ?? foldedAtFirst(layers), drawn: held?.generation === generation ? held.drawn : new Map() };
  remembered.set(app, memory);
  return memory;
}
