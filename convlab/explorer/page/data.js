// Where the numbers come from: a server, a notebook, or the exported page itself. All answer the same questions.

import { tableOf } from "./geometry.js";
import { asNumber } from "./numbers.js";

/** What is asked for an image that the server no longer holds. */
export class OutOfDate extends Error {}

const LARGEST = 64 * 2 ** 20; // bytes of a file that the server reads

/** Ask somebody who computes. @param {Told} told @param {Ask} ask @returns {Source} */
function liveSource(told, ask) {
  const asked = (/** @type {string} */ what, /** @type {object} */ question) => ask(what, { generation: source.document.generation, ...question });
  /** @type {Source} */
  const source = {
    document: told,
    values: (layer) => asked("values", { layer }),
    explanation: (layer, at, backward) => asked("explanation", { layer, at, backward }),
    attribution: (question) => asked("attribution", question),
    places: async () => null,
    async open(file) {
      if (file.size > LARGEST) throw new Error(`the file has more than ${LARGEST / 2 ** 20} MB, which is the most`);
      return (source.document = await ask("image", {}, file));
    },
  };
  return source;
}

/** Ask the local server that `convlab explore` started. @param {string} base where its routes begin */
export async function serverSource(base) {
  return liveSource(await answered(fetch(`${base}api/document`)), (what, { layer, ...question }, file) => {
    const headers = { "Content-Type": "application/octet-stream" };
    if (file) return answered(fetch(`${base}api/image`, { method: "POST", headers, body: file }));
    const [route, asked] = what === "values" ? [`values/${layer}`, question] : [what, { ...question, layer }];
    const query = Object.entries(asked).map(([name, value]) => [name, String(value ?? "")]); // [null, 3, 4, 7] is ",3,4,7"
    return answered(fetch(`${base}api/${route}?${new URLSearchParams(query)}`));
  });
}

/** Ask the kernel of a notebook: {id, ask, ...} is answered by {id, answer} and buffers, or {id, error}. @param {Channel} channel */
export function widgetSource(channel) {
  const waiting = /** @type {((content: any, buffers: DataView[]) => void)[]} */ ([]); // by id
  channel.on("msg:custom", (content, buffers) => waiting[content.id](content, buffers));
  return liveSource(JSON.parse(channel.get("document")), async (ask, question, file) => {
    const buffers = file ? [await file.arrayBuffer()] : [];
    return new Promise((resolve, reject) => {
      const heard = (/** @type {any} */ { answer, error }, /** @type {DataView[]} */ [bytes]) =>
        error !== undefined ? reject(new Error(error)) : resolve(answer ?? bytes?.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) ?? null);
      channel.send({ id: waiting.push(heard) - 1, ask, ...question }, undefined, buffers);
    });
  });
}

/** Bytes, or what JSON says. @param {Promise<Response>} request */
async function answered(request) {
  const answer = await request.catch(() => null);
  if (!answer) throw new Error("convlab no longer answers: start `convlab explore` again, or open an exported page");
  if (answer.status === 409) throw new OutOfDate(await answer.text());
  if (!answer.ok) throw new Error(await answer.text());
  return answer.headers.get("Content-Type")?.startsWith("application/json") ? answer.json() : answer.arrayBuffer();
}

