// Lines over a number, drawn as SVG in the colors of the page.
import { h, svg } from "./dom.js";
import { logTicks, smoothed } from "./chart_scale.js";

const BOX = { width: 720, height: 260, left: 52, right: 12, top: 10, bottom: 30 };

/** `lines`: [{name, x, y, color}]; the y axis is logarithmic. Faint: the values; strong: their running mean. */
export function lineChart({ lines, xName, yName }) {
  const values = lines.flatMap(({ y }) => y).filter((value) => value > 0);
  if (values.length < 2) return h("p", { class: "soft" }, "The curve begins after the first steps.");
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const most = Math.max(...lines.flatMap(({ x }) => x));
  const { width, height, left, right, top, bottom } = BOX;
  const atX = (x) => left + ((width - left - right) * x) / most;
  const atY = (y) => top + ((height - top - bottom) * (Math.log(high) - Math.log(y))) / Math.max(Math.log(high) - Math.log(low), 1e-9);
  const path = (x, y) => x.map((value, i) => (y[i] > 0 ? `${atX(value).toFixed(1)},${atY(y[i]).toFixed(1)}` : null)).filter(Boolean).join(" ");
  const ticks = logTicks(low, high).map((value) => [svg("line", { class: "chart-grid", x1: left, x2: width - right, y1: atY(value), y2: atY(value) }), svg("text", { x: left - 8, y: atY(value) + 4, "text-anchor": "end" }, String(value))]);
  const curves = lines.flatMap(({ x, y, color }) => [svg("polyline", { points: path(x, y), class: "chart-faint", style: { stroke: color } }), svg("polyline", { points: path(x, smoothed(y)), class: "chart-strong", style: { stroke: color } })]);
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => svg("text", { x: atX(share * most), y: height - 10, "text-anchor": share === 1 ? "end" : "middle" }, Math.round(share * most)));
  const label = svg("text", { x: left + 8, y: top + 12, class: "chart-name" }, `${yName} by ${xName}`);
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${yName} by ${xName}` }, ticks, curves, steps, label);
}
