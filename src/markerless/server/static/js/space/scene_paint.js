// Painting of the scene's parts. `on` is {context, eye, colors, isDark, palette, box}; shown points are {x, y, depth, xyz,
// keypoint, error}, or null where there is nothing to paint.
import { cssColor, lineColor } from "../colors.js";
import { add, dot, unit } from "./orbit.js";

const AXES = [["x", "#d1495b", "#ff7b8a"], ["y", "#2f8f4e", "#63d08a"], ["z", "#2f6fde", "#7aabff"]];
const TRAIL_PARTS = 6; // from faint to strong
const DOT_PX = 5.2;

export function drawFloor(on, floor) {
  const { context, isDark } = on;
  fillPlane(on, floor.corners, isDark ? "rgb(255 255 255 / 2.5%)" : "rgb(255 255 255 / 55%)");
  context.lineWidth = 1;
  context.strokeStyle = isDark ? "rgb(255 255 255 / 11%)" : "rgb(20 28 40 / 13%)";
  context.beginPath();
  for (const [from, to] of floor.lines) line(on, from, to);
  context.stroke();
  AXES.forEach(([name, light, dark], axis) => {
    const tip = [...floor.origin];
    tip[axis] += 1.6 * floor.step;
    context.strokeStyle = context.fillStyle = isDark ? dark : light;
    context.lineWidth = 2.2;
    context.beginPath();
    line(on, floor.origin, tip);
    context.stroke();
    const end = [...tip];
    end[axis] += 0.35 * floor.step;
    label(on, end, name);
  });
}

export function drawFrusta(on, frusta) {
  const { context, colors } = on;
  for (const { name, apex, corners, isNearer } of frusta) {
    fillPlane(on, corners, on.isDark ? "rgb(92 179 238 / 13%)" : "rgb(0 100 164 / 10%)");
    context.strokeStyle = colors.accent;
    context.lineWidth = 1.3;
    context.setLineDash(isNearer ? [4, 3] : []);
    context.beginPath();
    corners.forEach((corner, i) => { line(on, apex, corner); line(on, corner, corners[(i + 1) % 4]); });
    context.stroke();
    context.setLineDash([]);
    const above = unit(add(corners[0], corners[3], -1)); // of the picture
    context.fillStyle = colors.accent;
    label(on, add(apex, above, 0.8 * Math.hypot(...add(corners[0], corners[3], -1))), name);
  }
}

/** Paths that points took until now, from faint to strong. */
export function drawTrails(on, trails, hidden) {
  const { context, palette, eye } = on;
  const at = [0, 0, 0];
  context.lineJoin = context.lineCap = "round";
  for (const { keypoint, path } of trails) {
    if (hidden.has(keypoint)) continue;
    const n = path.length / 3;
    for (let part = 0; part < TRAIL_PARTS; part++) {
      const [from, to] = [Math.floor((part * n) / TRAIL_PARTS), Math.min(Math.floor(((part + 1) * n) / TRAIL_PARTS) + 1, n)];
      context.strokeStyle = lineColor(palette, keypoint, 0.12 + (0.6 * part) / (TRAIL_PARTS - 1), on.isDark);
      context.lineWidth = 1 + part / TRAIL_PARTS;
      context.beginPath();
      let isDown = false;
      for (let i = from; i < to; i++) {
        eye.project(path[3 * i], path[3 * i + 1], path[3 * i + 2], at);
        if (!Number.isFinite(at[0])) { isDown = false; continue; }
        if (isDown) context.lineTo(at[0], at[1]); else context.moveTo(at[0], at[1]);
        isDown = true;
      }
      context.stroke();
    }
  }
}

/** What lies straight below the points, on the floor: it tells how high they are. */
export function drawShadows(on, shown, edges, floor, up) {
  const { context, eye, isDark } = on;
  const below = (point) => eye.project(...add(point.xyz, up, floor.height - dot(point.xyz, up)), [0, 0, 0]);
  const feet = shown.map((point) => point && below(point));
  context.strokeStyle = context.fillStyle = isDark ? "rgb(0 0 0 / 60%)" : "rgb(20 28 40 / 16%)";
  context.lineWidth = 3;
  context.lineCap = "round";
  context.beginPath();
  for (const [a, b] of edges) {
    if (!feet[a] || !feet[b]) continue;
    context.moveTo(feet[a][0], feet[a][1]);
    context.lineTo(feet[b][0], feet[b][1]);
  }
  context.stroke();
  for (const foot of feet) if (foot) disc(context, foot[0], foot[1], 2.6);
}

