// The floor below a scene: a grid of round steps, level, below the lowest points. No page elements here.
import { add, dot, levels } from "./orbit.js";

const ROOM = 0.15; // of the scene, on every side

/** The round number (1, 2, 5 times a power of ten) that is nearest below a length. */
export function roundStep(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].map((digit) => digit * power).find((one) => one <= length * (1 + 1e-9)) ?? power;
}

/** {height, step, origin, lines: [[from, to], ...], corners}: lines of a level grid below the box `[low, high]`. */
export function floorOf([low, high], up, about = 8) {
  const { ahead, aside } = levels(up);
  const corners = cornersOf([low, high]);
  const reach = (axis) => { const all = corners.map((one) => dot(one, axis)); return [Math.min(...all), Math.max(...all)]; };
  const [a, b, c] = [reach(ahead), reach(aside), reach(up)];
  const size = Math.max(a[1] - a[0], b[1] - b[0], 1e-9);
  const step = roundStep(size / about);
  const height = groundOf(c, size);
  const ends = ([from, to]) => [Math.floor((from - ROOM * size) / step), Math.ceil((to + ROOM * size) / step)];
  const [first, second] = [ends(a), ends(b)];
  const at = (i, j) => add(add(up.map((one) => one * height), ahead, i * step), aside, j * step);
  const lines = [];
  for (let i = first[0]; i <= first[1]; i++) lines.push([at(i, second[0]), at(i, second[1])]);
  for (let j = second[0]; j <= second[1]; j++) lines.push([at(first[0], j), at(first[1], j)]);
  return { height, step, lines, origin: at(first[0], second[0]), corners: [at(first[0], second[0]), at(first[1], second[0]), at(first[1], second[1]), at(first[0], second[1])] };
}

/** Height 0 where that can be the ground: just below the points; else that of the lowest points. */
function groundOf([low, high], size) {
  const room = 0.25 * Math.max(high - low, 0.2 * size);
  return low >= -0.02 * size && low <= room ? 0 : low;
}

export function cornersOf([low, high]) {
  return Array.from({ length: 8 }, (_, i) => [0, 1, 2].map((axis) => (i >> axis & 1 ? high : low)[axis]));
}
