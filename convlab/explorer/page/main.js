// The explorer: the shell that stays, and in it the view of where one is.

import { NOWHERE, addressOf, decoded, stateOf } from "./address.js";
import { showConv } from "./conv.js";
import { listenForKeys } from "./keys.js";
import { showLayer } from "./layer.js";
import { showNetwork } from "./network.js";
import { showNumber } from "./number.js";
import { buildShell } from "./shell.js";
import { ValueCache } from "./values.js";
import { emptyText, written } from "./words.js";

const HELD_BYTES = 64e6;

/**
 * Show the explorer in an element; return what ends it.
 * @param {HTMLElement} root @param {Source} source @param {{linked?: boolean}} [options] linked: views are addresses of the page (not in a notebook)
 */
export function start(root, source, { linked = true } = {}) {
  const cache = new ValueCache(source, HELD_BYTES);
  /** @type {App} */
  const app = {
    root,
    linked,
    source,
    document: source.document,
    settings: { scale: "layer", order: "index", asinh: false },
    state: NOWHERE,
    from: NOWHERE,
    view: null,
    shell: /** @type {any} */ (null),
    go: (state, { replace = false } = {}) => (linked ? visit(app, state, replace) : show(app, state)),
    say: (text) => app.shell.say(text),
    set: (change) => changeSettings(app, change),
    values: (index) => (app.document.generation ? cache.get(index) : Promise.reject(new Error(emptyText(app.document)))),
    open: (file) => openImage(app, cache, file),
  };
  app.shell = buildShell(app);
  Object.assign(root, { app }); // for tests, and for whoever opens the console
  listenForKeys(linked ? document.body : root, () => [...(app.view?.keys ?? []), ...app.shell.keys]);
  const read = () => (linked ? readAddress(app) : show(app, app.state));
  if (linked) addEventListener("hashchange", read);
  read();
  return () => {
    removeEventListener("hashchange", read);
    app.view?.close();
    root.replaceChildren();
  };
}

/** Show what the address of the page says; of one that leads nowhere, the nearest there is. @param {App} app */
function readAddress(app) {
  const { layers } = app.document, state = stateOf(layers, location.hash), address = addressOf(layers, state);
  const isFalse = layers.length > 0 && decoded(location.hash || "#") !== decoded(address); // without a network the view reads it
  if (isFalse) history.replaceState(null, "", address);
  show(app, state, isFalse ? `nothing here has that address: this is ${address === "#" ? "the whole network" : decoded(address.slice(1))}` : "");
}

/** @param {App} app @param {State} state @param {boolean} replace */
function visit(app, state, replace) {
  const address = addressOf(app.document.layers, state);
  if (replace) history.replaceState(null, "", address);
  else if (address !== (location.hash || "#")) history.pushState(null, "", address);
  show(app, state); // at once, so that the next key finds it
}

/** Let the view follow to a state of the same layer, or close it and open the next. @param {App} app @param {State} state @param {string} [news] */
function show(app, state, news) {
  const from = (app.from = app.state);
  delete app.root.dataset.view;
  app.state = state;
  if (app.view?.update && from.layer === state.layer && depthOf(from) === depthOf(state)) app.view.update(state);
  else openView(app, state, depthOf(from) <= depthOf(state));
  app.shell.follow();
  if (app.linked) document.title = [nameOfLayer(app), app.document.title, "convlab"].filter(Boolean).join(" · ");
  tellWhenDrawn(app, news);
}

/** @param {App} app @param {State} state @param {boolean} deeper than where one was */
function openView(app, state, deeper) {
  app.view?.close();
  const views = app.document.layers.length ? [showNetwork, showLayer, showNumber] : [showConv];
  app.view = views[depthOf(state)](app.shell.emptyStage(deeper), app, state);
}

/** Name the view on the root as soon as all of it is there to be seen, and say what is new, after what the view says.
 *  @param {App} app @param {string} [news] */
async function tellWhenDrawn(app, news) {
  const { view, state } = app;
  await Promise.resolve(view?.ready).catch(() => {});
  requestAnimationFrame(() => {
    if (app.view !== view || app.state !== state) return;
    if (news) app.say(news);
    app.root.dataset.layer = nameOfLayer(app);
    app.root.dataset.view = app.document.layers.length ? ["network", "layer", "number"][depthOf(state)] : "conv";
  });
}

/** @param {App} app */
function nameOfLayer({ document: told, state: { layer } }) {
  return layer === null ? "" : told.layers[layer].name;
}

/** @param {State} state how deep it lies: network, layer, number */
function depthOf(state) {
  return state.layer === null ? 0 : state.at === null ? 1 : 2;
}

/** @param {App} app @param {Partial<Settings>} change */
function changeSettings(app, change) {
  Object.assign(app.settings, change);
  app.shell.follow();
  if (app.view?.redraw) app.view.redraw();
  else reopen(app);
}

/** @param {App} app @param {ValueCache} cache @param {Blob} file */
async function openImage(app, cache, file) {
  app.say("the network looks at the image ...");
  try {
    app.document = await app.source.open(file);
  } catch (error) {
    return app.say(/** @type {Error} */ (error).message);
  }
  cache.held.clear();
  app.shell.showDocument();
  const [first] = app.document.top;
  reopen(app, first ? `it sees ${first.label}: ${written(first.value)}` : "this is the image now");
}

/** Show the same state anew. @param {App} app @param {string} [news] */
function reopen(app, news) {
  delete app.root.dataset.view;
  openView(app, app.state, true);
  tellWhenDrawn(app, news);
}
