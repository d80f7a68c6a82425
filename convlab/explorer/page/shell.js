// What stays while views change: the trail, the tools, the picture with what the network says of it, the live line.

import { NOWHERE, addressOf } from "./address.js";
import { make, makeButton } from "./elements.js";
import { keyTable } from "./keys.js";
import { Picture } from "./picture.js";
import { placeText, written } from "./words.js";

/** @typedef {ReturnType<typeof buildShell>} Shell */

/** @param {App} app */
export function buildShell(app) {
  const trail = make("nav", "trail", [], { "aria-label": "Where you are" });
  const tools = make("div", "tools", [], { role: "toolbar", "aria-label": "How it is drawn" });
  const sight = make("aside", "sight", [], { "aria-label": "The image" });
  const stage = make("main", "stage");
  const line = make("p", "line", [], { role: "status", "aria-live": "polite" });
  const hint = make("span", "hint");
  const help = makeHelp();
  const picture = new Picture();
  app.root.classList.add("explorer");
  app.root.replaceChildren(
    make("header", "bar", [trail, tools]),
    make("div", "desk", [sight, stage]),
    make("footer", "foot", [line, hint]),
    help.dialog,
  );
  acceptDrops(app);

  const shell = {
    picture,
    goBack: () => goBack(app),
    /** @type {Key[]} */
    keys: [
      { key: "Escape", does: "one level back", act: () => goBack(app) },
      { key: "s", does: "scale of colours: shared by the layer, or each channel's own", act: () => toggleScale(app) },
      { key: "o", does: "order of channels: by index, or the strongest first", act: () => toggleOrder(app) },
      { key: "l", does: "lift small numbers (asinh scale of colours)", act: () => app.set({ asinh: !app.settings.asinh }) },
      { key: "?", does: "these keys", act: () => help.open([...(app.view?.keys ?? []), ...shell.keys]) },
    ],
    /** @param {string} text */
    say: (text) => void (line.textContent = text),
    /** Give the stage to a new view. @param {boolean} deeper */
    emptyStage(deeper) {
      const fresh = make("div", `view ${deeper ? "in" : "out"}`);
      stage.replaceChildren(fresh);
      line.textContent = "";
      picture.box(null);
      picture.heat(null);
      picture.onHover = null;
      return fresh;
    },
    /** Tell where one is now. */
    follow() {
      trail.replaceChildren(...trailOf(app));
      hint.textContent = [app.view?.hint, "? keys"].filter(Boolean).join(" · ");
      shell.showSettings();
    },
    showSettings: () => tools.replaceChildren(...toolsOf(app, help)),
    showDocument() {
      picture.show(app.document.picture);
      sight.hidden = !app.document.layers.length;
      sight.replaceChildren(...sightOf(app, picture));
    },
  };
  shell.showDocument();
  return shell;
}

/** @param {App} app */
function goBack(app) {
  const { layer, channel, at } = app.state;
  if (at !== null) app.go({ layer, channel, at: null });
  else app.go(NOWHERE);
}

/** @param {App} app */
function toggleScale(app) {
  app.set({ scale: app.settings.scale === "layer" ? "channel" : "layer" });
}

/** @param {App} app */
function toggleOrder(app) {
  app.set({ order: app.settings.order === "index" ? "strength" : "index" });
}

/** @param {App} app @returns {Node[]} network > layer > channel > number */
function trailOf(app) {
  const { layer, channel } = app.state;
  const title = make("span", "mark", ["convlab"]);
  if (!app.document.layers.length) return [title];
  /** @type {[string, State][]} */
  const steps = [[app.document.title, NOWHERE]];
  if (layer !== null) steps.push([app.document.layers[layer].name, { layer, channel: null, at: null }]);
  if (layer !== null && channel !== null) steps.push(...channelSteps(app.document, app.state));
  return [title, make("ol", "", steps.map(([text, state], i) => crumb(app, text, state, i === steps.length - 1)))];
}

/** @param {Told} told @param {State} state @returns {[string, State][]} */
function channelSteps(told, { layer, channel, at }) {
  const { shape } = told.layers[layer ?? 0], label = told.labels[layer ?? 0]?.[channel ?? 0];
  if (shape.length < 2) return [[`unit ${channel}${label ? ` (${label})` : ""}`, { layer, channel, at }]];
  /** @type {[string, State]} */
  const ofChannel = [`channel ${channel}`, { layer, channel, at: null }];
  return at === null ? [ofChannel] : [ofChannel, [placeText(shape.length === 2 ? at.slice(-1) : at), { layer, channel, at }]];
}

