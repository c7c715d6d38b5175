// The start page: projects opened before, and opening one.
import { h, replace } from "../dom.js";
import { problem } from "../notices.js";
import { addressOf } from "../routes.js";

export async function show(root, { api }) {
  const { recent, roots } = await api.get("session");
  const list = recent.length
    ? h("div", { class: "grid" }, recent.map(({ key, name, folder }) => h("a", { class: "card", href: addressOf(key, "project") }, h("h3", {}, name), h("span", { class: "soft small mono" }, folder))))
    : h("div", { class: "empty" }, h("h2", {}, "No project yet"), h("p", {}, `Projects below ${roots.join(", ")} can be opened here.`));
  replace(root, h("div", { class: "sheet" }, h("h1", {}, "Projects"), list));
}
