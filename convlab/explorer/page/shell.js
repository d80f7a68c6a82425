// What stays while views change: the trail, the tools, the picture with what the network says of it, the live line.

import { NOWHERE, addressOf } from "./address.js";
import { make, makeButton } from "./elements.js";
import { keyTable } from "./keys.js";
import { Picture } from "./picture.js";
import { placeText, written } from "./words.js";

/** @typedef {ReturnType<typeof buildShell>} Shell */
/** @typedef {[string, State]} Step of the trail */

/** @param {App} app */
export function buildShell(app) {
  const trail = make("nav", "trail", [], { "aria-label": "Where you are" });
  const tools = make("div", "tools", [], { role: "toolbar", "aria-label": "How it is drawn" });
  const sight = make("aside", "sight", [], { "aria-label": "The image" });
  const line = make("p", "line", [], { role: "status", "aria-live": "polite" });
  const [stage, hint, picture] = [make("main", "stage"), make("span", "hint"), new Picture()];
  const help = makeHelp(() => [...(app.view?.keys ?? []), ...shell.keys]);
  const desk = [make("header", "bar", [trail, tools]), make("div", "desk", [sight, stage]), make("footer", "foot", [line, hint]), help.dialog];
  app.root.classList.add("explorer");
  app.root.replaceChildren(...desk);
  if (app.document.live && app.document.layers.length) acceptDrops(app);

  const shell = {
    picture,
    goBack: () => goBack(app),
    /** @type {Key[]} */
    keys: [
      { key: "Escape", does: "one level back", act: () => goBack(app) },
      ...settingsOf(app).map(({ key, does, act }) => ({ key, does, act })),
      { key: "?", does: "these keys", act: help.open },
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
    /** Tell where one is now, and how it is drawn. */
    follow() {
      trail.replaceChildren(...trailOf(app));
      hint.textContent = [app.view?.hint, "? keys"].filter(Boolean).join(" · ");
      const settings = app.state.layer === null ? [] : settingsOf(app).map(({ key, name, value, act }) =>
        makeButton("tool", [make("span", "", [name]), " ", make("b", "", [value])], act, { title: `key ${key}` }));
      const live = app.document.live && app.document.layers.length ? [opener(app)] : [];
      const held = [...tools.children].findIndex((one) => one.matches(":focus"));
      tools.replaceChildren(...settings, ...live, makeButton("round", "?", help.open, { "aria-label": "Keys" }));
      /** @type {HTMLElement|undefined} */ (tools.children[held])?.focus();
    },
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
function goBack({ state: { layer, channel, at }, go }) {
  go(at === null ? NOWHERE : { layer, channel, at: null });
}

/** How layers are drawn, and what changes it. @param {App} app */
function settingsOf(app) {
  const { scale, order, asinh } = app.settings;
  return [
    {
      key: "s", name: "scale", value: scale === "layer" ? "shared" : "per channel",
      does: "scale of colours: shared by the layer, or each channel's own",
      act: () => app.set({ scale: app.settings.scale === "layer" ? "channel" : "layer" }),
    },
    {
      key: "o", name: "order", value: order,
      does: "order of channels: by index, or the strongest first",
      act: () => app.set({ order: app.settings.order === "index" ? "strength" : "index" }),
    },
    {
      key: "l", name: "small numbers", value: asinh ? "lifted" : "plain",
      does: "lift small numbers (asinh scale of colours)",
      act: () => app.set({ asinh: !app.settings.asinh }),
    },
  ];
}

/** @param {App} app @returns {Node[]} network > layer > channel > number */
function trailOf(app) {
  const { layer } = app.state, { layers, title } = app.document;
  /** @type {Step[]} */
  const steps = [[title, NOWHERE]];
  if (layer !== null) steps.push([layers[layer].name, { layer, channel: null, at: null }], ...channelSteps(app));
  const crumbs = steps.map(([text, state], i) => {
    const isHere = i === steps.length - 1;
    const link = make("a", "", [text], { title: text, ...(isHere ? { "aria-current": "page" } : { href: addressOf(layers, state) }) });
    link.addEventListener("click", (event) => {
      event.preventDefault();
      if (!isHere) app.go(state);
    });
    return make("li", "", [link]);
  });
  return [make("span", "mark", ["convlab"]), ...(layers.length ? [make("ol", "", crumbs)] : [])];
}

/** @param {App} app @returns {Step[]} */
function channelSteps({ document: told, state: { layer, channel, at } }) {
  if (layer === null || channel === null) return [];
  const { shape } = told.layers[layer], label = told.labels[layer]?.[channel];
  if (shape.length < 2) return [[`unit ${channel}${label ? ` (${label})` : ""}`, { layer, channel, at }]];
  /** @type {Step} */
  const ofChannel = [`channel ${channel}`, { layer, channel, at: null }];
  return at === null ? [ofChannel] : [ofChannel, [placeText(shape.length === 2 ? at.slice(-1) : at), { layer, channel, at }]];
}

/** @param {App} app */
function opener(app) {
  const input = make("input", "", [], { type: "file", accept: "image/*" });
  input.addEventListener("change", () => input.files?.[0] && app.open(input.files[0]));
  return make("label", "tool", ["open an image", input]);
}

/** @param {App} app */
function acceptDrops({ root, open }) {
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("dropping");
  });
  root.addEventListener("dragleave", (event) => {
    if (!root.contains(/** @type {Node|null} */ (event.relatedTarget))) root.classList.remove("dropping");
  });
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
}

/** @param {App} app @param {Picture} picture @returns {Node[]} */
function sightOf(app, picture) {
  const { told, top, live, generation } = app.document;
  const missing = generation ? "What the network was shown is no picture." : `No image yet${live ? ": drop one here" : ""}.`;
  const { nonfinite } = app.document.layers.find((layer) => !layer.inputs.length && layer.nonfinite) ?? {};
  return [
    app.document.picture ? picture.element : make("p", "empty", [missing]),
    ...(nonfinite ? [make("p", "note off", [`${nonfinite.toLocaleString("en")} of its numbers are NaN or inf`])] : []),
    ...(top.length ? [make("h2", "", ["It sees"]), make("ol", "classes", top.map((one) => classRow(app, one)))] : []),
    make("ul", "told", told.map((text) => make("li", "", [text]))),
  ];
}

/** A class, that leads to its number. @param {App} app @param {Told["top"][0]} one */
function classRow(app, { channel, label, value }) {
  const { layers, top } = app.document, most = Number(top[0].value), taken = new Set(layers.flatMap(({ inputs }) => inputs));
  const output = layers.findIndex(({ kind }, i) => !taken.has(i) && kind !== "InputLayer");
  const bar = make("span", "bar-of");
  bar.style.width = `${most > 0 ? Math.max(0, (100 * Number(value)) / most) : 0}%`;
  const words = [make("span", "name", [label]), make("span", "value", [written(value)]), bar];
  const open = () => app.go({ layer: output, channel, at: [0, 0] });
  return make("li", "", [makeButton("class", words, open, { title: `${label}: where does this number come from?` })]);
}

/** @param {() => Key[]} keys */
function makeHelp(keys) {
  const body = make("div");
  const dialog = make("dialog", "help", [make("h2", "", ["Keys"]), body, makeButton("tool", "close", () => dialog.close())], { "aria-label": "Keys" });
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  const open = () => {
    body.replaceChildren(keyTable(keys()));
    dialog.showModal();
  };
  return { dialog, open };
}
