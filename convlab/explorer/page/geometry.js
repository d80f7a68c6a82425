// Where windows stand: the arithmetic of size, stride, padding and dilation along one axis.

/**
 * One axis of an input under a window; `before` and `after` are cells of padding.
 * @typedef {{size: number, kernel: number, stride: number, dilation: number, before: number, after: number}} Axis
 * @typedef {{kernel: number[], stride: number[], dilation: number[], padding: number[][]}} Window
 */

/**
 * The axes of rows and columns; the window of a sequence is one row high.
 * @param {Window} window
 * @param {number[]} sizes rows and columns of the input
 * @returns {Axis[]}
 */
export function axesOf(window, sizes) {
  const missing = sizes.length - window.kernel.length;
  return sizes.map((size, i) => {
    const at = i - missing;
    if (at < 0) return { size, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
    const [before, after] = window.padding[at];
    return { size, kernel: window.kernel[at], stride: window.stride[at], dilation: window.dilation[at], before, after };
  });
}

/** The cells from a window's first to its last. @param {Axis} axis */
export function extentOf(axis) {
  return axis.dilation * (axis.kernel - 1) + 1;
}

/** How many places a window has; not positive where it does not fit. @param {Axis} axis */
export function outputSize(axis) {
  return Math.floor((axis.size + axis.before + axis.after - extentOf(axis)) / axis.stride) + 1;
}

/**
 * The same as text, step by step, with the numbers filled in.
 * @param {Axis} axis
 */
export function sizeFormula(axis) {
  const { size, kernel, stride, dilation, before, after } = axis;
  const room = size + before + after - extentOf(axis);
  const filled = `⌊(${size} + ${before} + ${after} − ${dilation}·(${kernel} − 1) − 1) / ${stride}⌋ + 1`;
  return [filled, `⌊${room} / ${stride}⌋ + 1`.replace("-", "−"), String(outputSize(axis)).replace("-", "−")];
}

/**
 * Padding that keeps the size (for stride 1), the odd cell at the end, as Keras has it.
 * @param {{size: number, kernel: number, stride: number, dilation: number}} axis
 * @returns {number[]}
 */
export function samePadding({ size, kernel, stride, dilation }) {
  const windows = Math.ceil(size / stride);
  const total = Math.max(0, (windows - 1) * stride + dilation * (kernel - 1) + 1 - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/**
 * The input cells under the window of one output; what is outside 0 to size - 1 is padding.
 * @param {Axis} axis
 * @param {number} output
 */
export function cellsUnder(axis, output) {
  const start = output * axis.stride - axis.before;
  return Array.from({ length: axis.kernel }, (_, i) => start + i * axis.dilation);
}

/**
 * The outputs whose windows look at an input cell.
 * @param {Axis} axis
 * @param {number} cell
 */
export function outputsReached(axis, cell) {
  const reached = [];
  for (let i = axis.kernel - 1; i >= 0; i--) {
    const start = cell + axis.before - i * axis.dilation;
    const output = start / axis.stride;
    if (start >= 0 && Number.isInteger(output) && output < outputSize(axis)) reached.push(output);
  }
  return reached;
}
