// Step 1: frames of analyzed videos in which the network is unsure, and labels that may be mistakes.
import { h, replace } from "../dom.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { untilDone } from "../slow.js";
import { suspectCard } from "./suspect_card.js";
import { count } from "./words.js";

const N_FRAMES = 20;
const THUMB_PX = 240;
const MOST_SUSPECTS = 24;

export async function findPanel(node, told, place) {
  const { api, key } = place;
  const { videos } = await api.get(api.path("projects", key, "tracks"));
  const analyzed = videos.filter(({ files }) => files.length);
  const others = videos.length - analyzed.length;
  const cards = analyzed.map((video) => videoCard(video, place));
  const none = h("div", { class: "empty" }, h("h2", {}, "No analyzed video yet"), h("p", {}, "Where the network is unsure is known once it has been let loose on a video."), h("a", { class: "button main", href: addressOf(key, "results") }, "Analyze videos"));
  const left = others > 0 && analyzed.length > 0 && h("p", { class: "small soft" }, `${count(others, "more video")} not analyzed yet: `, h("a", { href: addressOf(key, "results") }, "results page"));
  replace(node,
    h("section", { class: "refine-stack" }, h("h2", {}, "Moments where the network is unsure"), analyzed.length ? cards : none, left),
    mistakes(place));
}

/** A video with the frames that are worth labeling. */
function videoCard(video, place) {
  const { api, key, stopped } = place;
  const body = h("div", {}, h("p", { class: "soft small" }, "Looking for suspicious moments …"));
  const by = video.files[0].run || video.files[0].file;
  const node = h("article", { class: "card" },
    h("header", { class: "row apart" }, h("h3", {}, video.video), h("span", { class: "row" }, h("span", { class: "tag" }, by), h("a", { class: "small", href: addressOf(key, "review", { video: video.video }) }, "Review"))), body);
  const path = api.path("projects", key, "refine", "suspicious") + api.query({ video: video.video, n: N_FRAMES });
  untilDone(() => api.get(path), { signal: stopped }).then((found) => replace(body, frames(found, place))).catch((error) => {
    if (error.name !== "AbortError") replace(body, h("p", { class: "problem" }, error.message));
  });
  return node;
}

function frames(found, place) {
  const { key, api } = place;
  const said = `${count(found.n_moments, "suspicious moment")} in ${count(found.n_frames, "frame")}.`;
  const notes = found.notes.map((note) => h("p", { class: "small soft" }, note));
  if (!found.frames.length) return [h("p", {}, said), notes];
  const chosen = new Set(found.frames.map(({ frame }) => frame));
  const take = h("button", { class: "button main", type: "button", onclick: () => takeThem().catch(problem) });
  const drawTake = () => { replace(take, `Take ${count(chosen.size, "frame")} for labeling`); take.disabled = !chosen.size; };
  const takeThem = async () => {
    take.disabled = true;
    try {
      const taken = await api.post(api.path("projects", key, "refine", "frames"), { video: found.video, frames: [...chosen] });
      notice(`${count(taken.n_new, "picture")} in labeled-data/${taken.folder}; predictions are their starting labels`);
      taken.notes.forEach((note) => notice(note));
      place.go("refine", { step: "correct" });
    } finally {
      drawTake();
    }
  };
  const cards = found.frames.map(({ frame, words }) => frameChoice({ frame, words, video: found.video }, chosen, drawTake, place));
  drawTake();
  return [h("p", {}, `${said} These frames differ enough to be worth labeling:`), notes, h("div", { class: "refine-thumbs" }, cards), h("div", { class: "row" }, take)];
}

function frameChoice({ frame, words, video }, chosen, changed, { api, key }) {
  const source = `api/${api.path("projects", key, "videos", video, "frames", String(frame))}${api.query({ width: THUMB_PX })}`;
  const image = h("img", { src: source, alt: "", loading: "lazy", onerror: () => image.remove() });
  const box = h("input", { type: "checkbox", checked: true, onchange: () => { if (box.checked) chosen.add(frame); else chosen.delete(frame); changed(); } });
  return h("label", { class: "refine-thumb" }, image,
    h("span", { class: "row apart" }, h("span", { class: "row" }, box, h("b", { class: "number" }, `frame ${frame}`)), h("a", { class: "small", href: addressOf(key, "review", { video, frame }) }, "look")),
    h("span", { class: "small soft" }, words));
}

/** Likely label mistakes: looked for when asked, as it takes a while. */
function mistakes(place) {
  const { api, key, stopped } = place;
  const body = h("div", { class: "refine-stack" });
  const path = api.path("projects", key, "check");
  const look = async () => {
    const report = await untilDone(() => api.get(path), { signal: stopped, told: ({ done, total }) => replace(body, h("p", { class: "soft" }, total ? `Looking at pictures and labels: ${done} of ${total}` : "Looking at pictures and labels …")) });
    replace(body, suspects(report, place));
  };
  const button = h("button", { class: "button", type: "button", onclick: () => { button.disabled = true; look().catch(problem); } }, "Look for label mistakes");
  replace(body, h("div", { class: "row" }, button));
  return h("section", { class: "card refine-stack" }, h("div", {}, h("h3", {}, "Labels that may be mistakes"), h("p", { class: "small soft" }, "A network learns from mistakes as well: exchanged or misplaced points are worth more than new frames.")), body);
}

function suspects(report, { api, key }) {
  const rows = report.proposals;
  if (!rows.length) return h("p", {}, "No label looks like a mistake.");
  const cards = rows.slice(0, MOST_SUSPECTS).map((one) => suspectCard(one, { api, key }));
  const more = rows.length > MOST_SUSPECTS && h("p", { class: "small soft" }, `${rows.length - MOST_SUSPECTS} more: `, h("a", { href: addressOf(key, "check") }, "all that check finds"));
  return [h("p", {}, `${count(rows.length, "label")} to look at, the most suspicious first.`), h("div", { class: "refine-thumbs" }, cards), more];
}
