// Where windows stand: the arithmetic of size, stride, padding and dilation along one axis.

/** Rows and columns of an input under a window; that of a sequence is one row high. @param {NonNullable<Layer["window"]>} window @param {number[]} sizes */
export function axesOf({ kernel, stride, dilation, padding }, sizes) {
  return sizes.map((size, i) => {
    const at = i + kernel.length - sizes.length, [before, after] = padding[at] ?? [0, 0];
    return { size, kernel: kernel[at] ?? 1, stride: stride[at] ?? 1, dilation: dilation[at] ?? 1, before, after };
  });
}

/** The cells from a window's first to its last. @param {Axis} axis */
export const extentOf = ({ dilation, kernel }) => dilation * (kernel - 1) + 1;

/** How many places a window has; not positive where it does not fit. @param {Axis} axis */
export function outputSize(axis) {
  return Math.floor((axis.size + axis.before + axis.after - extentOf(axis)) / axis.stride) + 1;
}

/** The same as text, step by step, with the numbers filled in. @param {Axis} axis */
export function sizeFormula(axis) {
  const { size, kernel, stride, dilation, before, after } = axis, room = size + before + after - extentOf(axis);
  const filled = `⌊(${size} + ${before} + ${after} − ${dilation}·(${kernel} − 1) − 1) / ${stride}⌋ + 1`;
  return [filled, ...[`⌊${room} / ${stride}⌋ + 1`, `${outputSize(axis)}`].map((text) => text.replace("-", "−"))];
}

/** Padding that keeps the size (for stride 1), the odd cell at the end, as Keras has it. @param {Omit<Axis, "before"|"after">} axis */
export function samePadding({ size, kernel, stride, dilation }) {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1 - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** The input cells under the window of an output; those outside 0 to size - 1 are padding. @param {Axis} axis @param {number} output */
export function cellsUnder({ kernel, stride, dilation, before }, output) {
  return Array.from({ length: kernel }, (_, i) => output * stride - before + i * dilation);
}

/** The outputs whose windows look at an input cell. @param {Axis} axis @param {number} cell */
export function outputsReached(axis, cell) {
  const outputs = cellsUnder({ ...axis, before: -cell - axis.before, dilation: -axis.dilation }, 0).map((at) => at / axis.stride);
  return outputs.filter((at) => at >= 0 && Number.isInteger(at) && at < outputSize(axis)).reverse();
}

/** @param {number} value @param {number} size cut to 0 ... size - 1 */
export const within = (value, size) => Math.min(Math.max(value, 0), size - 1);
