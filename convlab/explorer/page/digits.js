// Numbers as text: as many decimals as the largest of their table needs, and honest about what is not finite.

/**
 * A number of JSON, where what is not finite is a word.
 * @param {number|string|null} value
 * @returns {number}
 */
export function asNumber(value) {
  if (typeof value === "number") return value;
  return value === "inf" ? Infinity : value === "-inf" ? -Infinity : NaN;
}

/**
 * How many decimals give the largest of some numbers three digits.
 * @param {Iterable<number>} values
 */
export function placesFor(values) {
  let largest = 0;
  for (const value of values) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest > 0 ? Math.max(0, 2 - Math.floor(Math.log10(largest))) : 0;
}

/**
 * A number for a table: what is exactly 0 is a bare 0, minus is a minus sign, nothing is -0.
 * @param {number} value
 * @param {number} places
 */
export function digits(value, places) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "−inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value || 0).replace("-", "−");
  const text = places > 6 || Math.abs(value) >= 1e7 ? value.toExponential(1) : value.toFixed(places);
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

/**
 * A number by itself, to six digits, without zeros at the end.
 * @param {number} value
 */
export function sixDigits(value) {
  if (!Number.isFinite(value)) return digits(value, 0);
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

/**
 * A number that is added: with its sign.
 * @param {number} value
 */
export function signed(value) {
  return value < 0 || Number.isNaN(value) ? sixDigits(value) : `+${sixDigits(value)}`;
}

/**
 * How many decimals some numbers need: as few as write them exactly, at most what gives the largest three digits.
 * @param {number[]} values
 */
export function fewestPlaces(values) {
  const most = placesFor(values);
  const exact = (/** @type {number} */ places) => values.every(
    (value) => !Number.isFinite(value) || Math.abs(value - Number(value.toFixed(places))) < 1e-9);
  for (let places = 0; places < most; places++) if (exact(places)) return places;
  return most;
}
