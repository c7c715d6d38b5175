// A small line chart in SVG. Colors are classes of css/chart.css, so that it follows light and dark by itself.
import { h, replace, svg } from "./dom.js";
import { nearest, pathOf, scale, shortNumber, thinned } from "./chart_scale.js";

const HEIGHT = 210;
const EDGE = { left: 46, right: 22, top: 10, bottom: 24 };

/**
 * `chart({title, xName, log, unit, empty, onPick})` -> `{node, draw(series), mark(x), say(empty), leave()}`. A series is
 * `{name, kind: "line" | "faint" | "dots", tone: 1..3, points: [[x, y], ...] sorted by x}`; y axes begin at 0 unless
 * `log`. `onPick(x)` is told of clicks, `mark(x)` draws a line; `empty` is said while there is nothing to draw.
 */
export function chart({ title, xName = "", log = false, unit = "", empty = "", onPick = null, xMax = 0 }) {
  const state = { series: [], marked: null, hovered: null, width: 0, xMax };
  const legend = h("div", { class: "chart-legend small soft" });
  const plot = svg("svg", { class: "chart-plot", height: HEIGHT, role: "img" });
  const says = h("div", { class: "chart-says small", hidden: true });
  const nothing = h("p", { class: "chart-empty soft small" }, empty);
  const node = h("figure", { class: "chart" }, h("figcaption", { class: "row apart" }, h("h3", {}, title), legend), h("div", { class: "chart-box" }, plot, says, nothing));

  const redraw = () => {
    const isEmpty = state.series.every(({ points }) => points.length === 0);
    nothing.hidden = !isEmpty;
    if (!state.width) return;
    state.frame = frameOf(state, log);
    paint(plot, state, { xName, isEmpty });
    plot.setAttribute("aria-label", `${title}${describe(state.series, unit)}`);
    hover(state.hovered);
  };
  const hover = (x) => {
    state.hovered = x;
    const found = x === null ? [] : state.series.filter(({ kind }) => kind !== "faint").map((one) => [one, nearest(one.points, x)]).filter(([, point]) => point);
    says.hidden = found.length === 0;
    plot.querySelector(".chart-cursor")?.remove();
    if (!found.length) return;
    const at = state.frame.x.at(found[0][1][0]);
    plot.append(svg("line", { class: "chart-cursor", x1: at, x2: at, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
    replace(says, `${xName} ${shortNumber(found[0][1][0])}: `, found.map(([one, [, y]], i) => [i ? ", " : "", h("b", {}, `${shortNumber(y)}${unit && ` ${unit}`}`), found.length > 1 ? ` ${one.name}` : ""]));
    says.style.setProperty("left", `${Math.min(Math.max(at, 70), state.width - 70)}px`);
  };
  const xOf = (event) => state.frame?.x.back(event.clientX - plot.getBoundingClientRect().left) ?? null;
  plot.addEventListener("pointermove", (event) => hover(xOf(event)));
  plot.addEventListener("pointerleave", () => hover(null));
  if (onPick) plot.addEventListener("click", (event) => { if (xOf(event) !== null) onPick(xOf(event)); });
  const observer = new ResizeObserver(([entry]) => { state.width = Math.floor(entry.contentRect.width); redraw(); });
  observer.observe(node);
  return {
    node,
    draw: (series, xMax = state.xMax) => {
      Object.assign(state, { series, xMax });
      replace(legend, series.length > 1 ? series.map(({ name, kind, tone = 1 }) => h("span", {}, h("i", { class: `chart-key tone-${tone} ${kind}` }), name)) : null);
      redraw();
    },
    mark: (x) => { state.marked = x; redraw(); },
    say: (words) => replace(nothing, words),
    leave: () => observer.disconnect(),
  };
}

function frameOf({ series, width, xMax }, log) {
  const points = series.flatMap((one) => one.points).filter(([, y]) => Number.isFinite(y) && (!log || y > 0));
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const largest = (values, least) => values.reduce((a, b) => Math.max(a, b), least);
  const lowest = ys.length ? ys.reduce((a, b) => Math.min(a, b)) : 1;
  const x = scale({ min: 0, max: largest(xs, xMax || 1), from: EDGE.left, to: width - EDGE.right, about: width / 90 });
  const y = scale({ min: log ? lowest : 0, max: largest(ys, lowest), from: HEIGHT - EDGE.bottom, to: EDGE.top, log });
  return { x, y };
}

function paint(plot, { series, frame, width, marked }, { xName, isEmpty }) {
  plot.setAttribute("width", width);
  const [x, y] = [frame.x, frame.y];
  const bottom = HEIGHT - EDGE.bottom;
  const grid = isEmpty ? [] : y.ticks.map((tick) => [
    svg("line", { class: "chart-grid", x1: EDGE.left, x2: width - EDGE.right, y1: y.at(tick), y2: y.at(tick) }),
    svg("text", { class: "chart-tick end", x: EDGE.left - 7, y: y.at(tick) + 4 }, shortNumber(tick))]);
  const below = x.ticks.filter((tick) => x.at(tick) <= width - EDGE.right + 1).map((tick, i) => svg("text", { class: `chart-tick ${i ? "middle" : ""}`, x: x.at(tick) - (i ? 0 : 4), y: bottom + 17 }, i ? shortNumber(tick) : `${xName} ${shortNumber(tick)}`));
  const axis = svg("line", { class: "chart-axis", x1: EDGE.left, x2: width - EDGE.right, y1: bottom, y2: bottom });
  const line = marked !== null && !isEmpty && svg("line", { class: "chart-mark", x1: x.at(marked), x2: x.at(marked), y1: EDGE.top, y2: bottom });
  plot.replaceChildren(...[grid, axis, isEmpty ? [] : below, line, series.map((one) => shape(one, frame, width))].flat(3).filter(Boolean));
}

function shape({ kind, tone = 1, points }, { x, y }, width) {
  const shown = points.filter(([, value]) => Number.isFinite(value));
  const path = svg("path", { class: `chart-line tone-${tone} ${kind}`, d: pathOf(thinned(shown, 2 * width), x.at, y.at) });
  const dots = kind === "dots" ? shown.map(([px, py]) => svg("circle", { class: `chart-dot tone-${tone}`, cx: x.at(px).toFixed(1), cy: y.at(py).toFixed(1), r: 3.2 })) : [];
  return [path, ...dots];
}

function describe(series, unit) {
  const last = series.filter(({ kind, points }) => kind !== "faint" && points.length).map(({ name, points }) => `${name}: last ${shortNumber(points.at(-1)[1])} ${unit}`.trim());
  return last.length ? `; ${last.join("; ")}` : "; nothing yet";
}
