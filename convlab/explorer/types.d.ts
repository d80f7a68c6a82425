// What the page's modules hand to each other, for the type check alone; what Python writes is said in document.py.

type Field = { start: number[]; end: number[]; jump: number[] }; // cells of unit 0; those of the next lie `jump` further
type Seen = Field | "all" | "varies" | null;
type Box = number[][]; // first and last cell of each axis: rows before columns, of a volume slices before both
type Region = number[][] | null; // first and last cell along slices, rows and columns; null where no one rule gives them
type At = number[]; // [row, column], of a volume [slice, row, column]
type Cell = { channel: number; at: At };

type Layer = {
  name: string;
  kind: string;
  group: string[]; // names of what it is folded into, outermost first
  shape: number[]; // without the batch, channels last
  inputs: number[];
  says: string;
  formula: string | null; // its output size, worked out
  window: { kernel: number[]; stride: number[]; dilation: number[]; padding: number[][] } | null;
  weights: number;
  multiply_adds: number;
  field: Seen; // of unit 0 in the image
  step: Seen; // of unit 0 in the layer's first input
  explains: boolean;
  // where an image was shown:
  seconds?: number | null;
  zeros?: number;
  dead?: number;
  min?: number | string;
  max?: number | string;
  mean?: number | string;
  std?: number | string;
  nonfinite?: number;
  histogram?: { edges: number[]; counts: number[] };
  encoding?: "float32" | "uint8" | "int8";
  strength?: (number | string)[]; // mean magnitude of each channel
};

type Told = {
  title: string;
  model: string;
  live: boolean; // somebody computes answers
  generation: number; // images shown so far, 0: none yet
  command: string;
  told: string[];
  picture: { width: number; height: number; png: string } | null;
  top: { channel: number; label: string; value: number | string }[];
  labels: Record<string, string[]>;
  layers: Layer[];
};

type Explanation = {
  layer: number;
  at: { z: number | null; y: number; x: number; channel: number };
  headline: string;
  window_line: string;
  field_line: string;
  sum_line: string;
  verdict: string;
  sources: number[];
  slices: number[] | null;
  rows: number[];
  columns: number[];
  channels: number[];
  padding: boolean[][];
  kept: number[];
  patch: number[][][];
  kernel: number[][][] | null;
  products: number[][][];
  sums: number[];
  order: number[];
  trained: boolean;
  winner: number[] | null;
  bias: number;
  before: number;
  function: string;
  after: number;
  recorded: number;
  tolerance: number;
  agrees: boolean;
  field_in_image: Box | null;
};

// What an exported page holds of an explanation, as packing.py writes it: all of it but these, which may be missing.
type Held = Partial<Omit<Explanation, "channels">> & {
  layer: number;
  of?: number;
  rows: number[];
  columns: number[];
  channels: number[] | { first: number; count: number };
  sources: number[];
  at: { channel: number };
};

type Question = { method: string; class: number; layer: number | null };
type Attribution = {
  layer: number;
  method: string;
  target: string;
  note: string;
  shape: number[];
  values: number[];
  pixels: { width: number; height: number; values: number[] } | null;
};

type Source = import("./page/data.js").LiveSource | import("./page/data.js").PageSource;
type Values = import("./page/values.js").Values;
type Sides = { channels: number; depth: number; height: number; width: number; volume: boolean };
type Scale = { signed: boolean; top: number; asinh: boolean }; // numbers from -top, or 0, to top

// What anywidget hands over: messages to the kernel and back.
type Channel = {
  get: (name: string) => any;
  send: (content: object, callbacks?: object, buffers?: ArrayBuffer[]) => void;
  on: (name: string, heard: (content: any, buffers: DataView[]) => void) => void;
};

