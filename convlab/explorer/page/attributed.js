// Where a class comes from: an attribution laid over the maps of a layer and over the image, one method after the other.

import { make, makeButton } from "./elements.js";
import { pencil } from "./mosaic.js";
import { spotlight } from "./picture.js";

const METHODS = ["grad_cam", "gradient"];

export class Attributed {
  /**
   * @param {App} app @param {number} index of the layer shown
   * @param {(veil: HTMLCanvasElement|null) => void} onVeil given what is laid over its maps
   */
  constructor(app, index, onVeil) {
    this.app = app;
    this.index = index;
    this.onVeil = onVeil;
    this.method = -1;
    this.note = make("p", "note");
    this.button = makeButton("link", "", () => this.next());
    this.element = make("section", "attributed panel", [make("h3", "", ["Where the class comes from"]), this.button, this.note]);
    this.element.hidden = !app.document.top.length;
    this.tell();
  }

  /** Lay the next method over, none behind the last. */
  async next() {
    if (!this.app.document.top.length) return;
    this.method = this.method + 1 < METHODS.length ? this.method + 1 : -1;
    this.lay(null);
    this.tell();
    if (this.method < 0) return;
    const asked = METHODS[this.method];
    const found = await this.ask(asked);
    if (METHODS[this.method] === asked) this.show(found);
  }

  /** By this layer's own cells where the method can, else by those it chooses. @param {string} method */
  async ask(method) {
    const question = { method, class: this.app.document.top[0].channel };
    const own = method === "grad_cam" ? await this.app.source.attribution({ ...question, layer: this.index }).catch(() => null) : null;
    return own ?? this.app.source.attribution({ ...question, layer: null }).catch((/** @type {Error} */ error) => error);
  }

  /** @param {Attribution|Error|null} found */
  show(found) {
    if (this.closed) return;
    if (!found) this.note.textContent = `not in this page: ${this.app.document.command} computes it`;
    else if (found instanceof Error) this.note.textContent = found.message;
    else this.lay(found);
    if (this.note.textContent) this.app.say(this.note.textContent);
  }

  /** @param {Attribution|null} found */
  lay(found) {
    this.app.shell.picture.heat(found?.pixels ?? null);
    const own = found && found.layer === this.index;
    this.onVeil(own ? veilOf(found) : null);
    this.note.textContent = found ? `${found.target}: ${found.note}${own ? "" : " (laid over the image alone)"}` : "";
  }

  tell() {
    this.button.textContent = this.method < 0 ? "show it (a)" : `${METHODS[this.method]}: next (a)`;
  }

  close() {
    this.closed = true;
  }
}

/** @param {Attribution} attribution */
function veilOf({ shape, values }) {
  const [height, width] = shape;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  pencil(canvas).putImageData(spotlight(values, width, height), 0, 0);
  return canvas;
}
