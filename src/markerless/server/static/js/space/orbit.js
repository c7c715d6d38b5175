// How the scene is looked at: an orbit around a target. {target, azimuth, elevation, distance, up}: angles in radians, the
// azimuth around `up`, the rest in the unit of the result. Every function gives a new orbit. No page elements here.

export const FOCAL = 1.5; // of the smaller side of the canvas: a mild perspective
const MOST_ELEVATION = Math.PI / 2 - 0.01;
const MARGIN = 1.12;

export const add = (a, b, factor = 1) => [a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const unit = (a) => { const n = Math.hypot(...a) || 1; return [a[0] / n, a[1] / n, a[2] / n]; };

/** Two level directions, at right angles to `up` and to each other: {ahead, aside}, ahead x aside = up. */
export function levels(up) {
  const least = [0, 1, 2].reduce((best, i) => (Math.abs(up[i]) < Math.abs(up[best]) - 1e-9 ? i : best), 0);
  const axis = [0, 0, 0];
  axis[least] = 1;
  const ahead = unit(add(axis, up, -dot(axis, up)));
  return { ahead, aside: cross(up, ahead) };
}

/** {right, down, forward} of the eye and where it is. */
export function eyeOf({ target, azimuth, elevation, distance, up }) {
  const { ahead, aside } = levels(up);
  const level = add([0, 0, 0].map((_, i) => Math.cos(azimuth) * ahead[i]), aside, Math.sin(azimuth));
  const out = unit(add(level.map((one) => one * Math.cos(elevation)), up, Math.sin(elevation)));
  const forward = out.map((one) => -one);
  const right = unit(cross(forward, up));
  return { right, down: cross(forward, right), forward, place: add(target, out, distance) };
}

/** A function `project(x, y, z, out)` that writes canvas x, y and the depth; NaN at and behind the eye. `focal` is in px. */
export function projector(orbit, { width, height }) {
  const { right, down, forward, place } = eyeOf(orbit);
  const focal = FOCAL * Math.min(width, height);
  const near = orbit.distance * 0.02;
  const project = (x, y, z, out) => {
    const [a, b, c] = [x - place[0], y - place[1], z - place[2]];
    const depth = a * forward[0] + b * forward[1] + c * forward[2];
    const scale = depth > near ? focal / depth : NaN;
    out[0] = width / 2 + (a * right[0] + b * right[1] + c * right[2]) * scale;
    out[1] = height / 2 + (a * down[0] + b * down[1] + c * down[2]) * scale;
    out[2] = depth;
    return out;
  };
  return { project, focal, near, place, forward };
}

export function turned(orbit, dx, dy) {
  const elevation = Math.min(Math.max(orbit.elevation + dy * 0.008, -MOST_ELEVATION), MOST_ELEVATION);
  return { ...orbit, azimuth: orbit.azimuth - dx * 0.008, elevation };
}

/** What lies at the target's depth moves with the pointer. */
export function moved(orbit, dx, dy, { width, height }) {
  const { right, down } = eyeOf(orbit);
  const scale = orbit.distance / (FOCAL * Math.min(width, height));
  return { ...orbit, target: add(add(orbit.target, right, -dx * scale), down, -dy * scale) };
}

/** Nearer (`factor` below 1) or farther; what lies below the pointer at the target's depth stays there. */
export function nearer(orbit, factor, [x, y], { width, height }, [least, most]) {
  const distance = Math.min(Math.max(orbit.distance * factor, least), most);
  const { right, down } = eyeOf(orbit);
  const by = (orbit.distance - distance) / (FOCAL * Math.min(width, height));
  const target = add(add(orbit.target, right, (x - width / 2) * by), down, (y - height / 2) * by);
  return { ...orbit, distance, target };
}

/** The same direction, with all `points` in sight. */
export function fittedTo(orbit, points, { width, height }) {
  const low = [0, 1, 2].map((i) => Math.min(...points.map((one) => one[i])));
  const high = [0, 1, 2].map((i) => Math.max(...points.map((one) => one[i])));
  const target = low.map((one, i) => (one + high[i]) / 2);
  const { right, down, forward } = eyeOf({ ...orbit, target });
  const focal = FOCAL * Math.min(width, height);
  const distance = Math.max(...points.map((point) => {
    const from = add(point, target, -1);
    const across = Math.max(Math.abs(dot(from, right)) / (width / 2), Math.abs(dot(from, down)) / (height / 2));
    return MARGIN * focal * across - dot(from, forward);
  }));
  return { ...orbit, target, distance: Math.max(distance, 1e-9) };
}
