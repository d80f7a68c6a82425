// What the page's modules hand to each other, for the type check alone; what Python writes is said in document.py.

type Field = { start: number[]; end: number[]; jump: number[] }; // cells of unit 0; those of the next lie `jump` further
type Seen = Field | "all" | "varies" | null;
type Box = number[][]; // first and last cell of each axis: rows before columns, of a volume slices before both
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
type Settings = { scale: "layer" | "channel"; order: "index" | "strength"; asinh: boolean };
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
