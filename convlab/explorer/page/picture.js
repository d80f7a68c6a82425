// The image as the network saw it, with what is marked on it: the box a number sees, where a class comes from.

import { layOver, make } from "./elements.js";
import { within } from "./geometry.js";

export class Picture {
  constructor() {
    this.canvas = make("canvas", "image");
    this.shade = make("canvas", "heat");
    this.frame = make("div", "box", [], { hidden: "" });
    this.element = make("figure", "picture", [this.canvas, this.shade, this.frame]);
    this.onHover = /** @type {((at: At|null) => void)|null} */ (null); // called with the row and column under the pointer
    this.element.addEventListener("pointermove", ({ clientX, clientY }) => {
      const { left, top, width, height } = this.element.getBoundingClientRect(), { height: rows, width: columns } = this.canvas;
      const y = Math.floor(((clientY - top) / height) * rows), x = Math.floor(((clientX - left) / width) * columns);
      this.onHover?.([within(y, rows), within(x, columns)]);
    });
    this.element.addEventListener("pointerleave", () => this.onHover?.(null));
  }

  async show(/** @type {NonNullable<Told["picture"]>} */ { width, height, png }) {
    Object.assign(this.canvas, { width, height });
    this.element.style.aspectRatio = `${width} / ${height}`;
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    this.canvas.getContext("2d")?.drawImage(await createImageBitmap(new Blob([bytes], { type: "image/png" })), 0, 0);
  }

  /** Mark a box of the image, cut to it. @param {Box|null} box */
  box(box) {
    const sizes = [this.canvas.height, this.canvas.width], sides = [[0, 0], ...(box ?? [[0, -1]])].slice(-2);
    const cut = sides.map(([first, last], i) => [Math.max(first, 0), Math.min(last, sizes[i] - 1)]);
    this.frame.hidden = cut.some(([first, last]) => first > last);
    layOver(this.frame, cut, this.canvas);
  }

  /** Lay an attribution over the image: where it is small the image is dimmed. @param {Attribution["pixels"]} pixels */
  heat(pixels) {
    this.shade.hidden = !pixels;
    if (pixels) drawVeil(this.shade, pixels.values, pixels);
  }
}

/** Draw a veil that is thick where magnitudes are small and none where they are large: of signed values, beyond all but
 *  the largest two in a hundred, for few of them stand out far. @param {HTMLCanvasElement} canvas @param {number[]} values @param {Size} size */
export function drawVeil(canvas, values, { width, height }) {
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height), sizes = values.map(Math.abs).sort((a, b) => a - b);
  const share = values.some((value) => value < 0) ? 0.98 : 1;
  const top = sizes[Math.floor(share * (sizes.length - 1))] || 1;
  values.forEach((value, i) => (image.data[4 * i + 3] = 190 * (1 - Math.min(1, Math.abs(value) / top))));
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
