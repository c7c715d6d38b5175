// Step 2: pictures that wait for labels, and those that were labeled or changed since the last run.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { count } from "./words.js";

const THUMB_PX = 240;

export function correctPanel(node, told, place) {
  const parts = [
    list("waiting", told, "Waiting for labels", "Predictions are shown as starting points: move what is wrong, accept the rest.", place),
    list("fresh", told, "Labeled since the last run", `${told.run ?? "The last run"} has not seen them.`, place),
    list("changed", told, "Corrected since the last run", `${told.run ?? "The last run"} learned from what they were before.`, place),
  ].filter(Boolean);
  const none = h("div", { class: "empty" }, h("h2", {}, "Nothing to correct"), h("p", {}, "Take suspicious frames out of a video first, or extract frames."), h("a", { class: "button main", href: addressOf(place.key, "refine", { step: "find" }) }, "Find frames"));
  replace(node, parts.length ? parts : none);
}

function list(id, told, title, says, { api, key }) {
  const images = told[id];
  if (!images.length) return null;
  const [first] = images;
  const begin = id === "waiting" && h("a", { class: "button main", href: addressOf(key, "label", { video: first.folder, frame: first.picture }) }, "Label them");
  const cards = images.map(({ folder, picture }) => h("a", { class: "refine-thumb", href: addressOf(key, "label", { video: folder, frame: picture }) },
    h("img", { src: `api/${api.path("projects", key, "pictures", folder, picture)}${api.query({ width: THUMB_PX })}`, alt: "", loading: "lazy" }),
    h("span", { class: "small mono" }, `${folder}/${picture}`)));
  const left = told[`n_${id}`] - images.length;
  return h("section", { class: "refine-stack" },
    h("div", { class: "row apart" }, h("div", {}, h("h2", {}, title, " ", h("span", { class: "tag" }, told[`n_${id}`])), h("p", { class: "small soft" }, says)), begin),
    h("div", { class: "refine-thumbs" }, cards), left > 0 && h("p", { class: "small soft" }, `and ${count(left, "more picture")}`));
}
