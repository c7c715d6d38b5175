// Space: a result of `triangulate` in 3D, beside the videos of its cameras; see ../space/.
import { chooseFile } from "../file_browser.js";
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { Desk } from "../space/desk.js";
import { useStyle } from "../style.js";

const SLOW_MS = 400;

export async function show(root, { key, params, api }) {
  const waiting = setTimeout(() => replace(root, h("div", { class: "sheet soft" }, "Looking for points in space …")), SLOW_MS);
  let found = null;
  let about = null;
  try {
    [found] = await Promise.all([api.get(api.path("projects", key, "space")), useStyle("review.css"), useStyle("space.css")]);
    const file = params.file ?? found.results[0]?.file;
    if (!file) return void replace(root, empty(found, key));
    about = await api.get(api.path("projects", key, "space", "about") + api.query({ file })).catch((error) => void replace(root, unreadable(found, key, file, error)));
    if (!about) return undefined;
  } finally {
    clearTimeout(waiting);
  }
  const desk = new Desk({ key, api, about, head: picker(found, key, about), notices: { notice, problem } });
  replace(root, desk.node);
  const stop = shortcuts(desk.keys());
  await desk.open(Number(params.frame ?? 0)).catch(problem);
  return () => {
    stop();
    desk.leave();
  };
}

const go = (key, file) => { location.hash = addressOf(key, "space", { file }); };

async function other(key) {
  const file = await chooseFile("result", "Open points in space (S.nc)");
  if (file) go(key, file);
}

/** Which result. */
function picker({ results, folder }, key, about) {
  const isIt = ({ file }) => about.file === file || about.file === `${folder}/${file}`;
  const known = results.some(isIt) ? results : [...results, { file: about.file, name: about.name, folder: "" }];
  const select = h("select", { "aria-label": "Result", onchange: (event) => go(key, event.target.value) }, known.map((one) => h("option", { value: one.file, selected: isIt(one), title: one.file }, one.folder && one.folder !== "." ? `${one.folder}/${one.name}` : one.name)));
  return [select, openButton(key, "Open another …", "button quiet small")];
}

function openButton(key, text, className) {
  return h("button", { type: "button", class: className, onclick: () => other(key).catch(problem) }, text);
}

function empty({ folder }, key) {
  const command = "markerless triangulate calibration.toml back=back.h5 side=side.h5 --out ";
  return h("div", { class: "sheet" }, h(
    "div", { class: "empty" },
    h("h2", {}, "No points in space yet"),
    h("p", {}, "Points in space are made of what several cameras saw of an animal, or one camera and mirrors: calibrate the cameras, analyze the video of each, then triangulate. In a terminal:"),
    h("p", {}, h("code", {}, `${command}${quoted(`${folder}/points`)}`)),
    h("p", { class: "soft" }, "The result, points.nc, is then shown here, with the videos of its cameras. One that lies elsewhere can be opened:"),
    openButton(key, "Open a result …", "button main"),
  ));
}

function unreadable(found, key, file, error) {
  const rest = found.results.filter((one) => one.file !== file);
  return h("div", { class: "sheet" }, h(
    "div", { class: "empty" },
    h("h2", {}, "This result cannot be shown"),
    h("p", { class: "problem" }, error.message),
    rest.map((one) => h("p", {}, h("a", { href: addressOf(key, "space", { file: one.file }) }, one.name))),
    openButton(key, "Open another …", "button main"),
  ));
}

const quoted = (path) => (/^[\w./-]+$/.test(path) ? path : `"${path}"`);
