// Numbers as text: as many decimals as the largest of their table needs, and honest about what is not finite.

/** A number of JSON, where what is not finite is a word. @param {number|string|null} value */
export function asNumber(value) {
  return typeof value === "number" ? value : value === "inf" ? Infinity : value === "-inf" ? -Infinity : NaN;
}

/** The largest finite magnitude. @param {number[]} values */
export function topOf(values) {
  return values.reduce((top, value) => (Number.isFinite(value) ? Math.max(top, Math.abs(value)) : top), 0);
}

/** How many decimals some numbers need: those of three digits of the largest, or fewer that write all exactly. @param {number[]} values */
export function placesFor(values) {
  const top = topOf(values), most = top > 0 ? Math.max(0, 2 - Math.floor(Math.log10(top))) : 0;
  const exact = (/** @type {number} */ places) =>
    values.every((value) => !Number.isFinite(value) || Math.abs(value - Number(value.toFixed(places))) < 1e-9);
  for (let places = 0; places < most && places < 9; places++) if (exact(places)) return places;
  return most;
}

/** A number for a table: whole ones have no decimals, minus is a minus sign, nothing is -0. @param {number} value @param {number} places */
export function digits(value, places) {
  if (!Number.isFinite(value)) return String(value).replace("-", "−").replace("Infinity", "inf");
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value || 0).replace("-", "−");
  const text = places > 6 || Math.abs(value) >= 1e7 ? value.toExponential(1) : value.toFixed(places);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

/** A number by itself, to six digits, without zeros at the end. @param {number} value */
export function sixDigits(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))).replace("-", "−") : digits(value, 0);
}

/** A number that is added, with its sign. @param {number} value @param {string} [text] */
export const signed = (value, text = sixDigits(value)) => (value > 0 ? `+${text}` : text);
