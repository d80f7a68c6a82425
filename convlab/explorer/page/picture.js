// The image as the network saw it, with what is marked on it: the box a number sees, where a class comes from.

import { make } from "./elements.js";

export class Picture {
  constructor() {
    this.canvas = make("canvas", "image");
    this.shade = make("canvas", "heat");
    this.frame = make("div", "box", [], { hidden: "" });
    this.element = make("figure", "picture", [this.canvas, this.shade, this.frame]);
    this.width = this.height = 1;
    /** @type {((at: [number, number]|null) => void)|null} called with the row and column under the pointer */
    this.onHover = null;
    this.element.addEventListener("pointermove", (event) => this.onHover?.(this.cellUnder(event)));
    this.element.addEventListener("pointerleave", () => this.onHover?.(null));
  }

  /** @param {{width: number, height: number, png: string}|null} picture */
  async show(picture) {
    if (!picture) return;
    this.width = this.canvas.width = picture.width;
    this.height = this.canvas.height = picture.height;
    this.element.style.aspectRatio = `${picture.width} / ${picture.height}`;
    const bytes = Uint8Array.from(atob(picture.png), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    this.canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  }

  /** Mark a box of the image, cut to it. @param {number[][]|null} box */
  box(box) {
    const [columns, rows = [0, 0]] = [...(box ?? [])].reverse();
    const [top, bottom] = [Math.max(rows[0], 0), Math.min(rows[1] + 1, this.height)];
    const [left, right] = columns ? [Math.max(columns[0], 0), Math.min(columns[1] + 1, this.width)] : [0, 0];
    this.frame.hidden = !(top < bottom && left < right);
    Object.assign(this.frame.style, {
      left: `${(100 * left) / this.width}%`,
      top: `${(100 * top) / this.height}%`,
      width: `${(100 * (right - left)) / this.width}%`,
      height: `${(100 * (bottom - top)) / this.height}%`,
    });
  }

  /**
   * Lay an attribution over the image: where it is small the image is dimmed. Negative numbers dim as zeros do.
   * @param {{width: number, height: number, values: number[]}|null} pixels
   */
  heat(pixels) {
    this.shade.hidden = !pixels;
    if (!pixels) return;
    Object.assign(this.shade, { width: pixels.width, height: pixels.height });
    this.shade.getContext("2d")?.putImageData(spotlight(pixels.values, pixels.width, pixels.height), 0, 0);
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  cellUnder(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const inside = (/** @type {number} */ share, /** @type {number} */ cells) =>
      Math.min(cells - 1, Math.max(0, Math.floor(share * cells)));
    return [inside((event.clientY - top) / height, this.height), inside((event.clientX - left) / width, this.width)];
  }
}

/**
 * Return a veil that is thick where magnitudes are small and none where they are large: of signed values, beyond all but
 * the largest two in a hundred, for few of them stand out far.
 * @param {number[]} values @param {number} width @param {number} height
 */
export function spotlight(values, width, height) {
  const image = new ImageData(width, height);
  const isSigned = values.some((value) => value < 0);
  const sizes = values.map(Math.abs).sort((a, b) => a - b);
  const top = sizes[Math.floor((isSigned ? 0.98 : 1) * (sizes.length - 1))] || 1;
  values.forEach((value, i) => (image.data[4 * i + 3] = 190 * (1 - Math.min(1, Math.abs(value) / top))));
  return image;
}