/** @param {App} app @param {string} text @param {State} state @param {boolean} here */
function crumb(app, text, state, here) {
  /** @type {Record<string, string>} */
  const attributes = here ? { "aria-current": "page" } : { href: addressOf(app.document.layers, state) };
  const link = make("a", "", [text], { ...attributes, title: text });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (!here) app.go(state);
  });
  return make("li", "", [link]);
}

/** @param {App} app @param {ReturnType<typeof makeHelp>} help */
function toolsOf(app, help) {
  const { scale, order, asinh } = app.settings;
  const tools = [];
  if (app.state.layer !== null) {
    tools.push(
      tool("scale", scale === "layer" ? "shared" : "per channel", "s", () => toggleScale(app)),
      tool("order", order === "index" ? "index" : "strength", "o", () => toggleOrder(app)),
      tool("small numbers", asinh ? "lifted" : "plain", "l", () => app.set({ asinh: !asinh })),
    );
  }
  if (app.document.live && app.document.layers.length) tools.push(opener(app));
  const keys = makeButton("round", "?", () => help.open([...(app.view?.keys ?? []), ...app.shell.keys]));
  keys.setAttribute("aria-label", "Keys");
  return [...tools, keys];
}

/** @param {string} name @param {string} value @param {string} key @param {() => void} act */
function tool(name, value, key, act) {
  const button = makeButton("tool", "", act, { title: `key ${key}` });
  button.append(make("span", "", [name]), " ", make("b", "", [value]));
  return button;
}

/** @param {App} app */
function opener(app) {
  const input = make("input", "", [], { type: "file", accept: "image/*" });
  input.addEventListener("change", () => input.files?.[0] && app.open(input.files[0]));
  return make("label", "tool", ["open an image", input]);
}

/** @param {App} app */
function acceptDrops(app) {
  if (!app.document.live || !app.document.layers.length) return;
  app.root.addEventListener("dragover", (event) => {
    event.preventDefault();
    app.root.classList.add("dropping");
  });
  app.root.addEventListener("dragleave", (event) => {
    if (!app.root.contains(/** @type {Node|null} */ (event.relatedTarget))) app.root.classList.remove("dropping");
  });
  app.root.addEventListener("drop", (event) => {
    event.preventDefault();
    app.root.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (file) app.open(file);
  });
}

/** @param {App} app @param {Picture} picture @returns {Node[]} */
function sightOf(app, picture) {
  const { told, top, live, generation } = app.document;
  const parts = [];
  if (app.document.picture) parts.push(picture.element);
  else parts.push(make("p", "empty", [generation ? "What the network was shown is no picture." : live ? "No image yet: drop one here." : "No image yet."]));
  if (top.length) parts.push(make("h2", "", ["It sees"]), make("ol", "classes", top.map((one) => classRow(app, one))));
  if (told.length) parts.push(make("ul", "told", told.map((text) => make("li", "", [text]))));
  return parts;
}

/** @param {App} app @param {Told["top"][0]} one */
function classRow(app, { channel, label, value }) {
  const most = Number(app.document.top[0].value);
  const bar = make("span", "bar-of");
  bar.style.width = `${most > 0 ? Math.max(0, (100 * Number(value)) / most) : 0}%`;
  const row = makeButton("class", "", () => app.go({ layer: outputOf(app.document.layers), channel, at: [0, 0] }));
  row.append(make("span", "name", [label]), make("span", "value", [written(value)]), bar);
  row.title = `${label}: where does this number come from?`;
  return make("li", "", [row]);
}

/** The first layer that no other takes. @param {Layer[]} layers */
function outputOf(layers) {
  const taken = new Set(layers.flatMap((layer) => layer.inputs));
  return layers.findIndex((layer, i) => !taken.has(i) && layer.kind !== "InputLayer");
}

function makeHelp() {
  const body = make("div");
  const dialog = make("dialog", "help", [make("h2", "", ["Keys"]), body], { "aria-label": "Keys" });
  dialog.append(makeButton("tool", "close", () => dialog.close()));
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  return {
    dialog,
    /** @param {Key[]} keys */
    open(keys) {
      body.replaceChildren(keyTable(keys));
      dialog.showModal();
    },
  };
}
