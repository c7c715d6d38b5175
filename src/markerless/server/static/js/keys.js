// Keyboard shortcuts: each page says its own, and `?` shows them.
import { h } from "./dom.js";
import { dialog } from "./dialogs.js";
import { matches, shownKey } from "./key_names.js";

let tables = [];

/**
 * Take up `[{keys: ["Space", "Shift+A"], does: "plays", run: (event) => {}}]`; returns a function that gives them back.
 * The newest table wins. Keys typed into a field are left to it.
 */
export function shortcuts(table) {
  tables = [table, ...tables];
  return () => { tables = tables.filter((other) => other !== table); };
}

export function showKeys() {
  const rows = tables.flat().filter((entry) => entry.does);
  if (document.querySelector("dialog[open]")) return;
  const body = rows.map(({ keys, does }) => [h("span", {}, keys.map((key, i) => [i ? " " : "", h("kbd", {}, shownKey(key))])), h("span", {}, does)]);
  dialog({ title: "Keys of this page", body: [h("div", { class: "keys" }, body)] });
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  for (const { keys, run } of tables.flat()) {
    if (keys.some((key) => matches(key, event))) {
      event.preventDefault();
      run(event);
      return;
    }
  }
});

function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["range", "checkbox", "radio", "button"].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
