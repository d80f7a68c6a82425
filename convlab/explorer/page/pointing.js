// What pointer and wheel do to a mosaic: hover, click, drag, zoom.

import { offsetIn } from "./elements.js";

const STILL = 4; // pixels that a click may wander

/**
 * @param {import("./mosaic.js").Mosaic} mosaic
 * @param {(cell: {channel: number, at: number[]|null}|null) => void} onHover
 * @param {(cell: {channel: number, at: number[]|null}|null) => void} onClick null: beside the tiles
 */
export function pointAt(mosaic, onHover, onClick) {
  const host = mosaic.element;
  /** @type {{x: number, y: number, moved: boolean}|null} */
  let drag = null;
  host.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  host.addEventListener("pointermove", (event) => {
    if (drag && event.buttons && dragTo(mosaic, drag, event)) host.setPointerCapture(event.pointerId);
    else onHover(mosaic.under(...offsetIn(event, host)));
  });
  host.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) onClick(mosaic.under(...offsetIn(event, host)));
    drag = null;
  });
  host.addEventListener("pointerleave", () => onHover(null));
  host.addEventListener("wheel", (event) => turn(mosaic, event), { passive: false });
}

/** @param {import("./mosaic.js").Mosaic} mosaic @param {{x: number, y: number, moved: boolean}} drag @param {PointerEvent} event */
function dragTo(mosaic, drag, event) {
  const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.moved && Math.hypot(x, y) < STILL) return false;
  Object.assign(drag, { x: event.clientX, y: event.clientY, moved: true });
  mosaic.tiling.pan(x, y);
  mosaic.drawSoon();
  return true;
}

/** The wheel moves the tiles; with Ctrl, as a pinch says it, it zooms. @param {import("./mosaic.js").Mosaic} mosaic @param {WheelEvent} event */
function turn(mosaic, event) {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) mosaic.tiling.step(event.deltaY < 0, ...offsetIn(event, mosaic.element));
  else mosaic.tiling.pan(-event.deltaX, -event.deltaY);
  mosaic.drawSoon();
}
