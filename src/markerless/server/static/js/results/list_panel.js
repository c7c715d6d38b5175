// The videos of a study, one of them chosen, and the analysis of several at once.
import { dialog } from "../dialogs.js";
import { h } from "../dom.js";
import { problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { count } from "../refine/words.js";
import { nameOf } from "./words.js";

export function listPanel({ videos, runs }, chosen, place) {
  const { key } = place;
  const items = videos.map((video) => h("li", {}, h("a", { class: "results-video", href: addressOf(key, "results", { video: video.id }), "aria-current": video === chosen ? "true" : null },
    h("b", {}, video.video), h("span", { class: "small soft" }, state(video)))));
  const analyze = runs.length > 0 && h("button", { class: "button", type: "button", onclick: () => analyzeSeveral(videos, runs, place).catch(problem) }, "Analyze videos …");
  return h("aside", { class: "results-list" }, h("div", { class: "row apart" }, h("h2", {}, "Videos"), h("span", { class: "tag" }, videos.length)), analyze, h("ul", {}, items));
}

function state({ results, kind }) {
  if (!results.length) return kind === "images" ? "folder of images, not analyzed" : "not analyzed";
  return `${nameOf(results[0])}${results.length > 1 ? ` and ${count(results.length - 1, "other")}` : ""}${results[0].labeled ? ", labeled video" : ""}`;
}

async function analyzeSeveral(videos, runs, { work }) {
  const run = h("select", { "aria-label": "Run" }, runs.map(({ name }, i) => h("option", { value: name }, i ? name : `${name} (newest)`)));
  const boxes = videos.map((video) => h("input", { type: "checkbox", value: video.path, checked: !video.results.some((one) => one.run === runs[0].name) }));
  const rows = videos.map((video, i) => h("label", { class: "row" }, boxes[i], video.video, h("span", { class: "small soft" }, state(video))));
  const body = [h("label", { class: "field" }, h("span", {}, "Run"), run), h("div", { class: "stack results-choice" }, rows)];
  const wanted = await dialog({ title: "Analyze videos", body, action: "Analyze", result: () => ({ run: run.value, videos: boxes.filter((box) => box.checked).map((box) => box.value) }) });
  if (wanted?.videos.length) await work.start({ kind: "analyze", ...wanted });
}
