// The whole network: a strip a layer, left to right, branches below each other, groups that fold into one strip.

import { sidesOf } from "./address.js";
import { make, makeButton, makeShape } from "./elements.js";
import { bracketsOf, columnsOf, layout, lineBetween, verticesOf } from "./layout.js";
import { makeStrip, mapsOf } from "./strips.js";

export class NetworkView {
  /** @param {HTMLElement} stage @param {App} app */
  constructor(stage, app) {
    this.app = app;
    this.layers = app.document.layers;
    this.largest = Math.max(...this.layers.map(({ shape }) => sidesOf(shape)).map(({ height, width }) => Math.max(height, width)));
    this.folded = app.settings.folded ??= new Set(app.document.folded);
    this.map = make("div", "map");
    this.scroller = make("div", "scroller", [this.map]);
    this.scroller.addEventListener("scroll", () => this.fade());
    this.scroller.addEventListener("wheel", (event) => { // it goes along the network, where all of its height is in view
      const { scrollHeight, clientHeight } = this.scroller;
      if (scrollHeight > clientHeight || event.ctrlKey || !event.deltaY) return;
      event.preventDefault();
      this.scroller.scrollLeft += event.deltaY;
    }, { passive: false });
    this.told = make("section", "told-of", [], { "aria-hidden": "true" });
    stage.classList.add("network");
    stage.append(this.scroller, this.told);
    this.vertices = /** @type {Vertex[]} */ ([]);
    this.strips = /** @type {Map<Vertex, HTMLButtonElement>} */ (new Map());
    this.keys = this.makeKeys();
    this.draw();
    if (app.from.layer !== null) this.focusOn(this.holding(app.from.layer));
    this.watcher = new ResizeObserver(() => {
      if (`${this.scroller.offsetWidth} ${this.scroller.offsetHeight}` === this.drawnFor) return;
      const hadFocus = this.scroller.matches(":focus-within");
      this.draw();
      if (hadFocus && this.focused) this.strips.get(this.focused)?.focus({ preventScroll: true });
    });
    this.watcher.observe(this.scroller);
  }

  close() {
    this.watcher.disconnect();
    this.strips = new Map();
    this.ready = Promise.resolve();
  }

  /** Place everything anew: strips, lines, brackets. */
  draw() {
    const { offsetWidth: width, offsetHeight: height } = this.scroller, held = this.focused?.members[0] ?? 0;
    this.drawnFor = `${width} ${height}`;
    const vertices = (this.vertices = verticesOf(this.layers, this.folded)), brackets = bracketsOf(vertices, this.layers);
    const rows = Math.max(0, ...brackets.map(({ depth }) => depth + 1));
    const places = layout(vertices, { width, height: height - 12 }, rows, this.type()); // with room for a scroll bar
    this.strips = new Map(vertices.map((vertex) => [vertex, this.strip(vertex, places)]));
    const lines = vertices.flatMap((to) => to.inputs.map((from) => makeShape("path", "", { d: lineBetween(places, from, to, vertices) })));
    const edges = makeShape("svg", "edges", { width: places.width, height: places.height, "aria-hidden": "true" }, lines);
    Object.assign(this.map.style, { width: `${places.width}px`, height: `${places.height}px` });
    this.map.replaceChildren(edges, ...brackets.map((bracket) => {
      const { title } = this.app.document.groups[bracket.path];
      const button = makeButton("bracket", [make("span", "", [title])], () => this.fold(bracket.path, true), { title: `fold ${title}` });
      Object.assign(button.style, places.bracket(bracket));
      return button;
    }), ...this.strips.values());
    this.map.classList.toggle("dense", places.isDense);
    this.setFocus(this.holding(held) ?? vertices[0]);
    this.say(this.app.document.card);
    this.fade();
    this.ready = this.drawMaps(places);
  }

  /** Draw the maps, strip by strip, so that the page stays quick. @param {Layout} places @returns {Promise<void>} */
  async drawMaps(places) {
    const { strips, layers, largest, app: { drawn, values, say } } = this;
    for (const [vertex, strip] of strips) {
      const index = vertex.members[vertex.members.length - 1], spot = places.at(vertex), key = `${index} ${spot.side} ${spot.maps}`;
      const canvas = drawn.get(key) ?? (await mapsOf(layers[index], largest, spot, () => values(index)).catch((error) => void say(error.message)));
      if (this.strips !== strips) return this.ready; // all was placed anew meanwhile
      if (!canvas) continue;
      drawn.set(key, canvas);
      strip.querySelector(".maps")?.replaceChildren(canvas);
    }
  }

