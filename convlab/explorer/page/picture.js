// The image as the network saw it, with what is marked on it: the box a number sees, where a class comes from.

import { make } from "./elements.js";
import { within } from "./geometry.js";

export class Picture {
  constructor() {
    this.canvas = make("canvas", "image");
    this.shade = make("canvas", "heat");
    this.frame = make("div", "box", [], { hidden: "" });
    this.element = make("figure", "picture", [this.canvas, this.shade, this.frame]);
    /** @type {((at: At|null) => void)|null} called with the row and column under the pointer */
    this.onHover = null;
    this.element.addEventListener("pointermove", (event) => this.onHover?.(this.cellUnder(event)));
    this.element.addEventListener("pointerleave", () => this.onHover?.(null));
  }

  /** @param {Told["picture"]} picture */
  async show(picture) {
    if (!picture) return;
    const { width, height, png } = picture;
    Object.assign(this.canvas, { width, height });
    this.element.style.aspectRatio = `${width} / ${height}`;
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    this.canvas.getContext("2d")?.drawImage(await createImageBitmap(new Blob([bytes], { type: "image/png" })), 0, 0);
  }

  /** Mark a box of the image, cut to it. @param {Box|null} box */
  box(box) {
    const [columns, rows = [0, 0]] = [...(box ?? [[0, -1]])].reverse();
    const shares = (/** @type {number[]} */ [first, last], /** @type {number} */ size) =>
      [Math.max(first, 0), Math.min(last + 1, size)].map((at) => (100 * at) / size);
    const [[left, right], [top, bottom]] = [shares(columns, this.canvas.width), shares(rows, this.canvas.height)];
    this.frame.hidden = !(top < bottom && left < right);
    const sides = { left, top, width: right - left, height: bottom - top };
    for (const [name, share] of Object.entries(sides)) this.frame.style.setProperty(name, `${share}%`);
  }

  /** Lay an attribution over the image: where it is small the image is dimmed. @param {Attribution["pixels"]} pixels */
  heat(pixels) {
    this.shade.hidden = !pixels;
    if (pixels) drawVeil(this.shade, pixels.values, pixels.width, pixels.height);
  }

  /** @param {PointerEvent} event @returns {At} */
  cellUnder(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const [y, x] = [(event.clientY - top) / height, (event.clientX - left) / width], { height: rows, width: columns } = this.canvas;
    return [within(Math.floor(y * rows), rows), within(Math.floor(x * columns), columns)];
  }
}

/**
 * Draw a veil that is thick where magnitudes are small and none where they are large: of signed values, beyond all but
 * the largest two in a hundred, for few of them stand out far.
 * @param {HTMLCanvasElement} canvas @param {number[]} values @param {number} width @param {number} height
 */
export function drawVeil(canvas, values, width, height) {
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height), sizes = values.map(Math.abs).sort((a, b) => a - b);
  const share = values.some((value) => value < 0) ? 0.98 : 1;
  const top = sizes[Math.floor(share * (sizes.length - 1))] || 1;
  values.forEach((value, i) => (image.data[4 * i + 3] = 190 * (1 - Math.min(1, Math.abs(value) / top))));
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
