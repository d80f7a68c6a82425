// What the page's modules hand to each other, for the type check alone; what Python writes is said in document.py.

type Field = { start: number[]; end: number[]; jump: number[] }; // cells of unit 0; those of the next lie `jump` further
type Seen = Field | "all" | "varies" | null;
type Box = number[][]; // first and last cell of each axis: rows before columns, of a volume slices before both
type Region = number[][] | null; // first and last cell along slices, rows and columns; null where no one rule gives them
type At = number[]; // [row, column], of a volume [slice, row, column]
type Cell = { channel: number; at: At };

type Layer = {
  name: string;
  quoted: string; // its name, for a shell
  kind: string;
  group: string[]; // paths of what it is folded into, outermost first
  shape: number[]; // without the batch, channels last
  inputs: number[];
  says: string;
  formula: string | null; // its output size, worked out
  window: Omit<Axis, "size">[] | null; // rows and columns of its input, under its window
  weights: number;
  multiply_adds: number;
  field: Seen; // of unit 0 in the image
  step: Seen; // of unit 0 in the layer's first input
  explains: boolean;
  card: Card;
  statistics: [string, string][]; // what is known of its numbers
  bars: [number, string][]; // of its histogram: height in percent, and what each stands for
  // where an image was shown:
  zeros?: number;
  nonfinite?: number;
  histogram?: { edges: number[] };
  encoding?: "float32" | "uint8" | "int8";
  strength?: (number | string)[]; // mean magnitude of each channel
};

// What is written of a layer, of a folded group, and (without what a strip needs) of the whole network.
type Card = {
  title: string;
  short: string;
  kind: string;
  says: string;
  figures: string;
  shape: string;
  spoken: string;
  lines: string[];
};

type Told = {
  title: string;
  card: Pick<Card, "title" | "kind" | "says" | "figures">;
  groups: Record<string, Card>; // by path
  folded: string[]; // at first
  empty: string; // what to do where there is no image yet
  methods: string[]; // of attribution
  pictures?: Record<string, number[][]>; // of the page of one window: rows of greys from 0 to 1
  kernels?: Record<string, { weights: string[][]; does: string }>;
  model: string;
  live: boolean; // somebody computes answers
  generation: number; // images shown so far, 0: none yet
  command: string;
  told: string[];
  picture: { width: number; height: number; png: string } | null;
  explain: string; // the command that explains
  top: { channel: number; label: string; quoted: string; value: number | string }[]; // quoted: for a shell
  labels: Record<string, string[]>;
  layers: Layer[];
};

type Explanation = {
  layer: number;
  at: { z: number | null; y: number; x: number; channel: number };
  title: string;
  place_line: string; // what it looks at, what it sees
  heading: string; // of its terms
  summed: string; // what was done to the patch: "sum of 25 products"
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

type Source = {
  document: Told;
  values: (index: number) => Promise<ArrayBuffer>; // the numbers of a layer, as its encoding says
  explanation: (index: number, at: (number | null)[], backward: number | null) => Promise<Explanation | null>; // at: [z or null, y, x, channel]; backward: the class whose gradient is meant
  attribution: (question: Question) => Promise<Attribution | null>;
  places: (index: number) => Promise<string[] | null>; // which cells are explained, "z,y,x,channel"; null: all
  open: (file: Blob) => Promise<Told>; // shows another image to the network
};
type Ask = (ask: string, question: Record<string, any>, file?: Blob) => Promise<any>; // brings bytes, or what JSON says
type Values = import("./page/values.js").Values;
type Sides = { channels: number; depth: number; height: number; width: number; volume: boolean };
type Scale = { signed: boolean; top: number }; // numbers from -top, or 0, to top

// What anywidget hands over: messages to the kernel and back.
type Channel = {
  get: (name: string) => any;
  send: (content: object, callbacks?: object, buffers?: ArrayBuffer[]) => void;
  on: (name: string, heard: (content: any, buffers: DataView[]) => void) => void;
};

// Where one is. `layer` null: the whole network; `at` null: no number chosen.
type State = { layer: number | null; channel: number | null; at: At | null };
type Settings = {
  scale: "layer" | "channel";
  order: "index" | "strength";
  backward: boolean; // numbers are explained as the gradient of the class
  class: number;
  folded?: Set<string>; // groups of the network
};
type Setting = { key: string; name: string; value: string; does: string; isOf: (state: State) => boolean; act: () => void };
// `key` as KeyboardEvent says it, "Space" for " ", "Shift+" in front where it is held; several with a space between.
type Key = { key: string; does: string; act: (event: KeyboardEvent) => void };
type View = {
  keys: Key[];
  close?: () => void;
  hint?: string; // what the pointer can do
  ready?: Promise<unknown>; // kept when all is drawn
  redraw?: () => void; // follows changed settings; without it nothing does
  update?: (state: State) => void; // follows to another state of the same layer
  veil?: (canvas: HTMLCanvasElement | null) => void; // lays it over the layer's maps
};
type Shell = {
  picture: import("./page/picture.js").Picture;
  keys: Key[];
  goBack: () => void;
  say: (text: string) => void;
  emptyStage: (deeper: boolean) => HTMLElement; // gives the stage to a new view
  follow: () => void; // tells where one is now, and how it is drawn
  showDocument: () => void;
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
  shell: Shell;
  drawn: Map<string, HTMLCanvasElement>; // maps of strips
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

type CellPixel = (y: number, x: number) => number; // the pixel of a cell, 0xAABBGGRR
type Size = { width: number; height: number };
type Area = Size & { left: number; top: number };
type Under = { channel: number; at: At | null } | null; // what a pointer is on: no cell, the caption; null: beside the tiles

// What is drawn as one strip of the network: a layer, or a folded group (its path, else "") of them.
type Vertex = { group: string; members: number[]; rank: number; lane: number; inputs: Vertex[] }; // lanes count from a column's middle: -0.5, 0.5
type Bracket = { path: string; depth: number; first: number; last: number }; // columns that an unfolded group reaches over
type Spot = { left: number; top: number; width: number; height: number; side: number; maps: number }; // of a strip; maps: height of what is above its words
type Layout = ReturnType<typeof import("./page/layout.js").layout>;

type CellMap = import("./page/cells.js").CellMap;
// One map; what is faint is not there yet.
type Cells = {
  title: string;
  height: number;
  width: number;
  value: (y: number, x: number) => number;
  pixel: Colouring;
  padding?: number[][];
  faint?: (y: number, x: number) => boolean;
  shape?: number[]; // of the layer it is of: a sequence has no rows
  stretch?: number; // height of a cell, in widths
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
