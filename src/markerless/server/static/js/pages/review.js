// Review: the video with its tracks, their course, suspicious moments, and corrections that become labels; see ../review/.
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { Desk } from "../review/desk.js";
import { commandOf } from "../work/commands.js";
import { Work } from "../work/work.js";

const SLOW_MS = 400;

export async function show(root, { key, params, api }) {
  const [{ videos, newest_run: newest }] = await Promise.all([api.get(api.path("projects", key, "tracks")), useStyle("review.css")]);
  if (!videos.length) return void replace(root, empty("No video yet", "Add a video to the project; then its tracks can be reviewed here.", key, "project", "Go to the project"));
  const analyzed = videos.filter(({ files }) => files.length > 0);
  const chosen = videos.find(({ video, stem }) => [video, stem].includes(params.video)) ?? analyzed[0] ?? videos[0];
  if (!chosen.files.length && !params.file) return notAnalyzed(root, { key, params, api, chosen, newest, head: picker(videos, chosen, key) });
  const file = params.file ?? chosen.files[0].file;
  const waiting = setTimeout(() => replace(root, h("div", { class: "sheet soft" }, `Reading the tracks of ${chosen.video} …`)), SLOW_MS);
  let about = null;
  try {
    about = await api.get(api.path("projects", key, "tracks", chosen.video) + api.query({ file }));
  } finally {
    clearTimeout(waiting);
  }
  const newer = newest && !chosen.files.some(({ run }) => run === newest) ? newerRun({ key, api, chosen, newest, frame: () => desk.player.target }) : null;
  const desk = new Desk({ key, api, about, file, head: [picker(videos, chosen, key, file), newer?.offer], work: newer?.strip, notices: { notice, problem } });
  replace(root, desk.node);
  const stop = shortcuts(desk.keys());
  await desk.open(Number(params.frame ?? 0)).catch(problem);
  return () => {
    stop();
    newer?.leave();
    desk.leave();
  };
}

/** A run that was trained after the video was analyzed can analyze it too: `{offer, strip, leave()}`. */
function newerRun({ key, api, chosen, newest, frame }) {
  const work = new Work({ api, key });
  const isOurs = ({ kind, run, title }) => kind === "analyze" && run === newest && title.endsWith(` ${chosen.video}`);
  const start = work.button(`Analyze with ${newest}`, { kind: "analyze", videos: [chosen.video], run: newest });
  start.title = `${newest} has been trained since; its tracks are written beside those that are shown`;
  const offer = h("span", { class: "review-newer" }, start);
  const show = () => { location.hash = addressOf(key, "review", { video: chosen.video, frame: frame() }); };
  work.whenDone((ended) => {
    if (ended.some((job) => isOurs(job) && job.state === "done")) replace(offer, h("button", { class: "button main", type: "button", onclick: show }, `Show the tracks of ${newest}`));
  });
  Promise.all([work.load(), useStyle("work.css")]).catch(problem);
  return { offer, strip: work.strip, leave: () => work.leave() };
}

/** A video without tracks can be analyzed here; its tracks are shown once they are there. Returns a function that ends it. */
async function notAnalyzed(root, { key, params, api, chosen, newest, head }) {
  const work = new Work({ api, key });
  await Promise.all([work.load(), useStyle("work.css")]);
  if (!newest) {
    replace(root, empty(`No tracks of ${chosen.video} yet`, "An analysis finds every keypoint in every frame. It takes a trained network, and there is none yet.", key, "train", "Train a network first", head));
    return () => work.leave();
  }
  let leave = () => work.leave();
  let isLeft = false;
  work.whenDone(async (ended) => {
    if (!ended.some(({ kind, state }) => kind === "analyze" && state === "done")) return;
    work.leave();
    leave = () => {};
    const shown = await show(root, { key, params: { ...params, video: chosen.video }, api }).catch((error) => void problem(error));
    if (isLeft) shown?.();
    else if (shown) leave = shown;
  });
  const start = work.button("Analyze this video", { kind: "analyze", videos: [chosen.video] }, "button main");
  const says = [`${newest} can find every keypoint in every frame of ${chosen.video}; then its tracks are shown here. In a terminal: `, h("code", {}, commandOf({ kind: "analyze", videos: [chosen.video] }, work.folder))];
  replace(root, h("div", { class: "sheet" }, h("div", { class: "row" }, head), work.strip, h("div", { class: "empty" }, h("h2", {}, `No tracks of ${chosen.video} yet`), h("p", {}, says), start)));
  return () => {
    isLeft = true;
    leave();
  };
}

/** Which video, and which of its tracks. */
function picker(videos, chosen, key, file = null) {
  const go = (values) => { location.hash = addressOf(key, "review", values); };
  const video = h("select", { "aria-label": "Video", onchange: (event) => go({ video: event.target.value }) }, videos.map((one) => h("option", { value: one.video, selected: one === chosen }, one.files.length ? one.video : `${one.video} (no tracks)`)));
  const known = chosen.files.some((one) => one.file === file) || !file ? chosen.files : [{ file, run: "" }, ...chosen.files];
  const tracks = known.length > 0 && h("select", { "aria-label": "Tracks", onchange: (event) => go({ video: chosen.video, file: event.target.value }) }, known.map((one) => h("option", { value: one.file, selected: one.file === file, title: one.file }, nameOf(one, chosen))));
  return [video, tracks];
}

function nameOf({ file, run }, { stem }) {
  if (run) return `${run}${file.includes("_filtered.") ? ", filtered" : ""}`;
  const name = file.split(/[\\/]/).pop();
  return name.startsWith(stem) && name.length > stem.length + 4 ? name.slice(stem.length) : name;
}

function empty(title, text, key, page, action, extra = null) {
  const link = h("a", { class: "button main", href: addressOf(key, page) }, action);
  return h("div", { class: "sheet" }, extra && h("div", { class: "row" }, extra), h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text), link));
}

function useStyle(name) {
  const href = `css/${name}`;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve) => document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve })));
}
