// Where the numbers come from: a server, an exported page, or a notebook. All of them answer the same questions.

import { restored } from "./restore.js";

/**
 * @typedef {{start: number[], end: number[], jump: number[]}} Field cells of unit 0, and how far the next unit's lie
 * @typedef {Field|"all"|"varies"|null} Seen
 * @typedef {{edges: number[], counts: number[]}} Histogram
 *
 * @typedef {object} Layer
 * @property {string} name
 * @property {string} kind
 * @property {string[]} group
 * @property {number[]} shape without the batch, channels last
 * @property {number[]} inputs
 * @property {string} says what such a layer does
 * @property {string|null} formula its output size, worked out
 * @property {{kernel: number[], stride: number[], dilation: number[], padding: number[][]}|null} window
 * @property {number} weights
 * @property {number} multiply_adds
 * @property {Seen} field of unit 0 in the image
 * @property {Seen} step of unit 0 in the layer's first input
 * @property {boolean} explains
 * @property {number|null} [seconds]
 * @property {number} [zeros]
 * @property {number} [dead]
 * @property {number|string} [min]
 * @property {number|string} [max]
 * @property {number|string} [mean]
 * @property {number|string} [std]
 * @property {number} [nonfinite]
 * @property {Histogram} [histogram]
 * @property {"float32"|"uint8"|"int8"} [encoding]
 * @property {number[]} [strength] mean magnitude of each channel
 *
 * @typedef {object} Told the document: all of a network and a run of it but the numbers
 * @property {string} title
 * @property {string} model
 * @property {boolean} live
 * @property {number} generation
 * @property {string} command
 * @property {string[]} told
 * @property {{width: number, height: number, png: string}|null} picture
 * @property {{channel: number, label: string, value: number}[]} top
 * @property {Record<string, string[]>} labels
 * @property {Layer[]} layers
 *
 * @typedef {object} Explanation how one number came about
 * @property {number} layer
 * @property {{z: number|null, y: number, x: number, channel: number}} at
 * @property {string} headline
 * @property {string} window_line
 * @property {string} field_line
 * @property {string} sum_line
 * @property {string} verdict
 * @property {number[]} sources
 * @property {number[]|null} slices
 * @property {number[]} rows
 * @property {number[]} columns
 * @property {number[]} channels
 * @property {boolean[][]} padding
 * @property {number[]} kept
 * @property {number[][][]} patch
 * @property {number[][][]|null} kernel
 * @property {number[][][]} products
 * @property {number[]} sums
 * @property {number[]} order
 * @property {boolean} trained
 * @property {number[]|null} winner
 * @property {number} bias
 * @property {number} before
 * @property {string} function
 * @property {number} after
 * @property {number} recorded
 * @property {number} tolerance
 * @property {boolean} agrees
 * @property {number[][]|null} field_in_image
 *
 * @typedef {{method: string, class: number, layer: number|null}} Question
 * @typedef {object} Attribution
 * @property {number} layer
 * @property {string} method
 * @property {string} target
 * @property {string} note
 * @property {number[]} shape
 * @property {number[]} values
 * @property {{width: number, height: number, values: number[]}|null} pixels
 *
 * @typedef {ServerSource|PageSource|WidgetSource} Source
 */

/** What is asked for an image that the server no longer holds. */
export class OutOfDate extends Error {}

/** Asks the local server that `convlab explore` started. */
export class ServerSource {
  /** @param {string} base where the server's routes begin @param {Told} told */
  constructor(base, told) {
    this.base = base;
    this.document = told;
  }

  /** @param {string} base @returns {Promise<ServerSource>} */
  static async connect(base) {
    return new ServerSource(base, await (await answered(fetch(`${base}api/document`))).json());
  }

  /** @param {number} index @returns {Promise<ArrayBuffer>} the numbers of a layer, as its encoding says */
  async values(index) {
    return (await this.ask(`values/${index}`, {})).arrayBuffer();
  }

  /** @param {number} index @param {(number|null)[]} at [z|null, y, x, channel] @returns {Promise<Explanation|null>} */
  async explanation(index, at) {
    return (await this.ask("explanation", { layer: index, at: at.map((side) => side ?? "").join(",") })).json();
  }

  /** @param {Question} question @returns {Promise<Attribution|null>} */
  async attribution(question) {
    return (await this.ask("attribution", { ...question, layer: question.layer ?? "" })).json();
  }

  /** @param {number} _index @returns {Promise<Set<string>|null>} "z,y,x,channel" that are explained; null: all of them */
  async places(_index) {
    return null;
  }

  /** Show another image to the network. @param {Blob} file @returns {Promise<Told>} */
  async open(file) {
    const headers = { "Content-Type": "application/octet-stream" };
    const answer = await answered(fetch(`${this.base}api/image`, { method: "POST", headers, body: file }));
    return (this.document = await answer.json());
  }

  /** @param {string} route @param {Record<string, string|number>} question */
  ask(route, question) {
    const query = new URLSearchParams({ generation: String(this.document.generation) });
    for (const [name, value] of Object.entries(question)) query.set(name, String(value));
    return answered(fetch(`${this.base}api/${route}?${query}`));
  }
}

