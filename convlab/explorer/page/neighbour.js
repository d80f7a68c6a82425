// A small map of the layer before, with the window of the cell that is looked at: hovered in turn, it says which units
// of the layer see what lies under the pointer.

import { sidesOf } from "./address.js";
import { make } from "./elements.js";
import { boxSeen, unitsSeeing } from "./fields.js";
import { Mosaic, offsetIn } from "./mosaic.js";
import { boxText, cellText, exactly } from "./words.js";


export class Neighbour {
  /**
   * @param {App} app @param {number} index of the layer whose first input is drawn
   * @param {(box: number[][]|null) => void} onReach told which units see the cell under the pointer
   */
  constructor(app, index, onReach) {
    this.app = app;
    this.layer = app.document.layers[index];
    this.source = this.layer.inputs[0];
    this.onReach = onReach;
    this.title = make("h3");
    this.host = make("div", "neighbour-map");
    this.element = make("section", "neighbour panel", [this.title, this.host]);
    this.element.hidden = this.source === undefined;
    /** @type {Mosaic|null} */
    this.mosaic = null;
    this.channel = -1;
    this.host.addEventListener("pointermove", (event) => this.reach(event));
    this.host.addEventListener("pointerleave", () => this.leave());
  }

  /** Draw a channel of the source. @param {number} channel */
  async show(channel) {
    if (this.source === undefined || channel === this.channel) return;
    this.channel = channel;
    const values = await this.app.values(this.source);
    if (this.channel !== channel) return;
    const { width, height, channels } = values.sides;
    if (width * height === 1) return this.showUnits(channels);
    this.title.textContent = `from ${this.app.document.layers[this.source].name}, channel ${channel}`;
    this.mosaic?.close();
    this.mosaic = new Mosaic(values, this.app.settings, { order: [channel], bare: true });
    this.host.replaceChildren(this.mosaic.element);
    this.host.style.height = `${Math.min(300, this.host.clientWidth)}px`;
    this.mosaic.resize();
    this.host.style.height = `${Math.ceil(this.mosaic.tiling.tileHeight)}px`;
    this.box(this.seen ?? null);
  }

  /** @param {number} channels */
  showUnits(channels) {
    this.title.textContent = `from ${this.app.document.layers[this.source].name}, all ${channels.toLocaleString("en")} units`;
    this.host.hidden = true;
  }

  /** Light what the layer's unit at a place sees. @param {number[]|null} at */
  light(at) {
    this.seen = at && boxSeen(this.layer.step, at);
    this.box(this.seen);
  }

  /** @param {number[][]|null} box */
  box(box) {
    if (!this.mosaic) return;
    if (box?.length === 3) this.mosaic.slice = Math.max(0, Math.min(box[0][0], this.mosaic.values.sides.depth - 1));
    this.mosaic.lit = box && { box: box.slice(-2), channel: null };
    this.mosaic.drawSoon();
  }

  /** @param {PointerEvent} event */
  reach(event) {
    const cell = this.mosaic?.under(...offsetIn(event, this.host));
    if (!this.mosaic || !cell?.at) return this.leave();
    const { depth, height, width } = sidesOf(this.layer.shape);
    const units = unitsSeeing(this.layer.step, cell.at, [depth, height, width].slice(-cell.at.length));
    this.mosaic.cursor = { channel: this.channel, at: cell.at };
    this.mosaic.lit = null;
    this.mosaic.drawSoon();
    this.onReach(units);
    const source = this.app.document.layers[this.source];
    const value = exactly(this.mosaic.values.valueAt(this.channel, cell.at));
    this.app.say(`${source.name}, ${cellText(source.shape, this.channel, cell.at)}: ${value}; reaches ${boxText(units)} of ${this.layer.name}`);
  }

  leave() {
    if (!this.mosaic?.cursor) return;
    this.mosaic.cursor = null;
    this.box(this.seen ?? null);
    this.onReach(null);
  }

  close() {
    this.mosaic?.close();
  }
}
