// A drawing of a skeleton: dots where an animal has been labeled, lines, and arcs between the two of a mirror pair.
import { cssColor } from "../colors.js";
import { svg } from "../dom.js";

const HALF = 50; // of the drawing, between the outermost dots
const MARGIN = 16;
const MOST_FOR_NAMES = 44;
const WIDTH_OF_A_LETTER = 2.8;
const CLOSE = 24; // a dot that near is in the way of a name
const SIDES = [{ name: "right", toward: [1, 0] }, { name: "left", toward: [-1, 0] }, { name: "above", toward: [0, -1] }, { name: "below", toward: [0, 1] }];

/** Where to draw each keypoint, `[x, y]` around 0: as in `pose` (`[x, y]` px or null each), the others in a row below. */
export function places(pose, n) {
  const known = (pose ?? []).filter(Boolean);
  if (known.length < 2) return Array.from({ length: n }, (_, k) => [HALF * Math.cos((2 * Math.PI * k) / n), HALF * Math.sin((2 * Math.PI * k) / n)]);
  const [xs, ys] = [known.map(([x]) => x), known.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const size = Math.max(right - left, bottom - top, 1e-6) / (2 * HALF);
  const lone = Array.from({ length: n }, (_, k) => k).filter((k) => !pose[k]);
  const below = (bottom - top) / size / 2 + 14;
  return Array.from({ length: n }, (_, k) => (pose[k]
    ? [(pose[k][0] - (left + right) / 2) / size, (pose[k][1] - (top + bottom) / 2) / size]
    : [(lone.indexOf(k) - (lone.length - 1) / 2) * Math.min(14, (2 * HALF) / lone.length), below]));
}

/** At which side of each keypoint its name stands: away from the lines that begin there and from dots close by. */
export function sidesOf(at, edges) {
  return at.map(([x, y], k) => {
    const away = ([ox, oy]) => Math.hypot(ox - x, oy - y) || 1;
    const isNear = (other, o) => o !== k && (away(other) < CLOSE || edges.some((edge) => edge.includes(k) && edge.includes(o)));
    const others = at.filter(isNear).map((other) => [(other[0] - x) / away(other), (other[1] - y) / away(other)]);
    const blocked = ({ toward: [dx, dy] }) => Math.max(-1, ...others.map(([ox, oy]) => ox * dx + oy * dy));
    return SIDES.reduce((best, side) => (blocked(side) < blocked(best) - 0.01 ? side : best)).name;
  });
}

/** The drawing. `chosen` gets the index of a dot that is clicked; without it dots cannot be clicked. */
export function drawing({ keypoints, palette, edges, pairs = [], at, selected = null, chosen = null }) {
  const most = Math.max(HALF, ...at.map(([, y]) => Math.abs(y)));
  const line = ([a, b]) => svg("line", { x1: at[a][0], y1: at[a][1], x2: at[b][0], y2: at[b][1] });
  const dots = at.map(([cx, cy], k) => svg("circle", { cx, cy, r: k === selected ? 5 : 3.6, fill: cssColor(palette, k), class: k === selected ? "selected" : null }));
  const sides = sidesOf(at, edges);
  const name = (k) => {
    const [dx, dy] = SIDES.find((side) => side.name === sides[k]).toward;
    return svg("text", { x: at[k][0] + 6.5 * dx, y: at[k][1] + 1.6 + 7.8 * dy, class: sides[k] }, keypoints[k]);
  };
  const margin = chosen ? Math.min(MOST_FOR_NAMES, Math.max(MARGIN, 7 + WIDTH_OF_A_LETTER * Math.max(...keypoints.map((text) => text.length)))) : MARGIN;
  const targets = chosen ? at.map(([x, y], k) => svg("g", { role: "button", tabindex: "0", "aria-label": keypoints[k], "aria-pressed": String(k === selected), onclick: () => chosen(k), onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); chosen(k); } } }, svg("circle", { cx: x, cy: y, r: 8, class: "target" }), svg("title", {}, keypoints[k]), name(k))) : at.map(([x, y], k) => svg("circle", { cx: x, cy: y, r: 8, class: "target" }, svg("title", {}, keypoints[k])));
  return svg("svg", { class: "skeleton-drawing", viewBox: `${-HALF - margin} ${-most - 12} ${2 * (HALF + margin)} ${2 * most + 24}`, role: chosen ? "group" : "img", "aria-label": "skeleton" }, edges.map(line), pairs.map((pair) => arc(at, pair)), dots, targets);
}

function arc(at, [a, b]) {
  const [[x1, y1], [x2, y2]] = [at[a], at[b]];
  const [bx, by] = [(x1 + x2) / 2 - (y2 - y1) * 0.25, (y1 + y2) / 2 + (x2 - x1) * 0.25];
  return svg("path", { d: `M${x1} ${y1} Q${bx} ${by} ${x2} ${y2}`, class: "mirror" });
}
