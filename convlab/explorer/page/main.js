// The explorer: the shell that stays, and in it the view of where one is.

import { NOWHERE, addressOf, decoded, stateOf } from "./address.js";
import { ConvPage } from "./conv.js";
import { listenForKeys } from "./keys.js";
import { LayerView } from "./layer.js";
import { NetworkView } from "./network.js";
import { NumberView } from "./number.js";
import { written } from "./numbers.js";
import { buildShell } from "./shell.js";
import { valueCache } from "./values.js";

const HELD_BYTES = 64e6;

/** Show the explorer in an element; return what ends it. @param {HTMLElement} root @param {Source} source
 *  @param {{linked?: boolean}} [options] linked: views are addresses of the page (not in a notebook) */
export function start(root, source, { linked = true } = {}) {
  const cache = valueCache(source, HELD_BYTES);
  /** @type {App} */
  const app = {
    root,
    linked,
    source,
    document: source.document,
    settings: { scale: "layer", order: "index", backward: false, class: source.document.top[0]?.channel ?? 0 },
    drawn: new Map(),
    state: NOWHERE,
    from: NOWHERE,
    view: null,
    shell: /** @type {any} */ (null),
    go: (state, { replace = false } = {}) => (linked ? visit(app, state, replace) : show(app, state)),
    say: (text) => app.shell.say(text),
    set(change) {
      Object.assign(app.settings, change);
      app.view?.redraw?.();
      app.shell.follow();
    },
    values: (index) => (app.document.generation ? cache.get(index) : Promise.reject(new Error(app.document.empty))),
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
    app.view?.close?.();
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

function visit(/** @type {App} */ app, /** @type {State} */ state, /** @type {boolean} */ replace) {
  const address = addressOf(app.document.layers, state);
  if (replace) history.replaceState(null, "", address);
  else if (address !== (location.hash || "#")) history.pushState(null, "", address);
  show(app, state); // at once, so that the next key finds it
}

/** Let the view follow to a state of the same layer, or close it and open the next. @param {App} app @param {State} state @param {string} [news] */
function show(app, state, news) {
  const from = (app.from = app.state), depth = depthOf(state);
  app.state = state;
  if (app.view?.update && from.layer === state.layer && depthOf(from) === depth) app.view.update(state);
  else openView(app, depthOf(from) <= depth);
  app.shell.follow();
  if (app.linked) document.title = [nameOfLayer(app), app.document.title, "convlab"].filter(Boolean).join(" · ");
  tellWhenDrawn(app, news);
}

/** @param {App} app @param {boolean} deeper than where one was */
function openView(app, deeper) {
  app.view?.close?.();
  const View = app.document.layers.length ? [NetworkView, LayerView, NumberView][depthOf(app.state)] : ConvPage;
  app.view = new View(app.shell.emptyStage(deeper), app, app.state);
}

/** Name the view on the root as soon as all of it is there to be seen, and say what is new, after what the view says.
 *  @param {App} app @param {string} [news] */
async function tellWhenDrawn(app, news) {
  const { view, state } = app;
  delete app.root.dataset.view;
  await Promise.resolve(view?.ready).catch(() => {});
  requestAnimationFrame(() => {
    if (app.view !== view || app.state !== state) return;
    if (news) app.say(news);
    app.root.dataset.layer = nameOfLayer(app);
    app.root.dataset.view = app.document.layers.length ? ["network", "layer", "number"][depthOf(state)] : "conv";
  });
}

const nameOfLayer = (/** @type {App} */ { document: { layers }, state: { layer } }) => (layer === null ? "" : layers[layer].name);

/** How deep a state lies: network, layer, number. @param {State} state */
const depthOf = ({ layer, at }) => (layer === null ? 0 : at === null ? 1 : 2);

async function openImage(/** @type {App} */ app, /** @type {ReturnType<typeof valueCache>} */ cache, /** @type {Blob} */ file) {
  app.say("the network looks at the image ...");
  try {
    app.document = await app.source.open(file);
  } catch (error) {
    return app.say(/** @type {Error} */ (error).message);
  }
  for (const held of [cache, app.drawn]) held.clear();
  app.shell.showDocument();
  openView(app, true);
  app.shell.follow();
  const [first] = app.document.top;
  tellWhenDrawn(app, first ? `it sees ${first.label}: ${written(first.value)}` : "this is the image now");
}
