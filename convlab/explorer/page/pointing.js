// What pointer and wheel do to a mosaic: hover, click, drag, zoom.

import { offsetIn } from "./elements.js";

const STILL = 4; // pixels that a click may wander

/** @param {Mosaic} mosaic @param {(cell: Under) => void} onHover @param {(cell: Under) => void} onClick */
export function pointAt(mosaic, onHover, onClick) {
  const host = mosaic.element, under = (/** @type {MouseEvent} */ event) => mosaic.under(...offsetIn(event, host));
  /** @type {{x: number, y: number, moved: boolean}|null} */
  let drag = null;
  host.addEventListener("pointerdown", ({ button, clientX: x, clientY: y }) => (drag = button === 0 ? { x, y, moved: false } : null));
  host.addEventListener("pointermove", (event) => {
    const [x, y] = [event.clientX - (drag?.x ?? 0), event.clientY - (drag?.y ?? 0)];
    if (!drag || !event.buttons || (!drag.moved && Math.hypot(x, y) < STILL)) return onHover(under(event));
    drag = { x: event.clientX, y: event.clientY, moved: true };
    host.setPointerCapture(event.pointerId);
    mosaic.tiling.pan(x, y);
    mosaic.drawSoon();
  });
  host.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) onClick(under(event));
    drag = null;
  });
  host.addEventListener("pointerleave", () => onHover(null));
  host.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) mosaic.tiling.step(event.deltaY < 0, ...offsetIn(event, host)); // as a pinch says it
    else mosaic.tiling.pan(-event.deltaX, -event.deltaY);
    mosaic.drawSoon();
  }, { passive: false });
}
