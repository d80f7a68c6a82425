// Where a whole page begins: the document lies in the page (an exported file) or a server answers for it.

import { pageSource, serverSource } from "./data.js";
import { start } from "./main.js";

const explorerRoot = /** @type {HTMLElement} */ (document.getElementById("convlab"));
const source = document.getElementById("document") ? Promise.resolve(pageSource(document)) : serverSource("/");
source.then((found) => start(explorerRoot, found), (error) => (explorerRoot.textContent = error.message));
