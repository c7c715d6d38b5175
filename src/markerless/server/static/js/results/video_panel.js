// One video and what came out of it: the picture that moves, trajectories, files.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { count } from "../refine/words.js";
import { TracePlot } from "./plot.js";
import { figureName, KINDS, nameOf, size, tableSays } from "./words.js";

export async function videoPanel(node, video, place) {
  const { key, params, go } = place;
  const chosen = video.results.find(({ name }) => name === params.result) ?? video.results[0];
  const head = h("header", { class: "row apart" }, h("h2", {}, video.video), chosen && h("label", { class: "row small" }, h("span", { class: "soft" }, "Trajectories of"),
    h("select", { "aria-label": "Trajectories", onchange: (event) => go("results", { video: video.id, result: event.target.value }) }, video.results.map((one) => h("option", { value: one.name, selected: one === chosen }, nameOf(one))))));
  if (!chosen) return void replace(node, head, h("div", { class: "results-watch" }, player(video, null, place).node, notAnalyzed(video, place)));
  const film = player(video, chosen, place);
  const traces = h("section", { class: "card" }, h("h3", {}, "Trajectories"), h("p", { class: "small soft" }, "Reading the trajectories …"));
  replace(node, head, h("div", { class: "results-watch" }, film.node, traces), files(video, chosen, place), figures(video, chosen, place));
  await drawTraces(traces, video, chosen, film, place).catch((error) => replace(traces, h("h3", {}, "Trajectories"), h("p", { class: "problem" }, error.message)));
}

function notAnalyzed(video, { work, hasRun, key }) {
  const action = hasRun ? work.button("Analyze this video", { kind: "analyze", videos: [video.path] }, "button main") : h("a", { class: "button main", href: addressOf(key, "train") }, "Train a network first");
  return h("div", { class: "empty" }, h("h2", {}, "Not analyzed yet"), h("p", {}, "An analysis finds every keypoint in every frame and writes the trajectories beside the video."), action);
}

/** The labeled video, or the video as it is. */
function player(video, chosen, { api, key, work }) {
  const address = (id) => `api/${api.path("projects", key, "results", "files", id)}?show=1`;
  const kinds = [chosen?.labeled && { id: chosen.labeled.id, title: "Labeled" }, video.plays && { id: video.file, title: "As filmed" }].filter(Boolean);
  const listeners = [];
  const film = h("video", { class: "results-film", controls: true, preload: "metadata", playsinline: true });
  const says = h("p", { class: "small soft" });
  film.addEventListener("timeupdate", () => listeners.forEach((told) => told(film.currentTime)));
  film.addEventListener("seeking", () => listeners.forEach((told) => told(film.currentTime)));
  film.addEventListener("error", () => replace(says, "This browser cannot play the format of this video; a labeled video is made so that every browser can."));
  const tabs = h("div", { class: "row" });
  const show = (kind) => {
    const at = film.currentTime;
    film.src = address(kind.id);
    film.addEventListener("loadedmetadata", () => { film.currentTime = Math.min(at, film.duration || 0); }, { once: true });
    replace(says);
    replace(tabs, kinds.map((one) => h("button", { class: "button quiet", type: "button", "aria-pressed": String(one === kind), onclick: () => show(one) }, one.title)), render);
  };
  const render = chosen && !chosen.labeled && work.button("Make the labeled video", { kind: "render", video: video.path, tracks: chosen.path });
  const note = video.note || (video.kind === "images" ? "a folder of images" : kinds.length ? "" : "browsers do not play this kind of file");
  if (!kinds.length) {
    const text = h("p", { class: "small soft" }, `${video.video}: ${note}.`);
    return { node: h("section", { class: "card" }, text, render && h("div", { class: "row" }, render)), on: () => {}, seek: () => {} };
  }
  const node = h("section", { class: "card results-player" }, film, tabs, says);
  show(kinds[0]);
  return { node, on: (told) => listeners.push(told), seek: (seconds) => { film.currentTime = seconds; } };
}

async function drawTraces(node, video, chosen, film, place) {
  const { api, key } = place;
  const path = api.path("projects", key, "tracks", video.video) + api.query({ file: chosen.tracks });
  const about = await api.get(path);
  const plot = new TracePlot({ api, key, video: video.video, about, file: chosen.tracks, seek: film.seek });
  place.leave.push(() => plot.leave());
  film.on((seconds) => plot.at(seconds));
  const review = h("a", { class: "small", href: addressOf(key, "review", { video: video.video, file: chosen.tracks }) }, "Review frame by frame");
  const says = `${count(about.n_frames, "frame")}${about.fps > 0 ? `, ${Number(about.fps.toFixed(2))} a second` : ""}. Gaps are frames without a point. A click moves the video.${about.has_error ? " The pale band is the expected error." : ""}`;
  replace(node, h("header", { class: "row apart" }, h("h3", {}, "Trajectories"), review), h("p", { class: "small soft" }, says, about.note && h("span", { class: "warn" }, ` ${about.note}`)), plot.node);
  await plot.load();
}

function files(video, chosen, place) {
  const { api, key } = place;
  const address = (id) => `api/${api.path("projects", key, "results", "files", id)}`;
  const all = [...chosen.files, ...chosen.tables, ...(chosen.labeled ? [chosen.labeled] : [])];
  const links = all.map(({ id, name, kind, n_bytes: bytes }) => h("a", { class: "results-file", href: address(id), download: name, title: name },
    h("b", {}, KINDS[kind]?.title ?? kind), h("span", { class: "small soft" }, tableSays(name) ?? KINDS[kind]?.says ?? ""), h("span", { class: "small soft number" }, size(bytes))));
  const zip = h("a", { class: "button", href: `api/${api.path("projects", key, "results", "videos", video.id, "zip")}`, download: true }, `All as zip, ${size(video.n_bytes)}`);
  return h("section", { class: "card" }, h("header", { class: "row apart" }, h("h3", {}, "Files"), zip), h("div", { class: "results-files" }, links));
}

function figures(video, chosen, place) {
  const { api, key, work } = place;
  const address = (id) => `api/${api.path("projects", key, "results", "files", id)}?show=1`;
  const draw = work.button(video.page ? "Draw again" : "Draw figures", { kind: "plot", video: video.path, tracks: chosen.path });
  const page = video.page && h("a", { class: "button quiet", href: address(video.page.id), target: "_blank", rel: "noopener" }, "Open the page");
  const pictures = video.figures.map(({ id, name }) => h("a", { href: address(id), target: "_blank", rel: "noopener" }, h("img", { src: address(id), alt: "", loading: "lazy" }), h("span", { class: "small" }, figureName(name))));
  return h("section", { class: "card" }, h("header", { class: "row apart" }, h("h3", {}, "Figures"), h("span", { class: "row" }, page, draw)),
    pictures.length ? h("div", { class: "results-figures" }, pictures) : h("p", { class: "small soft" }, "Paths, positions, heat maps, speeds, confidence and jumps of this video, as pictures and on one page."));
}
