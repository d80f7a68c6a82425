// What is drawn over maps so that it is seen on every colour: outlines, hatches, crosses, and text that fits.

/** @param {number} value three digits at most */
export function short(value) {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const isFar = Math.abs(value) >= 1000 || Math.abs(value) < 0.01;
  return (isFar ? value.toExponential(0).replace("e+", "e") : String(Number(value.toPrecision(2)))).replaceAll("-", "−");
}

/** @param {CanvasRenderingContext2D} pen @param {string} text @param {number} width the text, cut to it */
export function fitted(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

/** A box that is seen on every colour. @param {CanvasRenderingContext2D} pen @param {import("./tiling.js").Rectangle} place @param {number} width */
export function outline(pen, place, width) {
  const [left, top, across, down] = [place.left - 1, place.top - 1, place.width + 2, place.height + 2];
  pen.lineWidth = width + 2;
  pen.strokeStyle = "#000";
  pen.strokeRect(left, top, across, down);
  pen.lineWidth = width;
  pen.strokeStyle = "#fff";
  pen.strokeRect(left, top, across, down);
}

/** @param {CanvasRenderingContext2D} pen @param {import("./tiling.js").Rectangle} place @param {string} colour */
export function frame(pen, place, colour) {
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.strokeRect(place.left - 2, place.top - 2, place.width + 4, place.height + 4);
}

/** @param {CanvasRenderingContext2D} pen @param {import("./tiling.js").Rectangle} place */
export function hatch(pen, place) {
  pen.save();
  pen.beginPath();
  pen.rect(place.left, place.top, place.width, place.height);
  pen.clip();
  pen.beginPath();
  for (let at = -place.height; at < place.width; at += 7) {
    pen.moveTo(place.left + at, place.top + place.height);
    pen.lineTo(place.left + at + place.height, place.top);
  }
  pen.strokeStyle = "rgba(255, 255, 255, 0.45)";
  pen.lineWidth = 1;
  pen.stroke();
  pen.restore();
}

/** @param {CanvasRenderingContext2D} pen @param {import("./tiling.js").Rectangle} place */
export function cross(pen, { left, top, width, height }) {
  pen.beginPath();
  pen.moveTo(left, top);
  pen.lineTo(left + width, top + height);
  pen.moveTo(left + width, top);
  pen.lineTo(left, top + height);
  pen.strokeStyle = "#fff";
  pen.lineWidth = 1;
  pen.stroke();
  pen.strokeStyle = "#000";
  pen.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
}
