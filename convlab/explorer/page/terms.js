// The terms of a sum, strongest first: a bar for each input channel, or for each product where the window is one cell.

import { digits, placesFor } from "./digits.js";
import { make, makeButton } from "./elements.js";

const FEW = 8, MOST = 1000;

/**
 * @typedef {{place: number, name: string, detail: string, value: number}} Term
 */

/** The list; it is closed at first, and opens on request. */
export class Terms {
  /** @param {HTMLElement} host @param {(place: number) => void} act what a click on a term does */
  constructor(host, act) {
    this.act = act;
    this.open = false;
    this.title = make("h2");
    this.list = make("ol");
    this.more = makeButton("more", "", () => this.toggle());
    this.element = make("section", "terms", [this.title, this.list, this.more], { "aria-label": "terms of the sum" });
    host.append(this.element);
    /** @type {Term[]} */
    this.terms = [];
    this.chosen = -1;
  }

  /** @param {string} title @param {Term[]} terms strongest first @param {number} chosen place of one */
  show(title, terms, chosen) {
    this.terms = terms;
    this.title.textContent = title;
    this.element.hidden = !terms.length;
    this.choose(chosen);
  }

  /** @param {number} place */
  choose(place) {
    this.chosen = place;
    const rank = this.terms.findIndex((term) => term.place === place);
    const shown = this.terms.slice(0, this.open ? MOST : FEW);
    if (rank >= shown.length) shown.push(this.terms[rank]);
    const most = this.terms.reduce((top, { value }) => (Number.isFinite(value) ? Math.max(top, Math.abs(value)) : top), 1e-300);
    const places = placesFor(this.terms.map(({ value }) => value));
    this.list.replaceChildren(...shown.map((term) => this.row(term, most, places)));
    this.more.hidden = this.terms.length <= FEW;
    const all = this.terms.length > MOST ? `the strongest ${MOST.toLocaleString("en")} of` : "all";
    this.more.textContent = this.open ? "only the strongest" : `${all} ${this.terms.length.toLocaleString("en")}`;
    if (this.open) this.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Term} term @param {number} most @param {number} places */
  row({ place, name, detail, value }, most, places) {
    const share = Number.isFinite(value) ? Math.abs(value) / most : 1;
    const bar = make("span", value < 0 ? "bar minus" : "bar plus");
    bar.style.width = `${50 * share}%`;
    bar.hidden = value === 0;
    const lost = value !== 0 && Math.abs(value) < 0.5 * 10 ** -places;
    const text = lost ? value.toExponential(0).replace("-", value < 0 ? "−" : "-") : digits(value, places);
    const button = makeButton("term", "", () => this.act(place), place === this.chosen ? { "aria-current": "true" } : {});
    button.append(make("span", "name", [name]), make("span", "track", [bar]),
      make("span", "value", [value > 0 ? `+${text}` : text]));
    if (detail) button.append(make("small", "", [detail]));
    return make("li", "", [button]);
  }

  toggle() {
    this.open = !this.open;
    this.choose(this.chosen);
  }

  /** The place of the term that is so many ranks further. @param {number} ranks */
  beside(ranks) {
    const rank = this.terms.findIndex((term) => term.place === this.chosen) + ranks;
    return this.terms[Math.min(Math.max(rank, 0), this.terms.length - 1)]?.place ?? -1;
  }
}