/** Read what the exporter wrote into the page: the document as JSON, everything else as gzip in base64. @param {ParentNode} page @returns {Source} */
export function pageSource(page) {
  /** @type {Told} */
  const told = JSON.parse(page.querySelector("#document")?.textContent ?? "");
  const chunk = chunksOf(page), json = async (/** @type {string} */ id) => {
    const bytes = await chunk(id);
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  };
  /** @type {Source} */
  const source = {
    document: told,
    async values(index) {
      const bytes = await chunk(`values-${index}`);
      if (!bytes) throw new Error(`this page holds no numbers of ${told.layers[index].name}`);
      return bytes;
    },
    async explanation(index, at, backward) {
      const all = backward === null ? await json(`explanations-${index}`) : null, held = all?.[String(at)];
      if (!held) return null;
      const numbers = held.patch ? null : new Float32Array(await source.values(held.sources[0]));
      const [height, width] = [1, 1, ...told.layers[held.sources[0]].shape].slice(-3);
      return restored(held, all.kernels, (row, column, channel) => numbers?.[(channel * height + row) * width + column] ?? NaN);
    },
    async attribution({ method, layer, class: number }) {
      /** @type {Attribution[]} */
      const held = number === told.top[0]?.channel ? ((await json("attributions")) ?? []) : [];
      const found = held.find((one) => one.method === method && (layer ?? one.layer) === one.layer);
      if (!found || found.pixels || told.layers[found.layer].inputs.length || found.shape.length !== 2) return found ?? null;
      const [height, width] = found.shape; // of the input: its cells are the pixels
      return { ...found, pixels: { width, height, values: found.values } };
    },
    places: async (index) => Object.keys((await json(`explanations-${index}`)) ?? {}).filter((place) => place !== "kernels"),
    open: () => Promise.reject(new Error(`this page holds one image: ${told.command} shows another`)),
  };
  return source;
}

/** What unpacks a chunk of a page; its text leaves the page the first time, the packed bytes stay. @param {ParentNode} page */
function chunksOf(page) {
  const packed = /** @type {Map<string, Uint8Array<ArrayBuffer>>} */ (new Map());
  return async (/** @type {string} */ id) => {
    const script = page.querySelector(`#${id}`);
    if (script) packed.set(id, bytesOfText(script.textContent ?? ""));
    script?.remove();
    const bytes = packed.get(id);
    return bytes ? new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer() : null;
  };
}

/** What base64 says; a loop takes a tenth of the time of `Uint8Array.from` with a function. @param {string} text */
function bytesOfText(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** The whole explanation: what follows from the rest, or lies in the page anyway, is not held with each. @param {Held} held @param {Record<string, number[][][]>} kernels those of the layer's channels
 *  @param {(row: number, column: number, channel: number) => number} valueAt a number of the source @returns {Explanation} */
function restored(held, kernels, valueAt) {
  const { rows, columns } = held, tabled = (/** @type {(y: number, x: number) => any} */ cell) => tableOf(rows.length, columns.length, cell);
  const kernel = held.kernel ?? kernels[held.at.channel], padding = held.padding ?? tabled(() => false);
  const channels = Array.isArray(held.channels) ? held.channels : counted(held.channels.count, held.channels.first);
  const patch = held.patch ?? tabled((y, x) => channels.map((channel) => (padding[y][x] ? 0 : valueAt(rows[y], columns[x], channel))));
  const products = held.products ?? tabled((y, x) => patch[y][x].map((/** @type {number} */ value, /** @type {number} */ i) => product(value, kernel[y][x][i])));
  const count = held.of ?? patch[0]?.[0]?.length ?? 0, kept = held.kept ?? counted(count), sums = Array(count).fill(null);
  kept.forEach((place, i) => (sums[place] = products.flat().reduce((sum, cells) => sum + asNumber(cells[i]), 0)));
  const order = [...kept].sort((a, b) => magnitude(sums[b]) - magnitude(sums[a]) || a - b);
  return /** @type {Explanation} */ ({ ...held, channels, padding, kernel, patch, products, kept, sums, order });
}

/** Numbers are written as float32 are: rounded to one, they are what the network multiplied. @param {(number|string)[]} factors */
const product = (...factors) => factors.map((factor) => Math.fround(asNumber(factor))).reduce((left, right) => left * right);

/** @param {number} count @param {number} [first] */
const counted = (count, first = 0) => Array.from({ length: count }, (_, i) => first + i);

/** How much a sum counts: NaN most, as in the explanations themselves. @param {number} sum */
const magnitude = (sum) => (Number.isNaN(sum) ? Infinity : Math.min(Math.abs(sum), Number.MAX_VALUE));
