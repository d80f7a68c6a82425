// Where a whole page begins: the document lies in the page (an exported file) or a server answers for it.

import { PageSource, ServerSource } from "./data.js";
import { start } from "./main.js";

const explorerRoot = /** @type {HTMLElement} */ (document.getElementById("convlab"));

if (document.getElementById("document")) start(explorerRoot, new PageSource(document));
else {
  ServerSource.connect("/").then(
    (source) => start(explorerRoot, source),
    (error) => (explorerRoot.textContent = error.message),
  );
}
