// What stays while views change: the trail, the tools, the picture with what the network says of it, the live line.

import { NOWHERE, addressOf } from "./address.js";
import { Attributed } from "./attributed.js";
import { make, makeButton } from "./elements.js";
import { keyTable } from "./keys.js";
import { boxText, written } from "./numbers.js";
import { Picture } from "./picture.js";

/** @param {App} app @returns {Shell} */
export function buildShell(app) {
  const trail = make("nav", "trail", [], { "aria-label": "Where you are" });
  const tools = make("div", "tools", [], { role: "toolbar", "aria-label": "How it is drawn" });
  const sight = make("aside", "sight", [], { "aria-label": "The image" });
  const line = make("p", "line", [], { role: "status", "aria-live": "polite" });
  const [stage, hint, picture] = [make("main", "stage"), make("span", "hint"), new Picture()];
  const help = makeHelp(() => [...(app.view?.keys ?? []), ...shell.keys]), isLive = app.document.live && app.document.layers.length > 0;
  let attributed = new Attributed(app);
  app.root.classList.add("explorer");
  app.root.replaceChildren(
    make("header", "bar", [trail, tools]), make("div", "desk", [sight, stage]), make("footer", "foot", [line, hint]), help.dialog);
  if (isLive) acceptDrops(app);

  /** @type {Shell} */
  const shell = {
    picture,
    goBack() {
      const { layer, channel, at } = app.state;
      app.go(at === null ? NOWHERE : { layer, channel, at: null });
    },
    keys: [
      { key: "Escape", does: "one level back", act: () => shell.goBack() },
      ...settingsOf(app).map(({ key, does, act }) => ({ key, does, act })),
      { key: "a", does: "where the class comes from, laid over: by the next method", act: () => attributed.next() },
      { key: "?", does: "these keys", act: help.open },
    ],
    say: (text) => void (line.textContent = text),
    emptyStage(deeper) {
      const fresh = make("div", `view ${deeper ? "in" : "out"}`);
      stage.replaceChildren(fresh);
      line.textContent = "";
      picture.box(null);
      picture.onHover = null;
      return fresh;
    },
    follow() {
      const held = [...tools.children].findIndex((one) => one.matches(":focus")), settings = settingsOf(app).filter(({ isOf }) => isOf(app.state));
      trail.replaceChildren(...trailOf(app));
      hint.textContent = [app.view?.hint, "? keys"].filter(Boolean).join(" · ");
      tools.replaceChildren(...settings.map(({ key, name, value, act }) =>
        makeButton("tool", [make("span", "", [name]), " ", make("b", "", [value])], act, { title: `key ${key}` })),
      ...(isLive ? [opener(app)] : []), makeButton("round", "?", help.open, { "aria-label": "Keys" }));
      /** @type {HTMLElement|undefined} */ (tools.children[held])?.focus();
      attributed.follow();
    },
    showDocument() {
      if (app.document.picture) picture.show(app.document.picture);
      attributed = new Attributed(app);
      sight.hidden = !app.document.layers.length;
      sight.replaceChildren(...sightOf(app, picture, attributed.element));
    },
  };
  shell.showDocument();
  return shell;
}

/** How layers are drawn and numbers explained, what changes it, and where it is of use. @param {App} app @returns {Setting[]} */
function settingsOf({ settings, set, document: { top } }) {
  return [
    { key: "s", name: "scale", value: settings.scale === "layer" ? "shared" : "per channel", isOf: ({ layer }) => layer !== null,
      does: "scale of colours: shared by the layer, or each channel's own",
      act: () => set({ scale: settings.scale === "layer" ? "channel" : "layer" }) },
    { key: "o", name: "order", value: settings.order, isOf: ({ layer }) => layer !== null,
      does: "order of channels: by index, or the strongest first",
      act: () => set({ order: settings.order === "index" ? "strength" : "index" }) },
    { key: "b", name: "explained", value: settings.backward ? "backwards" : "forwards", isOf: ({ at }) => at !== null && top.length > 0,
      does: "where a number comes from, or backwards: what it would change of the class",
      act: () => set({ backward: !settings.backward && top.length > 0 }) },
  ];
}

