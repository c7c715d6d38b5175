// Errors by keypoint before and after: a table whose middle column is a chart.
import { cssColor } from "../colors.js";
import { h, svg } from "../dom.js";
import { axisTo, largestOf } from "./geometry.js";
import { interval, px, signed, verdictOf } from "./words.js";

const WIDTH = 420;
const HEIGHT = 34;
const PAD = 10;

/** The table of one group: a row over all points, then one for each keypoint. */
export function keypointTable(group, { keypoints, palette, before, after }) {
  const rows = keypoints.map((name, k) => ({ name, color: cssColor(palette, k), change: group.per_keypoint[name] }));
  return table("Keypoint", [{ name: "All points", change: group, isAll: true }, ...rows], { before, after });
}

/** A row for each video, the one that changed most first. */
export function videoTable(group, { before, after }) {
  const rows = Object.entries(group.per_video).map(([name, change]) => ({ name, change }));
  rows.sort((a, b) => Math.abs(b.change.change_px) - Math.abs(a.change.change_px));
  return table("Video", rows, { before, after });
}

function table(what, rows, { before, after }) {
  const axis = axisTo(largestOf(rows.map(({ change }) => change)));
  const head = h("tr", {}, [what, axisHead(axis), before, after, "Change (px)", "95 in 100", ""].map((cell, i) => h("th", { scope: "col", class: i > 1 && i < 6 ? "number" : null }, cell)));
  const body = rows.map(({ name, color, change, isAll }) => row(name, color, change, axis, isAll ? "all" : null));
  return h("div", { class: "refine-scroll" }, h("table", { class: "table refine-table" }, h("thead", {}, head), h("tbody", {}, body)));
}

function row(name, color, change, axis, className = null) {
  const title = h("th", { scope: "row" }, color && h("i", { class: "dot", style: { background: color } }), name);
  if (!change) return h("tr", {}, title, h("td", { colspan: 6, class: "soft small" }, "not labeled in these frames"));
  const { text, tone } = verdictOf(change);
  return h("tr", { class: className },
    title,
    h("td", { class: "refine-plot" }, plot(change, axis)),
    h("td", { class: "number" }, px(change.before_px)),
    h("td", { class: "number" }, px(change.after_px)),
    h("td", { class: `number ${tone}` }, h("b", {}, signed(change.change_px))),
    h("td", { class: "number soft" }, interval(change.change_interval)),
    h("td", { class: `small ${tone || "soft"}` }, text));
}

function axisHead({ end, marks }) {
  const labels = marks.map((mark) => svg("text", { x: at(mark, end), y: 16, class: mark === marks.at(-1) ? "refine-mark last" : "refine-mark" }, mark));
  return svg("svg", { viewBox: `0 0 ${WIDTH} 22`, class: "refine-axis", role: "img", "aria-label": "mean error in px" }, labels);
}

function plot(change, { end, marks }) {
  const lines = marks.map((mark) => svg("line", { x1: at(mark, end), x2: at(mark, end), y1: 0, y2: HEIGHT, class: "refine-grid" }));
  const [before, after] = [at(change.before_px, end), at(change.after_px, end)];
  const said = `before ${px(change.before_px)} px, after ${px(change.after_px)} px`;
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said },
    lines,
    range(change.before_interval, end, 11, "before"),
    range(change.after_interval, end, 24, "after"),
    svg("line", { x1: before, x2: after, y1: 11, y2: 24, class: "refine-link" }),
    svg("circle", { cx: before, cy: 11, r: 4.5, class: "refine-dot before" }),
    svg("circle", { cx: after, cy: 24, r: 5, class: `refine-dot after ${change.verdict}` }));
}

function range(pair, end, y, kind) {
  return pair && svg("line", { x1: at(pair[0], end), x2: at(pair[1], end), y1: y, y2: y, class: `refine-range ${kind}` });
}

const at = (value, end) => PAD + (WIDTH - 2 * PAD) * Math.min(value / end, 1);
