// What is drawn over the maps of a mosaic, so that it is seen on every colour: outlines, hatches, crosses, text that fits.

import { inkOnPixel, pixelOf } from "./colours.js";
import { strokeLines } from "./elements.js";

const NUMBERED = 40; // cells so wide have their numbers written into them
const HATCH = 7, MOST_CROSSES = 5000;

/** @param {Mosaic} mosaic @param {Pen} pen */
export function drawMarks(mosaic, pen) {
  const { tiling, cursor, places } = mosaic, style = getComputedStyle(mosaic.element);
  pen.setTransform(tiling.ratio, 0, 0, tiling.ratio, 0, 0);
  pen.clearRect(0, 0, tiling.view.width + 1, tiling.view.height + 1);
  pen.font = `${0.75 * parseFloat(style.fontSize)}px ${style.fontFamily}`;
  pen.imageSmoothingEnabled = false;
  for (const { tile } of tiling.isCrowd ? [] : tiling.visible()) markTile(mosaic, pen, tile, style);
  const isShown = (/** @type {Cell} */ { at }) => at.length < 3 || at[0] === mosaic.slice;
  for (const cell of places.filter(isShown)) strokeBox(pen, mosaic.place(cell), 0.5, "#fff", 1);
  if (cursor && isShown(cursor)) outline(pen, mosaic.place(cursor), 2);
}

/** @param {Mosaic} mosaic @param {Pen} pen @param {number} tile @param {CSSStyleDeclaration} style */
function markTile(mosaic, pen, tile, style) {
  const { tiling, values, veil, lit, cursor, chosen, bare } = mosaic, channel = mosaic.order[tile], place = tiling.tileAt(tile);
  const isDead = values.isDead(channel) && !tiling.isUnits, isCursor = channel === cursor?.channel;
  if (veil) pen.drawImage(veil, place.left, place.top, place.width, place.height);
  if (isDead) hatch(pen, place);
  if (values.nonfinite[channel]) crossOut(mosaic, pen, tile);
  if (tiling.zoom >= NUMBERED) writeNumbers(mosaic, pen, tile);
  if (lit) outline(pen, tiling.boxAt(tile, lit), 1.5);
  if (!tiling.isUnits && !bare && (isCursor || channel === chosen)) strokeBox(pen, place, 2, style.getPropertyValue("--accent"), 2);
  if (!tiling.isCaptioned) return;
  Object.assign(pen, { textAlign: "left", textBaseline: "top", fillStyle: style.getPropertyValue(isCursor ? "--ink" : "--soft") });
  const name = `${mosaic.names?.[channel] ?? channel}${values.nonfinite[channel] ? " not finite" : isDead ? " dead" : ""}`;
  pen.fillText(fitted(pen, name, place.width), place.left, place.top + place.height + 3);
}

/** Every cell of a tile on the slice shown. @param {Mosaic} mosaic @param {number} tile */
function* cellsOf({ tiling, values, order, slice }, tile) {
  const { width, height } = tiling.cells;
  for (let i = 0; i < width * height; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    yield { value: values.value(order[tile], slice * width * height + i), box: () => tiling.boxAt(tile, [[y, y], [x, x]]) };
  }
}

/** Cross out what is not finite, which has no colour. @param {Mosaic} mosaic @param {Pen} pen @param {number} tile */
function crossOut(mosaic, pen, tile) {
  let crosses = 0;
  for (const { value, box } of cellsOf(mosaic, tile)) {
    if (Number.isFinite(value) || crosses++ > MOST_CROSSES) continue;
    const { left, top, width, height } = box();
    const strokes = [[left, top, left + width, top + height], [left + width, top, left, top + height]];
    strokeLines(pen, strokes, "#fff");
    strokeBox(pen, box(), -0.5, "#000", 1);
  }
}

/** @param {Mosaic} mosaic @param {Pen} pen @param {number} tile */
function writeNumbers(mosaic, pen, tile) {
  const { view } = mosaic.tiling, scale = mosaic.values.scaleOf(mosaic.order[tile], mosaic.settings);
  Object.assign(pen, { textAlign: "center", textBaseline: "middle", strokeStyle: "#000", lineWidth: 3 });
  for (const { value, box } of cellsOf(mosaic, tile)) {
    const { left, top, width, height } = box();
    if (left + width < 0 || left > view.width || top + height < 0 || top > view.height) continue;
    const text = fitted(pen, short(value), width), [x, y] = [left + width / 2, top + height / 2];
    pen.fillStyle = mosaic.veil ? "#fff" : inkOnPixel(pixelOf(value, scale));
    if (mosaic.veil) pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
}

/** @param {number} value two digits */
function short(value) {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const isFar = Math.abs(value) >= 1000 || Math.abs(value) < 0.01;
  return (isFar ? value.toExponential(0).replace("e+", "e") : String(Number(value.toPrecision(2)))).replaceAll("-", "−");
}

/** @param {Pen} pen @param {string} text @param {number} width the text, cut to it */
function fitted(pen, text, width) {
  let cut = text;
  for (let end = text.length; end > 1 && pen.measureText(cut).width > width; end--) cut = `${text.slice(0, end - 1)}…`;
  return cut;
}

/** A box that is seen on every colour. @param {Pen} pen @param {Rectangle} place @param {number} width */
function outline(pen, place, width) {
  strokeBox(pen, place, 1, "#000", width + 2);
  strokeBox(pen, place, 1, "#fff", width);
}

/** @param {Pen} pen @param {Rectangle} place @param {number} out so many pixels larger @param {string} colour @param {number} width */
function strokeBox(pen, { left, top, width: across, height }, out, colour, width) {
  Object.assign(pen, { strokeStyle: colour, lineWidth: width });
  pen.strokeRect(left - out, top - out, across + 2 * out, height + 2 * out);
}

/** @param {Pen} pen @param {Rectangle} place */
function hatch(pen, { left, top, width, height }) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height);
  pen.clip();
  const count = Math.ceil((width + height) / HATCH);
  const lines = Array.from({ length: count }, (_, i) => left - height + i * HATCH).map((x) => [x, top + height, x + height, top]);
  strokeLines(pen, lines, "rgba(255, 255, 255, 0.45)");
  pen.restore();
}