/** Network > layer > channel > number. @param {App} app @returns {Node[]} */
function trailOf({ document: { layers, title, labels }, state: { layer, channel, at }, go }) {
  /** @type {[string, State][]} */
  const steps = [[title, NOWHERE]];
  if (layer !== null) {
    const { name, shape } = layers[layer], isUnit = shape.length < 2, label = labels[layer]?.[channel ?? -1];
    steps.push([name, { layer, channel: null, at: null }]);
    if (channel !== null) steps.push([isUnit ? `unit ${channel}${label ? ` (${label})` : ""}` : `channel ${channel}`, { layer, channel, at: isUnit ? at : null }]);
    if (at !== null && !isUnit) steps.push([boxText(at, shape), { layer, channel, at }]);
  }
  const crumbs = steps.map(([text, state], i) => {
    const isHere = i === steps.length - 1;
    const link = make("a", "", [text], { title: text, ...(isHere ? { "aria-current": "page" } : { href: addressOf(layers, state) }) });
    link.addEventListener("click", (event) => (event.preventDefault(), isHere || go(state)));
    return make("li", "", [link]);
  });
  return [make("span", "mark", ["convlab"]), ...(layers.length ? [make("ol", "", crumbs)] : [])];
}

function opener(/** @type {App} */ app) {
  const input = make("input", "", [], { type: "file", accept: "image/*" });
  input.addEventListener("change", () => input.files?.[0] && app.open(input.files[0]));
  return make("label", "tool", ["open an image", input]);
}

function acceptDrops(/** @type {App} */ { root, open }) {
  const on = (/** @type {"dragover"|"dragleave"|"drop"} */ type, /** @type {(event: DragEvent) => boolean} */ isDropping) =>
    root.addEventListener(type, (event) => (event.preventDefault(), root.classList.toggle("dropping", isDropping(event))));
  on("dragover", () => true);
  on("dragleave", ({ relatedTarget }) => root.contains(/** @type {Node|null} */ (relatedTarget)));
  on("drop", ({ dataTransfer }) => {
    if (dataTransfer?.files[0]) open(dataTransfer.files[0]);
    return false;
  });
}

/** @param {App} app @param {Picture} picture @param {HTMLElement} attributed @returns {Node[]} */
function sightOf(app, picture, attributed) {
  const { told, top, live, generation, layers } = app.document;
  const missing = generation ? "What the network was shown is no picture." : `No image yet${live ? ": drop one here" : ""}.`;
  const { nonfinite } = layers.find((layer) => !layer.inputs.length && layer.nonfinite) ?? {};
  return [
    app.document.picture ? picture.element : make("p", "empty", [missing]),
    ...(nonfinite ? [make("p", "note off", [`${nonfinite.toLocaleString("en")} of its numbers are NaN or inf`])] : []),
    ...(top.length ? [make("h2", "", ["It sees"]), make("ol", "classes", top.map((one) => classRow(app, one)))] : []),
    attributed, make("ul", "told", told.map((text) => make("li", "", [text]))),
  ];
}

/** A class, that leads to its number. @param {App} app @param {Told["top"][0]} one */
function classRow(app, { channel, label, value }) {
  const { layers, top } = app.document, most = Number(top[0].value), taken = new Set(layers.flatMap(({ inputs }) => inputs));
  const output = layers.findIndex(({ kind }, i) => !taken.has(i) && kind !== "InputLayer"), bar = make("span", "bar-of");
  bar.style.width = `${most > 0 ? Math.max(0, (100 * Number(value)) / most) : 0}%`;
  const words = [make("span", "name", [label]), make("span", "value", [written(value)]), bar];
  const open = () => {
    app.go({ layer: output, channel, at: [0, 0] });
    button.blur(); // the next Enter is the number's, which walks on
  };
  const button = makeButton("class", words, open, { title: `${label}: where does this number come from?` });
  return make("li", "", [button]);
}

function makeHelp(/** @type {() => Key[]} */ keys) {
  const body = make("div");
  const dialog = make("dialog", "help", [make("h2", "", ["Keys"]), body, makeButton("tool", "close", () => dialog.close())], { "aria-label": "Keys" });
  const open = () => (body.replaceChildren(keyTable(keys())), dialog.showModal());
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !dialog.open) return;
    event.preventDefault(); // by itself the browser closes it later, and takes the keys until then
    dialog.close();
  });
  return { dialog, open };
}
