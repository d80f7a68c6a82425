// Keys: what a view binds, what the shell binds, and the help made from both.

/** @typedef {{key: string, does: string, act: () => void}} Key `key` as KeyboardEvent says it */

/**
 * Hand every key pressed inside an element to the first of the keys bound to it.
 * @param {HTMLElement} root
 * @param {() => Key[]} bound
 */
export function listenForKeys(root, bound) {
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const key = bound().find((one) => one.key === event.key);
    if (!key) return;
    event.preventDefault();
    key.act();
  });
}

/** @param {EventTarget|null} target */
function isTyping(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** @param {Key[]} keys @returns {HTMLElement} */
export function keyTable(keys) {
  const table = document.createElement("table");
  for (const { key, does } of keys) {
    const row = table.insertRow();
    row.insertCell().append(Object.assign(document.createElement("kbd"), { textContent: key === " " ? "Space" : key }));
    row.insertCell().textContent = does;
  }
  return table;
}
