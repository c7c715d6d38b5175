// The state of a study at a glance, and what to do next.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";
import { chooseVideos } from "../file_browser.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { drawing, places } from "../skeleton/drawing.js";

export async function show(root, context) {
  const { api, key } = context;
  const study = await api.get(api.path("projects", key));
  const add = async () => {
    const paths = await chooseVideos();
    if (paths.length === 0) return;
    const { added } = await api.post(api.path("projects", key, "videos"), { paths });
    notice(`${added.length} ${added.length === 1 ? "video" : "videos"} taken in.`);
    await show(root, context);
  };
  const button = h("button", { class: "button", type: "button", onclick: () => add().catch(problem) }, "Add videos");
  replace(root, h("div", { class: "sheet" },
    h("div", { class: "row apart" }, h("div", {}, h("h1", {}, study.name), h("span", { class: "soft small mono" }, study.root)), h("div", { class: "row" }, h("a", { class: "button quiet", href: addressOf(key, "check"), title: "Looks for mistakes in settings, labels, pictures and videos" }, "Check"), button, next(study, key))),
    study.notes.map((note) => h("p", { class: "hint" }, note)),
    h("div", { class: "project-parts" }, h("section", { class: "card" }, h("h2", {}, "Videos"), videos(study, key)), h("section", { class: "card" }, h("div", { class: "row apart" }, h("h2", {}, `${study.keypoints.length} keypoints`), h("a", { class: "button quiet", href: addressOf(key, "keypoints"), title: "Names, order, colors, lines, left and right" }, "Edit")), skeleton(study), keypoints(study)))));
}

/** The one thing to do now. */
function next(study, key) {
  const total = (field) => study.videos.reduce((sum, video) => sum + video[field], 0);
  if (study.videos.length === 0) return null;
  const [page, text] = total("extracted") === 0 ? ["extract", "Extract frames"]
    : total("labeled") < total("extracted") ? ["label", "Label frames"]
      : study.runs.length === 0 ? ["train", "Train a network"]
        : study.videos.some((video) => video.name && video.results.length === 0) ? ["results", "Analyze videos"] : ["review", "Review results"];
  return h("a", { class: "button main", href: addressOf(key, page) }, text);
}

function videos(study, key) {
  if (study.videos.length === 0) return h("div", { class: "empty" }, h("h2", {}, "No videos yet"), h("p", {}, "Add the videos that you want to measure. They stay where they are; the project holds links to them."));
  const head = h("tr", {}, ["Video", "Frames", "Labeled", "Results"].map((text, i) => h("th", { class: i === 1 || i === 2 ? "number" : null }, text)), h("th"));
  const rows = study.videos.map((video) => {
    const done = video.labeled > 0 && video.labeled === video.extracted;
    return h("tr", {}, h("td", {}, video.name ?? [video.folder, " ", h("span", { class: "tag" }, "pictures only")]),
      h("td", { class: "number" }, video.extracted || "–"),
      h("td", { class: "number" }, h("span", { class: done ? "good" : "" }, video.extracted ? `${video.labeled} of ${video.extracted}` : "–")),
      h("td", {}, video.results.length ? h("span", { class: "tag good" }, "analyzed") : h("span", { class: "soft" }, "–")),
      h("td", {}, h("div", { class: "row" }, video.name && h("a", { href: addressOf(key, "extract", { video: video.name }) }, "extract"), video.extracted > 0 && h("a", { href: addressOf(key, "label", { video: video.folder }) }, "label"), video.results.length > 0 && h("a", { href: addressOf(key, "review", { video: video.name }) }, "review"))));
  });
  return h("table", { class: "table" }, h("thead", {}, head), h("tbody", {}, rows));
}

function keypoints(study) {
  return h("div", { class: "project-names" }, study.keypoints.map((name, k) => h("span", { class: "row" }, h("i", { class: "project-dot", style: { "background-color": cssColor(study.palette, k) } }), name)));
}

function skeleton({ keypoints: names, palette, edges, pose }) {
  const placed = names.map((_, k) => k).filter((k) => !pose || pose[k]); // what is never labeled has no place yet
  const at = places(pose && placed.map((k) => pose[k]), placed.length);
  const lines = edges.filter((edge) => edge.every((k) => placed.includes(k))).map((edge) => edge.map((k) => placed.indexOf(k)));
  return drawing({ keypoints: placed.map((k) => names[k]), palette: placed.map((k) => palette[k]), edges: lines, at });
}
