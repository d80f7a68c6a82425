// Numbers, shapes and places in words; minus is a minus sign.

/** With a minus sign for each hyphen that stands for one: before a digit, and not in a name. @param {string} text */
export function withMinus(text) {
  return text.replace(/(?<![\w)\]-])-(?=\d|inf|Infinity)|(?<=\de)-(?=\d)/g, "−");
}

/** @param {number|string} value a number as people read it: up to five digits */
export function written(value) {
  if (typeof value === "string" || !Number.isFinite(value)) return withMinus(String(value));
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return withMinus(value.toExponential(2).replace("e+", "e"));
  return withMinus(String(Number(value.toPrecision(4))));
}

/** @param {number} value a float32 with all the digits it takes to tell it from every other */
export function exactly(value) {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return withMinus(String(Number(text)));
  }
  return withMinus(String(Number(value.toPrecision(9))));
}

/** @param {number[]} shape "28 × 28 × 6" */
export function writtenShape(shape) {
  return shape.length ? shape.join(" × ") : "one number";
}

/** @param {number} count "3.2 million", "61,706" */
export function writtenCount(count) {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} million` : count.toLocaleString("en");
}

/** @param {number[]} at "row 3, column 4" */
export function placeText(at) {
  const names = ["slice", "row", "column"].slice(-at.length);
  return at.map((cell, i) => `${names[i]} ${cell}`).join(", ");
}

/** "channel 7, row 3, column 4", of a dense layer "unit 7 (Shirt)". @param {number[]} shape of the layer @param {number} channel @param {At} at @param {string} [label] */
export function cellText(shape, channel, at, label) {
  const named = label ? ` (${label})` : "";
  return shape.length < 2 ? `unit ${channel}${named}` : `channel ${channel}${named}, ${placeText(at.slice(shape.length === 2 ? -1 : 0))}`;
}

/** @param {Box|null} box "rows 3 to 7, columns 4 to 8" */
export function boxText(box) {
  if (!box) return "none";
  const names = ["slice", "row", "column"].slice(-box.length);
  return box.map(([first, last], i) => (first === last ? `${names[i]} ${first}` : `${names[i]}s ${first} to ${last}`)).join(", ");
}

/** @param {number|null} [seconds] "1.3 ms" */
export function timeText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

/** What to do where there is no image yet. @param {Told} told */
export function emptyText({ live, command }) {
  return `${live ? "Drop an image on this page" : `Run ${command} with an image`} to see the numbers.`;
}