/** Reads what the exporter wrote into the page: the document as JSON, everything else as gzip in base64. */
export class PageSource {
  /** @param {ParentNode} page */
  constructor(page) {
    this.page = page;
    /** @type {Map<string, Uint8Array<ArrayBuffer>>} */
    this.packed = new Map();
    /** @type {Told} */
    this.document = JSON.parse(page.querySelector("#document")?.textContent ?? "");
  }

  /** @param {number} index @returns {Promise<ArrayBuffer>} */
  async values(index) {
    const bytes = await this.chunk(`values-${index}`);
    if (!bytes) throw new Error(`this page holds no numbers of ${this.document.layers[index].name}`);
    return bytes;
  }

  /** @param {number} index @param {(number|null)[]} at @returns {Promise<Explanation|null>} */
  async explanation(index, at) {
    const all = await this.json(`explanations-${index}`);
    const held = all?.[at.map((side) => side ?? "").join(",")];
    if (!held) return null;
    const source = held.patch ? null : new Float32Array(await this.values(held.sources[0]));
    const [height, width] = [1, 1, ...this.document.layers[held.sources[0]].shape].slice(-3);
    return restored(held, all.kernels, (row, column, channel) => source?.[(channel * height + row) * width + column] ?? NaN);
  }

  /** @param {Question} question @returns {Promise<Attribution|null>} */
  async attribution(question) {
    const held = Object.values((await this.json("attributions")) ?? {});
    return held.find((one) => one.method === question.method && (question.layer ?? one.layer) === one.layer) ?? null;
  }

  /** @param {number} index @returns {Promise<Set<string>|null>} */
  async places(index) {
    return new Set(Object.keys((await this.json(`explanations-${index}`)) ?? {}).filter((place) => place !== "kernels"));
  }

  /** @param {Blob} _file @returns {Promise<Told>} */
  async open(_file) {
    throw new Error(`this page holds one image: ${this.document.command} shows another`);
  }

  /** @param {string} id @returns {Promise<any>} */
  async json(id) {
    const bytes = await this.chunk(id);
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  }

  /** Unpack a chunk; its text leaves the page the first time, the packed bytes stay. @param {string} id */
  async chunk(id) {
    const script = this.page.querySelector(`#${id}`);
    if (script) {
      this.packed.set(id, fromBase64(script.textContent ?? ""));
      script.remove();
    }
    const bytes = this.packed.get(id);
    return bytes ? new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer() : null;
  }
}

/**
 * What anywidget hands over: messages to the kernel and back.
 * @typedef {object} Channel
 * @property {(name: string) => any} get
 * @property {(content: object, callbacks?: object, buffers?: ArrayBuffer[]) => void} send
 * @property {(name: string, heard: (content: any, buffers: DataView[]) => void) => void} on
 */

/** Asks the kernel of a notebook: {id, ask, ...} is answered by {id, answer} and buffers, or {id, error}. */
export class WidgetSource {
  /** @param {Channel} channel */
  constructor(channel) {
    this.channel = channel;
    /** @type {Told} */
    this.document = JSON.parse(channel.get("document"));
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.asked = 0;
    channel.on("msg:custom", (content, buffers) => this.hear(content, buffers));
  }

  /** @param {number} index @returns {Promise<ArrayBuffer>} */
  async values(index) {
    const { buffers } = await this.ask("values", { layer: index });
    const { buffer, byteOffset, byteLength } = buffers[0];
    return /** @type {ArrayBuffer} */ (buffer.slice(byteOffset, byteOffset + byteLength));
  }

  /** @param {number} index @param {(number|null)[]} at @returns {Promise<Explanation|null>} */
  async explanation(index, at) {
    return (await this.ask("explanation", { layer: index, at })).answer;
  }

  /** @param {Question} question @returns {Promise<Attribution|null>} */
  async attribution(question) {
    return (await this.ask("attribution", question)).answer;
  }

  /** @param {number} _index @returns {Promise<Set<string>|null>} */
  async places(_index) {
    return null;
  }

  /** @param {Blob} file @returns {Promise<Told>} */
  async open(file) {
    const { answer } = await this.ask("image", {}, [await file.arrayBuffer()]);
    return (this.document = answer);
  }

  /**
   * @param {string} what @param {object} question @param {ArrayBuffer[]} [buffers]
   * @returns {Promise<{answer: any, buffers: DataView[]}>}
   */
  ask(what, question, buffers) {
    const id = this.asked++;
    this.channel.send({ id, ask: what, generation: this.document.generation, ...question }, {}, buffers);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** @param {{id: number, answer?: any, error?: string}} content @param {DataView[]} buffers */
  hear({ id, answer, error }, buffers) {
    const asker = this.waiting.get(id);
    this.waiting.delete(id);
    if (error !== undefined) asker?.reject(new Error(error));
    else asker?.resolve({ answer, buffers });
  }
}

/** @param {Promise<Response>} request */
async function answered(request) {
  const answer = await request.catch(() => null);
  if (!answer) throw new Error("convlab no longer answers: start `convlab explore` again, or open an exported page");
  if (answer.status === 409) throw new OutOfDate(await answer.text());
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

/** @param {string} text */
function fromBase64(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
