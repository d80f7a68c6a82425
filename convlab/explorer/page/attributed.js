// Where a class comes from: an attribution laid over the image and over the maps of a layer; and the class that is meant,
// here and where a number is explained backwards.

import { make, makeSelect } from "./elements.js";
import { drawVeil } from "./picture.js";

export class Attributed {
  /** @param {App} app */
  constructor(app) {
    const { top, methods } = (this.told = app.document), methodNames = methods.map((name) => /** @type {[string, string]} */ ([name, name.replaceAll("_", " ")]));
    this.app = app;
    this.asked = ""; // last, and by which view
    this.askedBy = app.view;
    this.methods = makeSelect("method", [["", "nothing laid over"], ...methodNames], () => this.follow());
    this.classes = makeSelect("class", top.map(({ channel, label }) => [`${channel}`, label]), (value) => app.set({ class: Number(value) }));
    this.note = make("p", "note");
    this.element = make("section", "attributed", [make("h2", "", ["Where it comes from"]), this.classes, this.methods, this.note]);
    this.element.hidden = !top.length;
    if (!top.some(({ channel }) => channel === app.settings.class)) Object.assign(app.settings, { class: top[0]?.channel ?? 0, backward: false });
    this.classes.value = `${app.settings.class}`;
  }

  /** Lay the next method over, none behind the last. */
  next() {
    if (this.element.hidden) return;
    this.methods.selectedIndex = (this.methods.selectedIndex + 1) % this.methods.length;
    this.follow();
  }

  /** Lay over what is chosen, where one is now; what comes late is dropped. */
  async follow() {
    const method = this.methods.value, { view, settings } = this.app, asked = `${method} ${settings.class}`;
    if (this.asked === asked && this.askedBy === view) return;
    Object.assign(this, { asked, askedBy: view });
    this.lay(null);
    if (!method) return;
    const { source, state: { layer } } = this.app, question = { method, class: settings.class };
    // By this layer's own cells where the method can, else by those it chooses.
    const own = layer !== null && method.includes("cam") ? await source.attribution({ ...question, layer }).catch(() => null) : null;
    const found = own ?? (await source.attribution({ ...question, layer: null }).catch((/** @type {Error} */ error) => error));
    if (this.asked !== asked || this.app.view !== view) return;
    if (found instanceof Error) this.note.textContent = found.message;
    else if (!found) this.note.textContent = `not in this page: ${this.told.command} computes it`;
    else this.lay(found);
    this.app.say(this.note.textContent ?? "");
  }

  lay(/** @type {Attribution|null} */ found) {
    const { shell, state, view } = this.app, veil = found && found.layer === state.layer && view?.veil ? make("canvas") : null;
    if (veil && found) drawVeil(veil, found.values, { width: found.shape[1] ?? found.shape[0], height: found.shape[1] ? found.shape[0] : 1 });
    shell.picture.heat(found?.pixels ?? null);
    view?.veil?.(veil);
    this.note.textContent = found ? `${found.target}: ${found.note}${veil || !view?.veil ? "" : " (laid over the image alone)"}` : "";
  }
}
