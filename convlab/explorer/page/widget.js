// Where a notebook begins: anywidget calls `render` with its model and an element of the cell; what it returns ends it.

import { widgetSource } from "./data.js";
import { start } from "./main.js";

export async function render(/** @type {{model: Channel, el: HTMLElement}} */ { model, el }) {
  const root = el.appendChild(document.createElement("div"));
  root.className = "in-notebook";
  await new Promise((isLaidOut) => new ResizeObserver(() => root.offsetWidth && isLaidOut(null)).observe(root)); // a notebook renders, then shows
  return start(root, widgetSource(model), { linked: false });
}
