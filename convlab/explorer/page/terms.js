// The terms of a sum, strongest first: a bar for each input channel, or for each product where the window is one cell; all on request.

import { digits, placesFor, signed, topOf } from "./numbers.js";
import { make, makeButton } from "./elements.js";
import { within } from "./geometry.js";

const FEW = 8, MOST = 1000;

export class Terms {
  /** @param {HTMLElement} host @param {(place: number) => void} act what a click on a term does */
  constructor(host, act) {
    this.act = act;
    this.open = false;
    this.chosen = -1;
    this.terms = /** @type {Term[]} */ ([]);
    this.title = make("h2");
    this.list = make("ol");
    this.more = makeButton("more", "", () => this.toggle());
    this.element = make("section", "terms", [this.title, this.list, this.more], { "aria-label": "terms of the sum" });
    host.append(this.element);
  }

  /** @param {string} title @param {Term[]} terms strongest first @param {number} chosen place of one */
  show(title, terms, chosen) {
    this.terms = terms;
    this.title.textContent = title;
    this.element.hidden = !terms.length;
    this.choose(chosen);
  }

  choose(/** @type {number} */ place) {
    const { terms } = this, chosen = terms.findIndex((term) => term.place === place), values = terms.map(({ value }) => value);
    const shown = terms.filter((_term, rank) => rank < (this.open ? MOST : FEW) || rank === chosen);
    this.chosen = place;
    this.list.replaceChildren(...shown.map((term) => this.row(term, topOf(values), placesFor(values))));
    this.more.hidden = terms.length <= FEW;
    const all = `${terms.length > MOST ? `the strongest ${MOST.toLocaleString("en")} of` : "all"} ${terms.length.toLocaleString("en")}`;
    this.more.textContent = this.open ? "only the strongest" : all;
    if (this.open) this.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  row(/** @type {Term} */ { place, name, detail, value }, /** @type {number} */ top, /** @type {number} */ places) {
    const small = value !== 0 && Math.abs(value) < 0.5 * 10 ** -places, bar = make("span", value < 0 ? "bar minus" : "bar plus");
    bar.style.width = `${Number.isFinite(value) ? (50 * Math.abs(value)) / (top || 1) : 50}%`;
    bar.hidden = value === 0;
    const text = signed(value, small ? value.toExponential(0) : digits(value, places));
    const button = makeButton("term", "", () => this.act(place), place === this.chosen ? { "aria-current": "true" } : {});
    button.append(make("span", "name", [name]), make("span", "track", [bar]), make("span", "value", [text]), make("small", "", [detail]));
    return make("li", "", [button]);
  }

  toggle() {
    this.open = !this.open;
    this.choose(this.chosen);
  }

  /** The place of the term that is so many ranks further. @param {number} ranks */
  beside(ranks) {
    const rank = this.terms.findIndex((term) => term.place === this.chosen) + ranks;
    return this.terms[within(rank, this.terms.length)]?.place ?? -1;
  }
}
