// A small map of the layer before, with the window of the cell that is looked at: hovered in turn, it says which units
// of the layer see what lies under the pointer.

import { CellMap, mapOf } from "./cells.js";
import { make } from "./elements.js";
import { boxSeen, cellBox, sizesOf, unitsSeeing } from "./geometry.js";
import { boxText, cellText, exactly } from "./numbers.js";

const TALLEST = 300;

export class Neighbour {
  /** @param {App} app @param {Layer} layer @param {(box: Box|null) => void} onReach told which units see the cell under the pointer */
  constructor(app, layer, onReach) {
    this.app = app;
    this.layer = layer;
    this.onReach = onReach;
    this.source = app.document.layers[layer.inputs[0]];
    this.title = make("h3");
    this.host = make("div", "neighbour-map");
    this.element = make("section", "neighbour panel", [this.title, this.host], { hidden: "" });
    this.place = { layer: layer.inputs[0], channel: -1, at: [0, 0, 0] }; // what is drawn
    this.map = /** @type {CellMap|null} */ (null);
    this.seen = /** @type {Box|null} */ (null); // by the layer's unit that is looked at
  }

  /** Draw a channel of the source; a dense one has no map. @param {number} channel */
  async show(channel) {
    if (!this.source || channel === this.place.channel) return;
    this.place.channel = channel;
    const values = await this.app.values(this.place.layer);
    if (this.place.channel !== channel || !this.host.isConnected || values.cells === 1) return;
    this.values = values;
    this.element.hidden = false;
    this.title.textContent = `from ${this.source.name}, channel ${channel}`;
    this.draw();
  }

  draw() {
    if (!this.values) return;
    const cells = mapOf(this.app, this.values, this.place), { volume } = this.values.sides;
    if (!this.map) {
      const atOf = (/** @type {{y: number, x: number}} */ { y, x }) => [...(volume ? [this.place.at[0]] : []), y, x];
      this.map = new CellMap(this.host, { ...cells, stretch: cells.height === 1 ? Math.max(1, cells.width / 10) : 1 });
      this.map.listen((cell) => this.reach(cell && atOf(cell)), (cell) => this.app.go({ ...this.place, at: atOf(cell) }));
    }
    Object.assign(this.map.cells, cells);
    this.map.draw(this.map.cellFor(this.host.clientWidth, TALLEST));
    this.map.outline("window", this.seen ? [cellBox(this.seen)] : []);
  }

  /** Light what the layer's unit at a place sees. @param {At} at */
  light(at) {
    const seen = (this.seen = boxSeen(this.layer.step, at)), first = seen?.length === 3 ? Math.max(0, seen[0][0]) : 0;
    const slice = first && Math.min(first, sizesOf(this.source)[0] - 1), isOther = slice !== this.place.at[0];
    this.place.at = [slice, 0, 0];
    if (isOther) this.draw();
    this.map?.outline("window", seen ? [cellBox(seen)] : []);
  }

  /** Tell which units see a cell. @param {At|null} at */
  reach(at) {
    this.map?.outline("lit", at ? [cellBox(at.map((cell) => [cell, cell]))] : []);
    const units = at && unitsSeeing(this.layer.step, at, sizesOf(this.layer).slice(-at.length));
    this.onReach(units);
    if (!at || !this.values) return;
    const place = cellText(this.source.shape, this.place.channel, at), value = exactly(this.values.valueAt(this.place.channel, at));
    this.app.say(`${this.source.name}, ${place}: ${value}; reaches ${units ? boxText(units, this.layer.shape) : "none"} of ${this.layer.name}`);
  }
}