/** The expected error: a ball of that radius. */
export function drawErrors(on, shown) {
  const { context, palette, eye } = on;
  for (const point of shown) {
    if (!point || !(point.error > 0)) continue;
    context.fillStyle = cssColor(palette, point.keypoint, 0.18);
    context.strokeStyle = lineColor(palette, point.keypoint, 0.7, on.isDark);
    context.lineWidth = 1;
    context.beginPath();
    context.arc(point.x, point.y, (point.error * eye.focal) / point.depth, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/** The limbs, far ones first, from the color of one end to that of the other. */
export function drawBones(on, shown, edges) {
  const { context, palette } = on;
  const bones = edges.map(([a, b]) => [shown[a], shown[b]]).filter(([a, b]) => a && b).sort((p, q) => q[0].depth + q[1].depth - p[0].depth - p[1].depth);
  context.lineCap = "round";
  for (const [a, b] of bones) {
    const ramp = context.createLinearGradient(a.x, a.y, b.x, b.y);
    ramp.addColorStop(0, lineColor(palette, a.keypoint, 0.95, on.isDark));
    ramp.addColorStop(1, lineColor(palette, b.keypoint, 0.95, on.isDark));
    for (const [width, color] of [[4.6, on.isDark ? "rgb(0 0 0 / 55%)" : "rgb(255 255 255 / 80%)"], [2.8, ramp]]) {
      context.lineWidth = width;
      context.strokeStyle = color;
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
      context.stroke();
    }
  }
}

/** The points, far ones first and smaller; `size` 1 as a rule. */
export function drawDots(on, shown, distance, size) {
  const { context, palette, isDark } = on;
  for (const point of shown.filter(Boolean).sort((a, b) => b.depth - a.depth)) {
    const radius = size * DOT_PX * Math.min(Math.max(distance / point.depth, 0.6), 1.8);
    context.fillStyle = cssColor(palette, point.keypoint);
    context.strokeStyle = isDark ? "rgb(0 0 0 / 75%)" : "rgb(255 255 255 / 95%)";
    context.lineWidth = 1.6;
    disc(context, point.x, point.y, radius);
    context.stroke();
    context.strokeStyle = isDark ? "rgb(255 255 255 / 55%)" : "rgb(20 28 40 / 55%)";
    context.lineWidth = 0.8;
    context.stroke();
  }
}

export function drawNames(on, shown, keypoints) {
  const { context, colors } = on;
  context.font = "600 11px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = colors.sunken;
  context.fillStyle = colors.ink;
  for (const point of shown) {
    if (!point) continue;
    context.strokeText(keypoints[point.keypoint], point.x + 9, point.y);
    context.fillText(keypoints[point.keypoint], point.x + 9, point.y);
  }
}

/** A line in space; what lies behind the eye is cut off. */
function line({ context, eye }, from, to) {
  const depth = (point) => dot(add(point, eye.place, -1), eye.forward) - 2 * eye.near;
  const [a, b] = [depth(from), depth(to)];
  if (a <= 0 && b <= 0) return;
  const cut = () => add(from, add(to, from, -1), a / (a - b));
  const start = eye.project(...(a > 0 ? from : cut()), [0, 0, 0]);
  const end = eye.project(...(b > 0 ? to : cut()), [0, 0, 0]);
  context.moveTo(start[0], start[1]);
  context.lineTo(end[0], end[1]);
}

function fillPlane({ context, eye }, corners, color) {
  const places = corners.map((corner) => eye.project(...corner, [0, 0, 0]));
  if (places.some(([x]) => !Number.isFinite(x))) return;
  context.fillStyle = color;
  context.beginPath();
  places.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.fill();
}

function label({ context, eye }, place, text) {
  const [x, y] = eye.project(...place, [0, 0, 0]);
  if (!Number.isFinite(x)) return;
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x, y);
}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
