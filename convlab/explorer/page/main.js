// The explorer: the shell that stays, and in it the view of where one is.

import { NOWHERE, addressOf, stateOf } from "./address.js";
import { showConv } from "./conv.js";
import { listenForKeys } from "./keys.js";
import { showLayer } from "./layer.js";
import { showNetwork } from "./network.js";
import { showNumber } from "./number.js";
import { buildShell } from "./shell.js";
import { ValueCache } from "./values.js";

/**
 * @typedef {import("./address.js").State} State
 * @typedef {{scale: "layer"|"channel", order: "index"|"strength", asinh: boolean}} Settings
 *
 * A view fills a stage; `redraw` follows changed settings, where it can without being shown anew.
 * @typedef {{keys: import("./keys.js").Key[], close: () => void, redraw?: () => void}} View
 *
 * What every view is given.
 * @typedef {object} App
 * @property {HTMLElement} root
 * @property {import("./data.js").Source} source
 * @property {import("./data.js").Told} document
 * @property {Settings} settings
 * @property {State} state where one is
 * @property {View|null} view what is shown there
 * @property {import("./shell.js").Shell} shell
 * @property {(state: State) => void} go
 * @property {(text: string) => void} say to the live line
 * @property {(change: Partial<Settings>) => void} set
 * @property {(index: number) => Promise<import("./values.js").Values>} values decoded, those of last layers held
 * @property {(file: Blob) => Promise<void>} open another image
 */

const HELD_BYTES = 64e6;

/**
 * Show the explorer in an element; return what ends it.
 * @param {HTMLElement} root
 * @param {import("./data.js").Source} source
 * @param {{linked?: boolean}} [options] linked: views are addresses of the page (not in a notebook)
 */
export function start(root, source, { linked = true } = {}) {
  const cache = new ValueCache(source, HELD_BYTES);
  /** @type {App} */
  const app = {
    root,
    source,
    document: source.document,
    settings: { scale: "layer", order: "index", asinh: false },
    state: NOWHERE,
    view: null,
    shell: /** @type {any} */ (null),
    go: (state) => (linked ? visit(app, state) : show(app, state)),
    say: (text) => app.shell.say(text),
    set: (change) => changeSettings(app, change),
    values: (index) => cache.get(index),
    open: (file) => openImage(app, cache, file),
  };
  app.shell = buildShell(app);
  Object.assign(root, { app }); // for tests, and for whoever opens the console
  listenForKeys(root, () => [...(app.view?.keys ?? []), ...app.shell.keys]);
  const read = () => show(app, linked ? stateOf(app.document.layers, location.hash) : app.state);
  if (linked) addEventListener("hashchange", read);
  read();
  return () => {
    removeEventListener("hashchange", read);
    app.view?.close();
    root.replaceChildren();
  };
}

/** @param {App} app @param {State} state */
function visit(app, state) {
  const address = addressOf(app.document.layers, state);
  if (address === (location.hash || "#")) show(app, state);
  else location.hash = address;
}

/** Close one view and open the next. @param {App} app @param {State} state */
function show(app, state) {
  app.view?.close();
  const from = app.state;
  app.state = state;
  const stage = app.shell.emptyStage(depthOf(from) <= depthOf(state));
  const view = (app.view = viewOf(app, state)(stage, app, state));
  app.shell.follow(view);
}

/** @param {State} state how deep it lies: network, layer, number */
function depthOf(state) {
  return state.layer === null ? 0 : state.at === null ? 1 : 2;
}

/** @param {App} app @param {State} state @returns {(stage: HTMLElement, app: App, state: State) => View} */
function viewOf(app, state) {
  if (!app.document.layers.length) return showConv;
  return [showNetwork, showLayer, showNumber][depthOf(state)];
}

/** @param {App} app @param {Partial<Settings>} change */
function changeSettings(app, change) {
  Object.assign(app.settings, change);
  app.shell.showSettings();
  if (app.view?.redraw) app.view.redraw();
  else show(app, app.state);
}

/** @param {App} app @param {ValueCache} cache @param {Blob} file */
async function openImage(app, cache, file) {
  app.say("the network looks at the image ...");
  try {
    app.document = await app.source.open(file);
  } catch (error) {
    return app.say(/** @type {Error} */ (error).message);
  }
  cache.clear();
  app.shell.showDocument();
  show(app, app.state);
  app.say(`${app.document.title}: shown`);
}
