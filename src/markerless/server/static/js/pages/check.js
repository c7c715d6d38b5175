// What is wrong with a study: what `markerless check --suspects` finds, with links to where it is put right.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { suspectCard } from "../refine/suspect_card.js";
import { count } from "../refine/words.js";
import { untilDone } from "../slow.js";
import { useStyle } from "../style.js";

const LEVELS = { error: { title: "Errors", tone: "bad", says: "Training or analysis would fail or go wrong." }, warning: { title: "Warnings", tone: "warn", says: "Probably a mistake." }, note: { title: "Notes", tone: "", says: "Good to know." } };
const MOST = 100;

export async function show(root, { key, api }) {
  await useStyle("refine.css");
  const ends = new AbortController();
  const body = h("div", { class: "refine-panel" });
  replace(root, h("div", { class: "sheet" }, h("header", {}, h("h1", {}, "Check"), h("p", { class: "lead" }, "Settings, labels, pictures, videos and runs are looked at; nothing is changed.")), body));
  const path = api.path("projects", key, "check");
  const told = ({ done, total }) => {
    const share = total ? Math.round((100 * done) / total) : 0;
    replace(body, h("div", { class: "card" }, h("p", {}, total ? `Looking at pictures and labels: ${done} of ${total}` : "Looking at pictures and labels …"), h("div", { class: "progress" }, h("i", { style: { width: `${share}%` } }))));
  };
  const draw = (report) => replace(body, summary(report), suspects(report, api, key), Object.keys(LEVELS).map((level) => findings(report, level, key)));
  untilDone(() => api.get(path), { told, signal: ends.signal }).then(draw).catch((error) => {
    if (error.name !== "AbortError") replace(body, h("p", { class: "problem" }, error.message));
  });
  return () => ends.abort();
}

function summary(report) {
  const { n_frames: frames, n_points: points, n_videos: videos, errors, warnings } = report;
  const odd = report.proposals.length;
  const said = errors ? `${count(errors, "error")} to put right` : warnings ? count(warnings, "warning") : odd ? `No error, ${count(odd, "label")} to look at` : "Nothing is wrong";
  return h("section", { class: `card refine-verdict ${errors ? "bad" : warnings ? "" : "good"}` },
    h("div", {}, h("h2", { class: errors ? "bad" : warnings ? "warn" : "good" }, said), h("p", { class: "soft" }, `${count(points, "point")} in ${count(frames, "labeled frame")}, ${count(videos, "video")}.`)));
}

function suspects({ proposals, suspects_notes: notes }, api, key) {
  if (!proposals.length) return null;
  const cards = proposals.map((one) => suspectCard(one, { api, key }));
  return h("section", { class: "refine-stack" }, h("h2", {}, "Labels that may be mistakes ", h("span", { class: "tag" }, proposals.length)), notes.map((note) => h("p", { class: "small soft" }, note)), h("div", { class: "refine-thumbs" }, cards));
}

function findings({ findings: all }, level, key) {
  const some = all.filter((one) => one.level === level);
  if (!some.length) return null;
  const { title, tone, says } = LEVELS[level];
  const rows = some.slice(0, MOST).map(({ where, message }) => h("tr", {}, h("td", { class: "mono small" }, place(where, key)), h("td", {}, message)));
  const left = some.length - MOST;
  return h("section", { class: "refine-stack" }, h("div", {}, h("h2", { class: tone }, title, " ", h("span", { class: "tag" }, some.length)), h("p", { class: "small soft" }, says)),
    h("div", { class: "card refine-scroll" }, h("table", { class: "table" }, h("tbody", {}, rows))), left > 0 && h("p", { class: "small soft" }, `and ${count(left, "more finding")}; 'markerless check' lists all`));
}

/** A picture of `labeled-data` leads to its labels. */
function place(where, key) {
  const found = /^labeled-data\/([^/]+)\/([^/]+\.(?:png|jpe?g|bmp|tiff?))/i.exec(where);
  return found ? h("a", { href: addressOf(key, "label", { video: found[1], frame: found[2] }) }, where) : where;
}
