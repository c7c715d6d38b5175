// The same frame before and after, side by side: labels as rings, predictions as dots, a line for each error.
import { cssColor } from "../colors.js";
import { toCanvas } from "../coords.js";
import { dialog } from "../dialogs.js";
import { h, svg } from "../dom.js";
import { addressOf } from "../routes.js";
import { boxAround } from "./geometry.js";
import { px, signed } from "./words.js";

const SHOWN_PX = 270; // width of a picture on the page, for the sizes of dots
const WHOLE_PX = 620;

/** A card of one frame. `row` are its means, `frame` its points, `about` the comparison. */
export function pairCard(row, frame, about, place) {
  const box = boxAround([frame.labeled, frame.before, frame.after], frame.size);
  const tone = row.much === "worse" ? "bad" : row.much === "better" ? "good" : "";
  const open = () => showWhole(row, frame, about, place);
  const side = (which) => h("figure", {},
    h("button", { class: "refine-picture", type: "button", title: "The whole frame", onclick: open }, picture(frame, which, about, place, { box, shown: SHOWN_PX })),
    h("figcaption", {}, h("span", {}, about[which]), h("b", { class: "number" }, `${px(row[`${which}_px`])} px`)));
  return h("article", { class: "card refine-pair" },
    h("header", { class: "row apart" }, h("span", { class: "mono small" }, `${frame.folder}/${frame.picture}`), h("b", { class: `number ${tone}` }, `${signed(row.change_px)} px`)),
    h("div", { class: "refine-sides" }, side("before"), side("after")),
    h("footer", { class: "row apart small" }, worst(frame, about), h("a", { href: addressOf(place.key, "label", { video: frame.folder, frame: frame.picture }) }, "Labels")));
}

/** What the rings and dots mean. */
export function legend() {
  const ring = svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16 }, svg("circle", { cx: 8, cy: 8, r: 5, class: "refine-key" }));
  const dot = svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16 }, svg("circle", { cx: 8, cy: 8, r: 4.5, class: "refine-key full" }));
  return h("span", { class: "refine-legend small soft" }, ring, "label", dot, "prediction");
}

/** The point that changed most, in words. */
function worst(frame, { keypoints }) {
  const changes = keypoints.map((name, k) => ({ name, change: frame.errors_after[k] - frame.errors_before[k] })).filter(({ change }) => Number.isFinite(change));
  changes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  return h("span", { class: "soft" }, changes.length ? `most: ${changes[0].name} ${signed(changes[0].change)} px` : "");
}

function showWhole(row, frame, about, place) {
  const [width, height] = frame.size;
  const box = { left: 0, top: 0, width, height };
  const side = (which) => h("figure", {}, picture(frame, which, about, place, { box, shown: WHOLE_PX }), h("figcaption", {}, h("span", {}, about[which]), h("b", { class: "number" }, `${px(row[`${which}_px`])} px`)));
  const rows = about.keypoints.map((name, k) => h("tr", {},
    h("td", {}, h("i", { class: "dot", style: { background: cssColor(about.palette, k) } }), name),
    h("td", { class: "number" }, px(frame.errors_before[k])), h("td", { class: "number" }, px(frame.errors_after[k])), h("td", { class: "number" }, signed(frame.errors_after[k] - frame.errors_before[k]))));
  const head = h("tr", {}, ["Keypoint", about.before, about.after, "Change (px)"].map((cell, i) => h("th", { class: i ? "number" : null }, cell)));
  const body = h("div", { class: "refine-whole", tabindex: -1, autofocus: true }, h("div", { class: "refine-sides" }, side("before"), side("after")), legend(), h("table", { class: "table" }, h("thead", {}, head), h("tbody", {}, rows)));
  document.body.classList.add("refine-wide");
  dialog({ title: `${frame.folder}/${frame.picture}`, body: [body] }).then(() => document.body.classList.remove("refine-wide"));
}

/** A part of the frame with what one run says in it. */
function picture(frame, which, about, { key, api }, { box, shown }) {
  const query = api.query({ ...box, to: Math.min(2048, Math.round(shown * 2)) });
  const source = `api/${api.path("projects", key, "refine", "crops", frame.folder, frame.picture)}${query}`;
  const unit = box.width / shown; // of the picture, for a pixel of the page
  const view = { scale: 1, left: -box.left, top: -box.top };
  const place = (point) => (point ? toCanvas(point, view) : null);
  const said = frame[which].map(place);
  const labeled = frame.labeled.map(place);
  const marks = about.keypoints.map((_, k) => mark(labeled[k], said[k], cssColor(about.palette, k), unit));
  const edges = about.edges.filter(([a, b]) => said[a] && said[b]).map(([a, b]) => line(said[a], said[b], "refine-edge", unit));
  const overlay = svg("svg", { viewBox: `0 0 ${box.width} ${box.height}`, "aria-hidden": "true" }, edges, marks);
  const alt = `${frame.picture} with labels and what ${about[which]} says`;
  return h("div", { class: "refine-frame", style: { "aspect-ratio": `${box.width} / ${box.height}` } }, h("img", { src: source, alt, loading: "lazy" }), overlay);
}

function mark(label, prediction, color, unit) {
  return [
    label && prediction && line(label, prediction, "refine-error", unit, color),
    label && svg("circle", { cx: label[0], cy: label[1], r: 5.5 * unit, class: "refine-ring under", "stroke-width": 3.4 * unit }),
    label && svg("circle", { cx: label[0], cy: label[1], r: 5.5 * unit, class: "refine-ring", stroke: color, "stroke-width": 1.6 * unit }),
    prediction && svg("circle", { cx: prediction[0], cy: prediction[1], r: 3.2 * unit, class: "refine-point", fill: color, "stroke-width": 1 * unit }),
  ];
}

function line([x1, y1], [x2, y2], name, unit, color = null) {
  return svg("line", { x1, y1, x2, y2, class: name, stroke: color, "stroke-width": 1.4 * unit });
}