  /** Let strips fade at the side where the network goes on. */
  fade() {
    const { scrollLeft, scrollWidth, clientWidth, classList } = this.scroller;
    classList.toggle("went-on", scrollLeft > 1);
    classList.toggle("goes-on", scrollLeft + clientWidth < scrollWidth - 1);
  }

  /** What is written of a strip. @param {Vertex} vertex */
  cardOf({ group, members }) {
    return group ? this.app.document.groups[group] : this.layers[members[0]].card;
  }

  /** How wide the longest words of a strip are, names cut at 9 letters, and how large letters are. */
  type() {
    const cards = this.vertices.map((vertex) => this.cardOf(vertex));
    const words = cards.map(({ short, shape }) => Math.max(7.4 * Math.min(9, short.length), 7 * shape.length + 8));
    return { text: Math.max(...words), em: parseFloat(getComputedStyle(this.scroller).fontSize) / 15 };
  }

  strip(/** @type {Vertex} */ vertex, /** @type {Layout} */ places) {
    const card = this.cardOf(vertex), shown = this.layers[vertex.members[vertex.members.length - 1]];
    const strip = makeStrip(card, shown, vertex.group, places.at(vertex), () => this.open(vertex));
    const tell = () => (this.say(card), this.app.say(card.spoken));
    strip.addEventListener("pointerenter", tell);
    strip.addEventListener("pointerleave", () => this.say(this.app.document.card));
    strip.addEventListener("focus", () => (this.setFocus(vertex), tell()));
    return strip;
  }

  open(/** @type {Vertex} */ { group, members }) {
    if (group) this.fold(group, false);
    else this.app.go({ layer: members[0], channel: null, at: null });
  }

  fold(/** @type {string} */ path, /** @type {boolean} */ folded) {
    this.folded[folded ? "add" : "delete"](path);
    this.draw();
    this.focusOn(this.holding(this.layers.findIndex(({ group }) => group.includes(path))));
    this.app.say(`${this.app.document.groups[path].title} ${folded ? "folded" : "unfolded"}: ${this.vertices.length} strips`);
  }

  /** The strip that shows a layer. @param {number} index */
  holding(index) {
    return this.vertices.find(({ members }) => members.includes(index));
  }

  /** @param {Vertex|undefined} vertex whose strip gets the focus @param {ScrollLogicalPosition} [inline] */
  focusOn(vertex, inline = "center") {
    const strip = vertex && this.strips.get(vertex);
    strip?.focus({ preventScroll: true });
    strip?.scrollIntoView({ block: "nearest", inline, behavior: "instant" });
  }

  /** @param {Vertex} vertex the one that Tab reaches */
  setFocus(vertex) {
    if (this.focused) this.strips.get(this.focused)?.setAttribute("tabindex", "-1");
    this.focused = vertex;
    this.strips.get(vertex)?.setAttribute("tabindex", "0");
  }

  step(/** @type {number} */ columns, /** @type {number} */ lanes) {
    if (!this.focused) return;
    const { rank, lane } = this.focused, far = (/** @type {Vertex} */ vertex) => Math.abs(vertex.lane - lane - lanes);
    const [next] = (columnsOf(this.vertices)[rank + columns] ?? []).sort((a, b) => far(a) - far(b));
    if (next !== this.focused) this.focusOn(next, "nearest");
  }

  /** Tell of what is pointed at. @param {Pick<Card, "title"|"kind"|"says"|"figures">} card */
  say({ title, kind, says, figures }) {
    const heading = make("h1", "", [title, " ", make("small", "", [kind])]);
    this.told.replaceChildren(heading, make("p", "says", [says]), make("p", "formula", [figures]));
  }

  /** @returns {Key[]} */
  makeKeys() {
    const foldInnermost = () => { // the unfolded group that the strip in focus is in
      const { group, members } = this.focused ?? this.vertices[0], paths = this.layers[members[0]].group;
      const path = paths[(group ? paths.indexOf(group) : paths.length) - 1];
      if (path) this.fold(path, true);
    };
    return [
      { key: "ArrowLeft ArrowRight", does: "the layer before, the next layer", act: ({ key }) => this.step(key === "ArrowLeft" ? -1 : 1, 0) },
      { key: "ArrowUp ArrowDown", does: "the branch above, the branch below", act: ({ key }) => this.step(0, key === "ArrowUp" ? -1 : 1) },
      { key: "Home End", does: "the first layer, the last layer", act: ({ key }) => this.focusOn(this.holding(key === "Home" ? 0 : this.layers.length - 1)) },
      { key: "Enter", does: "open the layer, or unfold the group", act: () => this.focused && this.open(this.focused) },
      { key: "f", does: "fold the group that the layer is in", act: foldInnermost },
    ];
  }
}
