// Questions in a window of the page's own.
import { h } from "./dom.js";

/** Resolves to true when the user agrees: `confirm("Remove 12 labels?", {action: "Remove", danger: true})`. */
export function confirm(question, { title = "", action = "OK", danger = false } = {}) {
  return dialog({ title, body: [h("p", {}, question)], action, danger, result: () => true }).then((yes) => yes === true);
}

/** Resolves to a text, or null: `ask("Name of the project", {value: "mouse"})`. */
export function ask(question, { title = "", value = "", action = "OK", pattern = null } = {}) {
  const input = h("input", { value, pattern, required: true, autofocus: true });
  return dialog({ title, body: [h("label", { class: "field" }, h("span", {}, question), input)], action, result: () => input.value.trim() });
}

/** A window with any content. Resolves to `result()` after the action, to null when it is closed otherwise. */
export function dialog({ title = "", body = [], action = null, danger = false, result = () => true }) {
  return new Promise((resolve) => {
    const cancel = h("button", { class: "button", type: "button", onclick: () => node.close() }, action ? "Cancel" : "Close");
    const go = action && h("button", { class: danger ? "button danger" : "button main", value: "go" }, action);
    const form = h("form", { method: "dialog" }, title && h("h2", {}, title), body, h("div", { class: "row" }, cancel, go));
    const node = h("dialog", { class: "dialog" }, form);
    node.addEventListener("close", () => { node.remove(); resolve(node.returnValue === "go" ? result() : null); });
    document.body.append(node);
    node.showModal();
  });
}
