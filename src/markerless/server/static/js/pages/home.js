// The start page: projects opened before, opening another, making a new one.
import { dialog } from "../dialogs.js";
import { h, replace } from "../dom.js";
import { chooseFolder, chooseVideos } from "../file_browser.js";
import { problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { setWho, who } from "../who.js";

export async function show(root, { api }) {
  const { recent, roots } = await api.get("session");
  const go = (key) => { location.hash = addressOf(key, "project"); };
  const open = async () => {
    const path = await chooseFolder("projects");
    if (path) go((await api.post("projects/open", { path })).key);
  };
  const make = async () => {
    const wanted = await askForProject(roots[0]);
    if (!wanted) return;
    const { key } = await api.post("projects", wanted);
    setWho(wanted.scorer);
    go(key);
  };
  const list = recent.length
    ? h("div", { class: "grid" }, recent.map(({ key, name, folder }) => h("a", { class: "card home-project", href: addressOf(key, "project") }, h("h3", {}, name), h("span", { class: "soft small mono" }, folder))))
    : h("div", { class: "empty" }, h("h2", {}, "No project yet"), h("p", {}, "A project is a folder with your videos, labels and networks; projects of DeepLabCut open as they are."), h("p", { class: "small" }, `Folders below ${roots.join(", ")} can be used.`));
  const buttons = h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: () => open().catch(problem) }, "Open a project"), h("button", { class: "button main", type: "button", onclick: () => make().catch(problem) }, "New project"));
  replace(root, h("div", { class: "sheet" }, h("div", { class: "row apart" }, h("h1", {}, "Projects"), buttons), list));
}

/** Everything a new project needs, or null. */
async function askForProject(folder) {
  const name = h("input", { required: true, maxlength: 60, placeholder: "reaching", autofocus: true });
  const scorer = h("input", { required: true, maxlength: 60, value: who(), placeholder: "your name" });
  const keypoints = h("textarea", { required: true, rows: 6, placeholder: "snout\nleftear\nrightear\ntailbase" });
  const where = h("input", { required: true, value: folder });
  const videos = [];
  const shown = h("span", { class: "soft small" }, "none yet; they can be added later");
  const more = async () => {
    for (const path of await chooseVideos()) if (!videos.includes(path)) videos.push(path);
    replace(shown, videos.length ? videos.map((path) => path.split("/").pop()).join(", ") : "none");
  };
  const elsewhere = async () => { where.value = (await chooseFolder("folders")) ?? where.value; };
  const fields = [
    h("label", { class: "field" }, h("span", {}, "Name of the study"), name),
    h("label", { class: "field" }, h("span", {}, "Who labels"), scorer),
    h("label", { class: "field" }, h("span", {}, "Body parts to measure, one a line, in the order in which you want to click them"), keypoints),
    h("div", { class: "field" }, h("span", {}, "Folder in which the project's folder is made"), h("div", { class: "row" }, h("span", { class: "grow" }, where), h("button", { class: "button", type: "button", onclick: () => elsewhere().catch(problem) }, "Choose"))),
    h("div", { class: "field" }, h("span", {}, "Videos"), h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: () => more().catch(problem) }, "Choose videos"), shown)),
  ];
  const result = () => ({ name: name.value.trim(), scorer: scorer.value.trim(), keypoints: keypoints.value.split(/[\n,]/).map((one) => one.trim()).filter(Boolean), folder: where.value.trim(), videos });
  return dialog({ title: "New project", body: [h("div", { class: "stack home-new" }, fields)], action: "Make it", result });
}
