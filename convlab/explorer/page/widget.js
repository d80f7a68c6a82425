// Where a notebook begins: anywidget calls `render` with its model and an element of the cell; what it returns ends it.

import { widgetSource } from "./data.js";
import { start } from "./main.js";

export async function render(/** @type {{model: Channel, el: HTMLElement}} */ { model, el }) {
  const root = el.appendChild(document.createElement("div"));
  root.className = "in-notebook";
  await new Promise((isLaidOut) => new ResizeObserver((_, watcher) => { // a notebook renders, then shows
    if (!root.offsetWidth) return;
    watcher.disconnect();
    isLaidOut(null);
  }).observe(root));
  return start(root, widgetSource(model), { linked: false });
}
