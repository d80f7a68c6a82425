// A small map of the layer before, with the window of the cell that is looked at: hovered in turn, it says which units
// of the layer see what lies under the pointer.

import { make, offsetIn } from "./elements.js";
import { boxSeen, sizesOf, unitsSeeing } from "./geometry.js";
import { Mosaic } from "./mosaic.js";
import { boxText, cellText, exactly } from "./words.js";

const TALLEST = 300;

export class Neighbour {
  /** @param {App} app @param {Layer} layer @param {(box: Box|null) => void} onReach told which units see the cell under the pointer */
  constructor(app, layer, onReach) {
    this.app = app;
    this.layer = layer;
    this.source = app.document.layers[layer.inputs[0]];
    this.onReach = onReach;
    this.title = make("h3");
    this.host = make("div", "neighbour-map");
    this.element = make("section", "neighbour panel", [this.title, this.host]);
    this.element.hidden = !this.source;
    /** @type {Mosaic|null} */
    this.mosaic = null;
    this.channel = -1;
    this.host.addEventListener("pointermove", (event) => this.reach(event));
    this.host.addEventListener("pointerleave", () => this.leave());
  }

  /** Draw a channel of the source. @param {number} channel */
  async show(channel) {
    if (!this.source || channel === this.channel) return;
    this.channel = channel;
    const values = await this.app.values(this.layer.inputs[0]);
    if (this.channel !== channel || this.closed) return;
    const drawn = values.cells > 1 ? `channel ${channel}` : `all ${values.sides.channels.toLocaleString("en")} units`;
    this.title.textContent = `from ${this.source.name}, ${drawn}`;
    if (values.cells === 1) return;
    if (this.mosaic) {
      this.mosaic.setOrder([channel]);
      return this.mosaic.drawAll();
    }
    this.mosaic = new Mosaic(values, this.app.settings, { order: [channel], bare: true });
    this.host.append(this.mosaic.element);
    this.host.style.height = `${Math.min(TALLEST, this.host.clientWidth)}px`;
    this.mosaic.resize();
    this.host.style.height = `${Math.ceil(this.mosaic.tiling.tileHeight)}px`;
    this.box(this.seen ?? null);
  }

  /** Light what the layer's unit at a place sees. @param {At} at */
  light(at) {
    this.seen = boxSeen(this.layer.step, at);
    this.box(this.seen);
  }

  /** @param {Box|null} box */
  box(box) {
    if (!this.mosaic) return;
    if (box?.length === 3) this.mosaic.slice = Math.max(0, Math.min(box[0][0], this.mosaic.values.sides.depth - 1));
    this.mosaic.lit = box;
    this.mosaic.drawSoon();
  }

  /** @param {PointerEvent} event */
  reach(event) {
    const cell = this.mosaic?.under(...offsetIn(event, this.host));
    if (!this.mosaic || !cell?.at) return this.leave();
    const units = unitsSeeing(this.layer.step, cell.at, sizesOf(this.layer).slice(-cell.at.length));
    this.mosaic.cursor = { channel: this.channel, at: cell.at };
    this.box(null);
    this.onReach(units);
    const place = cellText(this.source.shape, this.channel, cell.at), value = exactly(this.mosaic.values.valueAt(this.channel, cell.at));
    this.app.say(`${this.source.name}, ${place}: ${value}; reaches ${boxText(units)} of ${this.layer.name}`);
  }

  leave() {
    if (!this.mosaic?.cursor) return;
    this.mosaic.cursor = null;
    this.box(this.seen ?? null);
    this.onReach(null);
  }

  close() {
    this.closed = true;
    this.mosaic?.close();
  }
}
