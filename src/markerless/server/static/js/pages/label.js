// Labeling: the frames of one folder, keyboard first. Everything is saved at once; see ../label/.
import { h, replace } from "../dom.js";
import { problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { Wire } from "../label/wire.js";

const LOOK_MS = 2000; // for first pictures, while there are none

export async function show(root, context) {
  const { key, params } = context;
  const wire = new Wire(key);
  // what is needed to begin is asked for while the larger part of the page is still loading
  const asked = params.video ? wire.folder(params.video).catch(() => null) : null;
  const [all, { work }] = await Promise.all([wire.folders(), import("../label/work.js"), useStyle("label.css")]);
  const folders = all.filter(({ pictures }) => pictures > 0);
  if (!folders.length) return waitForPictures(root, context, wire);
  const chosen = folders.find(({ name }) => name === params.video) ?? folders.find(({ pictures, labeled }) => labeled < pictures) ?? folders[0];
  const early = chosen.name === params.video ? await asked : null;
  const data = early ?? (await wire.folder(chosen.name));
  return work(root, context, { folders, data, frame: params.frame });
}

/** Say that there is nothing to label, and begin once there is. Returns a function that ends it. */
function waitForPictures(root, context, wire) {
  replace(root, emptyState(context.key));
  let isLeft = false;
  let leave = null;
  const look = async () => {
    const folders = await wire.folders().catch(() => []);
    if (isLeft) return;
    if (!folders.some(({ pictures }) => pictures > 0)) return void (timer = setTimeout(look, LOOK_MS));
    const left = await show(root, context).catch((error) => void problem(error));
    if (isLeft) left?.();
    else leave = left;
  };
  let timer = setTimeout(look, LOOK_MS);
  return () => {
    isLeft = true;
    clearTimeout(timer);
    leave?.();
  };
}

function emptyState(key) {
  return h("div", { class: "sheet" }, h("div", { class: "empty" },
    h("h2", {}, "No pictures yet"),
    h("p", {}, "Labels are placed in pictures taken from your videos. Extract some first: 20 frames of each video are a good start."),
    h("a", { class: "button main", href: addressOf(key, "extract") }, "Extract frames")));
}

/** Resolves when the rules are there: sizes are measured after that. */
function useStyle(name) {
  const href = `css/${name}`;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve) => document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve })));
}
