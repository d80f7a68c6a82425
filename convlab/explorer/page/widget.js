// Where a notebook begins: anywidget calls `render` with its model and an element of the cell.

import { WidgetSource } from "./data.js";
import { start } from "./main.js";

/**
 * @param {{model: Channel, el: HTMLElement}} widget
 * @returns {() => void} what ends it
 */
export function render({ model, el }) {
  const root = el.appendChild(document.createElement("div"));
  root.className = "in-notebook";
  return start(root, new WidgetSource(model), { linked: false });
}
