// Rules of a page's own, loaded when it is first shown.
import { h } from "./dom.js";

/** Resolves when the rules of `css/<name>` are there: sizes are measured after that. */
export function useStyle(name) {
  const href = `css/${name}`;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve) => document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve })));
}
