// Where a class comes from: an attribution laid over the maps of a layer and over the image, one method after the other.

import { make, makeButton } from "./elements.js";
import { drawVeil } from "./picture.js";

const METHODS = ["", "grad_cam", "gradient"];

export class Attributed {
  /** @param {App} app @param {number} index of the layer shown @param {(veil: HTMLCanvasElement|null) => void} onVeil given what is laid over its maps */
  constructor(app, index, onVeil) {
    this.app = app;
    this.index = index;
    this.onVeil = onVeil;
    this.method = "";
    this.note = make("p", "note");
    this.button = makeButton("link", "show it (a)", () => this.next());
    this.element = make("section", "attributed panel", [make("h3", "", ["Where the class comes from"]), this.button, this.note]);
    this.element.hidden = !app.document.top.length;
  }

  /** Lay the next method over, none behind the last. */
  async next() {
    if (this.element.hidden) return;
    const method = (this.method = METHODS[(METHODS.indexOf(this.method) + 1) % METHODS.length]);
    this.lay(null);
    this.button.textContent = method ? `${method}: next (a)` : "show it (a)";
    if (!method) return;
    const found = await this.ask(method).catch((/** @type {Error} */ error) => error);
    if (this.method !== method) return;
    if (found instanceof Error) this.note.textContent = found.message;
    else if (!found) this.note.textContent = `not in this page: ${this.app.document.command} computes it`;
    else this.lay(found);
    this.app.say(this.note.textContent ?? "");
  }

  /** By this layer's own cells where the method can, else by those it chooses. @param {string} method */
  async ask(method) {
    const question = { method, class: this.app.document.top[0].channel };
    const own = method === "grad_cam" ? await this.app.source.attribution({ ...question, layer: this.index }).catch(() => null) : null;
    return own ?? this.app.source.attribution({ ...question, layer: null });
  }

  close() {
    this.method = "closed";
  }

  /** @param {Attribution|null} found */
  lay(found) {
    const veil = found?.layer === this.index ? make("canvas") : null;
    if (veil && found) drawVeil(veil, found.values, found.shape[1], found.shape[0]);
    this.app.shell.picture.heat(found?.pixels ?? null);
    this.onVeil(veil);
    this.note.textContent = found ? `${found.target}: ${found.note}${veil ? "" : " (laid over the image alone)"}` : "";
  }
}
