// Where the numbers come from: a server, an exported page, or a notebook. All of them answer the same questions.

import { restored } from "./restore.js";

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
    const found = held.find((one) => one.method === question.method && (question.layer ?? one.layer) === one.layer);
    if (found && !found.pixels && !this.document.layers[found.layer].inputs.length && found.shape.length === 2) {
      const [height, width] = found.shape; // of the input: its cells are the pixels
      found.pixels = { width, height, values: found.values };
    }
    return found ?? null;
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
