// The shell: which page is shown, and the bar above it. Addresses are #/KEY/page?name=value.
import * as api from "./api.js";
import { h, replace } from "./dom.js";
import { shortcuts, showKeys } from "./keys.js";
import { problem } from "./notices.js";
import { addressOf, parseAddress } from "./routes.js";
import { who, whoAsked } from "./who.js";

export const PAGES = ["project", "extract", "label", "train", "review", "refine", "results", "space"];
const page = document.getElementById("page");
let leave = null;
let visit = 0;

async function show() {
  const here = ++visit;
  const { key, name, params } = parseAddress(location.hash);
  try {
    leave?.();
  } catch (error) {
    console.error(error);
  }
  leave = null;
  for (const open of document.querySelectorAll("dialog[open]")) open.close(); // a question of the page that is left
  for (const offer of document.querySelectorAll(".notice.acts")) offer.remove(); // an "Undo" of the page that is left
  const root = h("div", { class: `page page-${name}` });
  replace(page, root);
  document.body.dataset.page = name;
  showBar(key, name);
  const context = { key, params, api, go: (next, values = {}) => { location.hash = addressOf(key, next, values); } };
  try {
    const module = await import(`./pages/${name}.js`);
    const left = here === visit ? await module.show(root, context) : null;
    if (here === visit) leave = left ?? null;
    else left?.();
  } catch (error) {
    if (here !== visit) return;
    problem(error);
    replace(root, h("div", { class: "sheet" }, h("p", { class: "problem" }, error.message), h("a", { class: "button", href: "#/" }, "All projects")));
  }
}

function showBar(key, name) {
  const links = key ? PAGES.map((other) => h("a", { href: addressOf(key, other), "aria-current": other === name ? "page" : null }, other[0].toUpperCase() + other.slice(1))) : [];
  replace(document.getElementById("pages"), links);
  replace(document.getElementById("project"), key ? key.replace(/-[0-9a-f]{6}$/, "") : "");
  document.getElementById("who").hidden = !key;
  document.title = key ? `${name} · ${key.replace(/-[0-9a-f]{6}$/, "")} · markerless` : "markerless";
}

function showWho() {
  replace(document.getElementById("who"), who() || "who?");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("markerless-theme", theme);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
setTheme(localStorage.getItem("markerless-theme") ?? (dark.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
document.getElementById("help").addEventListener("click", showKeys);
document.getElementById("who").addEventListener("click", () => whoAsked(true));
document.addEventListener("who", showWho);
shortcuts([{ keys: ["?"], does: "shows these keys", run: showKeys }]);
showWho();
addEventListener("hashchange", show);

if (!location.hash) {
  const { first } = await api.get("session").catch((error) => { problem(error); return { first: "" }; });
  location.replace(addressOf(first, first ? "project" : "home"));
} else {
  await show();
}
