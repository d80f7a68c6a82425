// Which of two questions a number is asked: where it comes from, or what it would change.

import { make, makeButton } from "./elements.js";

/** The switch: forwards, or backwards from one of the top classes. It stays as it is from number to number. */
export class Direction {
  /** @param {App} app @param {() => void} turned */
  constructor({ document: { top }, settings }, turned) {
    this.settings = settings;
    this.turned = turned;
    if (!top.some(({ channel }) => channel === settings.backward)) settings.backward = null;
    this.buttons = ["forwards", "backwards:"].map((name, i) => makeButton("tool", name, () => this.turn(i > 0), { title: "key b" }));
    this.classes = make("select", "", top.map(({ channel, label }) => make("option", "", [label], { value: `${channel}` })), { "aria-label": "class" });
    this.classes.value = `${settings.backward ?? top[0]?.channel}`;
    this.classes.addEventListener("change", () => this.turn(true));
    this.element = make("div", "direction", [...this.buttons, this.classes], { role: "group", "aria-label": "which way it is explained" });
    this.element.hidden = !top.length;
    this.press();
  }

  /** The class whose gradient is explained; null: forwards. */
  get backward() {
    return this.settings.backward ?? null;
  }

  get className() {
    return this.classes.selectedOptions[0]?.textContent ?? "";
  }

  /** @returns {Key[]} none where there are no classes */
  get keys() {
    const key = { key: "b", does: "forwards, or backwards: what the number would change", act: () => this.turn(this.backward === null) };
    return this.element.hidden ? [] : [key];
  }

  /** @param {boolean} backwards */
  turn(backwards) {
    this.settings.backward = backwards ? Number(this.classes.value) : null;
    this.press();
    this.turned();
  }

  press() {
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", `${i > 0 === (this.backward !== null)}`));
  }
}
