// Where the numbers come from: a server, a notebook, or the exported page itself. All answer the same questions.

import { restored } from "./restore.js";

/** What is asked for an image that the server no longer holds. */
export class OutOfDate extends Error {}

const LARGEST = 64 * 2 ** 20; // bytes of a file that the server reads

/** Asks somebody who computes. */
export class LiveSource {
  /** @param {Told} told @param {(ask: string, question: Record<string, any>, file?: Blob) => Promise<any>} ask brings bytes, or what JSON says */
  constructor(told, ask) {
    this.document = told;
    this.ask = (/** @type {string} */ what, /** @type {object} */ question) => ask(what, { generation: this.document.generation, ...question });
    this.send = ask;
  }

  /** The numbers of a layer, as its encoding says. @param {number} index @returns {Promise<ArrayBuffer>} */
  values(index) {
    return this.ask("values", { layer: index });
  }

  /** @param {number} index @param {(number|null)[]} at [z|null, y, x, channel] @param {number|null} backward the class whose gradient is meant @returns {Promise<Explanation|null>} */
  explanation(index, at, backward = null) {
    return this.ask("explanation", { layer: index, at, backward });
  }

  /** @param {Question} question @returns {Promise<Attribution|null>} */
  attribution(question) {
    return this.ask("attribution", question);
  }

  /** Which cells are explained, "z,y,x,channel"; null: all. @param {number} _index @returns {Promise<string[]|null>} */
  async places(_index) {
    return null;
  }

  /** Show another image to the network. @param {Blob} file @returns {Promise<Told>} */
  async open(file) {
    if (file.size > LARGEST) throw new Error(`the file has more than ${LARGEST / 2 ** 20} MB, which is the most`);
    return (this.document = await this.send("image", {}, file));
  }
}

/** Ask the local server that `convlab explore` started. @param {string} base where its routes begin */
export async function serverSource(base) {
  return new LiveSource(await answered(fetch(`${base}api/document`)), (what, { layer, ...question }, file) => {
    const headers = { "Content-Type": "application/octet-stream" };
    if (file) return answered(fetch(`${base}api/image`, { method: "POST", headers, body: file }));
    const [route, asked] = what === "values" ? [`values/${layer}`, question] : [what, { ...question, layer }];
    const query = Object.entries(asked).map(([name, value]) => [name, String(value ?? "")]); // [null, 3, 4, 7] is ",3,4,7"
    return answered(fetch(`${base}api/${route}?${new URLSearchParams(query)}`));
  });
}

/** Ask the kernel of a notebook: {id, ask, ...} is answered by {id, answer} and buffers, or {id, error}. @param {Channel} channel */
export function widgetSource(channel) {
  /** @type {((content: any, buffers: DataView[]) => void)[]} by id */
  const waiting = [];
  channel.on("msg:custom", (content, buffers) => waiting[content.id](content, buffers));
  return new LiveSource(JSON.parse(channel.get("document")), async (ask, question, file) => {
    const buffers = file ? [await file.arrayBuffer()] : [];
    return new Promise((resolve, reject) => {
      const heard = (/** @type {any} */ { answer, error }, /** @type {DataView[]} */ [bytes]) =>
        error !== undefined ? reject(new Error(error)) : resolve(answer ?? bytesOf(bytes));
      channel.send({ id: waiting.push(heard) - 1, ask, ...question }, {}, buffers);
    });
  });
}

/** @param {DataView|undefined} view */
function bytesOf(view) {
  return view?.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) ?? null;
}

/** Bytes, or what JSON says. @param {Promise<Response>} request */
async function answered(request) {
  const answer = await request.catch(() => null);
  if (!answer) throw new Error("convlab no longer answers: start `convlab explore` again, or open an exported page");
  if (answer.status === 409) throw new OutOfDate(await answer.text());
  if (!answer.ok) throw new Error(await answer.text());
  return answer.headers.get("Content-Type")?.startsWith("application/json") ? answer.json() : answer.arrayBuffer();
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

  /** @param {number} index @param {(number|null)[]} at @param {number|null} backward @returns {Promise<Explanation|null>} */
  async explanation(index, at, backward = null) {
    if (backward !== null) return null;
    const all = await this.json(`explanations-${index}`);
    const held = all?.[String(at)];
    if (!held) return null;
    const source = held.patch ? null : new Float32Array(await this.values(held.sources[0]));
    const [height, width] = [1, 1, ...this.document.layers[held.sources[0]].shape].slice(-3);
    return restored(held, all.kernels, (row, column, channel) => source?.[(channel * height + row) * width + column] ?? NaN);
  }

  /** @param {Question} question @returns {Promise<Attribution|null>} */
  async attribution({ method, layer }) {
    /** @type {Attribution[]} */
    const held = (await this.json("attributions")) ?? [];
    const found = held.find((one) => one.method === method && (layer ?? one.layer) === one.layer);
    if (!found || found.pixels || this.document.layers[found.layer].inputs.length || found.shape.length !== 2) return found ?? null;
    const [height, width] = found.shape; // of the input: its cells are the pixels
    return { ...found, pixels: { width, height, values: found.values } };
  }

  /** @param {number} index @returns {Promise<string[]|null>} */
  async places(index) {
    return Object.keys((await this.json(`explanations-${index}`)) ?? {}).filter((place) => place !== "kernels");
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
    if (script) this.packed.set(id, bytesOfText(script.textContent ?? ""));
    script?.remove();
    const bytes = this.packed.get(id);
    return bytes ? new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer() : null;
  }
}

/** What base64 says; a loop takes a tenth of the time of `Uint8Array.from` with a function. @param {string} text */
function bytesOfText(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}
