// Numbers and places in words; minus is a minus sign, and what is not finite is called NaN, inf, −inf.

/** A number of JSON, where what is not finite is a word. @param {number|string|null|undefined} value */
export function asNumber(value) {
  return typeof value === "number" ? value : value === "inf" ? Infinity : value === "-inf" ? -Infinity : NaN;
}

/** A number of JSON to so many digits, without zeros at the end. @param {number|string} value @param {number} [precision] */
export function written(value, precision = 4) {
  const number = Number(asNumber(value).toPrecision(precision)), size = Math.abs(number);
  return plain(size >= 1e-3 && size < 10 ** (precision + 1) ? `${number}` : number.toExponential());
}

/** A float32 with all the digits it takes to tell it from every other. @param {number|string} value */
export function exactly(value) {
  const number = asNumber(value), enough = [1, 2, 3, 4, 5, 6, 7, 8].find((count) => Math.fround(Number(number.toPrecision(count))) === number);
  return plain(String(Number(number.toPrecision(enough ?? 9))));
}

/** @param {string} text of a number as JavaScript has it */
const plain = (text) => text.replace(/e\+?0?$/, "").replace("e+", "e").replace(/^-0$/, "0").replace("Infinity", "inf").replaceAll("-", "−");

/** A number that is added, with its sign. @param {number} value @param {string} [text] */
export const signed = (value, text = written(value, 6)) => (value > 0 ? `+${text}` : text);

/** The largest finite magnitude. @param {number[]} values */
export function topOf(values) {
  return values.reduce((top, value) => (Number.isFinite(value) ? Math.max(top, Math.abs(value)) : top), 0);
}

/** How many decimals some numbers need: those of three digits of the largest, or fewer that write all exactly. @param {number[]} values */
export function placesFor(values) {
  const top = topOf(values), most = top > 0 ? Math.max(0, 2 - Math.floor(Math.log10(top))) : 0, finite = values.filter(Number.isFinite);
  for (let places = 0; places < most && places < 9; places++) {
    if (finite.every((value) => Math.abs(value - Number(value.toFixed(places))) < 1e-9)) return places;
  }
  return most;
}

/** A number for a table: whole ones have no decimals, nothing is -0. @param {number} value @param {number} places */
export function digits(value, places) {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e7)) return plain(String(value));
  const text = places > 6 || Math.abs(value) >= 1e7 ? value.toExponential(1) : value.toFixed(places);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replaceAll("-", "−");
}

/** @param {number} count @param {string} thing "1 output", "1,000 outputs" */
export const counted = (count, thing) => `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;

/** @param {Box|number[]} box cells, or first and last ones: "rows 3 to 7, column 4" @param {number[]} [shape] of a layer: a sequence has no rows */
export function boxText(box, shape) {
  const sides = box.slice(shape?.length === 2 ? -1 : 0).map((side) => [side].flat()), names = ["slice", "row", "column"].slice(-sides.length);
  return sides.map(([first, last = first], i) => (first === last ? `${names[i]} ${first}` : `${names[i]}s ${first} to ${last}`)).join(", ").replaceAll("-", "−");
}

/** "channel 7, row 3, column 4", of a dense layer "unit 7 (Shirt)". @param {number[]} shape of the layer @param {number} channel @param {At} at @param {string} [label] */
export function cellText(shape, channel, at, label) {
  const named = label ? ` (${label})` : "";
  return shape.length < 2 ? `unit ${channel}${named}` : `channel ${channel}${named}, ${boxText(at, shape)}`;
}
