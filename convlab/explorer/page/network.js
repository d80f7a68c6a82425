// Not yet built.

import { make } from "./elements.js";

/**
 * @param {HTMLElement} stage
 * @param {import("./main.js").App} app
 * @param {import("./main.js").State} state
 * @returns {import("./main.js").View}
 */
export function showNetwork(stage, app, state) {
  stage.append(make("p", "", [`network ${app.document.title} ${JSON.stringify(state)}`]));
  return { keys: [], close() {} };
}
