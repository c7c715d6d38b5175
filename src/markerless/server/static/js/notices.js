// Short messages at the lower right. A failure stays until it is read.
import { h } from "./dom.js";

const SHOWN_MS = 5000;

/** Say `text` for a moment. `action` may be `{label, run}`. */
export function notice(text, action = null) {
  const node = show(text, action ? "notice acts" : "notice", action);
  setTimeout(() => node.remove(), SHOWN_MS);
  return node;
}

/** Say what went wrong, in the words of the error. */
export function problem(error) {
  if (error?.name === "AbortError") return null;
  if (!error?.status && !(error instanceof TypeError)) console.error(error);
  return show(error?.message ?? String(error), "notice bad");
}

function show(text, className, action = null) {
  const close = h("button", { class: "button quiet", type: "button", "aria-label": "Close" }, "×");
  const more = action && h("button", { class: "button quiet", type: "button" }, action.label);
  const node = h("div", { class: className }, close, more, text);
  close.addEventListener("click", () => node.remove());
  more?.addEventListener("click", () => { node.remove(); action.run(); });
  document.getElementById("notices").append(node);
  return node;
}