// Where one is. `layer` null: the whole network; `at` null: no number chosen.
type State = { layer: number | null; channel: number | null; at: At | null };
type Settings = { scale: "layer" | "channel"; order: "index" | "strength"; asinh: boolean; backward?: number | null };
// `key` as KeyboardEvent says it, "Space" for " ", "Shift+" in front where it is held; several with a space between.
type Key = { key: string; does: string; act: (event: KeyboardEvent) => void };
type View = {
  keys: Key[];
  close: () => void;
  hint?: string; // what the pointer can do
  ready?: Promise<unknown>; // kept when all is drawn
  redraw?: () => void; // follows changed settings; without it the view is made anew
  update?: (state: State) => void; // follows to another state of the same layer
};
type App = {
  root: HTMLElement;
  linked: boolean; // views are addresses of the page
  source: Source;
  document: Told;
  settings: Settings;
  state: State;
  from: State; // where one was before
  view: View | null;
  shell: import("./page/shell.js").Shell;
  go: (state: State, how?: { replace?: boolean }) => void; // replace: no step back leads here
  say: (text: string) => void; // to the live line
  set: (change: Partial<Settings>) => void;
  values: (index: number) => Promise<Values>;
  open: (file: Blob) => Promise<void>;
};

// One axis of an input under a window; before and after are cells of padding.
type Uncushioned = { size: number; kernel: number; stride: number; dilation: number };
type Axis = Uncushioned & { before: number; after: number };
type Place = { layer: number; channel: number; at: At };
type Term = { place: number; name: string; detail: string; value: number }; // of a sum; place: in the patch's channels
type Colouring = (value: number) => number; // the pixel of a number, 0xAABBGGRR
type CellBox = { y: number; x: number; height?: number; width?: number };

// On the mosaic of a layer, in CSS pixels but for what is said otherwise.
type Mosaic = import("./page/mosaic.js").Mosaic;
type Pen = CanvasRenderingContext2D;
type Size = { width: number; height: number };
type Rectangle = Size & { left: number; top: number };
type Cut = Size & { x: number; y: number }; // what is painted of each tile, in cells
type InView = { firstRow: number; rows: number; firstColumn: number; columns: number }; // tiles
type Under = { channel: number; at: At | null } | null; // what a pointer is on: no cell, the caption; null: beside the tiles

// One map; what is faint is not there yet.
type Cells = {
  title: string;
  height: number;
  width: number;
  value: (y: number, x: number) => number;
  pixel: Colouring;
  padding?: number[][];
  faint?: (y: number, x: number) => boolean;
};

// One number's way from one channel of its input, whose sum is `named`; what the other channels add is `others`.
type Sum = {
  patch: number[][];
  kernel: number[][] | null; // null where a pooling chooses
  products: number[][];
  padding: boolean[][];
  winner: number[] | null;
  sum: number;
  named: string;
  others: number | null;
  othersNamed: string;
  bias: number | null;
  before: number;
  function: string;
  after: number;
  pixels: { patch: Colouring; kernel: Colouring; products: Colouring };
};
type ArithmeticOptions = {
  onCell?: (row: number, column: number) => void; // makes the patch's cells buttons
  kernelTable?: HTMLElement; // in place of the kernel's numbers
  names?: string[]; // of the tables, in place of patch, kernel, products
  ledger?: HTMLElement; // takes the line that is otherwise below the tables
};

type Moving = {
  input: Cells;
  output: Cells;
  axes: Axis[]; // rows and columns
  at: number[];
  around: number; // pixels that are neither maps nor equation
  follows?: boolean; // the window follows the pointer over the output; else it is only lit
  speed?: number;
  sumAt: (y: number, x: number) => Sum | null | Promise<Sum | null>;
  onStep?: (y: number, x: number) => void;
  onInput?: (y: number, x: number) => void; // told which cell was clicked
  arithmetic: ArithmeticOptions;
};

// What the place where a number is made asks of the view.
type Asked = {
  explain: (at: At) => Promise<Explanation | null>; // of another place in the same channel
  move: (at: At) => void;
  walk: (row: number, column: number) => void; // one layer back, along a cell of the patch
  go: (place: Place) => void;
};
