// How the picture lies in the canvas: {scale, left, top} as in coords.js. Every function gives a new view.
import { toCanvas } from "../coords.js";

export const MOST_SCALE = 40;
const MARGIN = 10;
const LEAST_SEEN = 60; // canvas pixels of the picture that cannot be pushed out of sight

/** The whole picture in the middle of the box; sizes are {width, height}. */
export function fitted(picture, box) {
  const width = Math.max(box.width - 2 * MARGIN, 1);
  const height = Math.max(box.height - 2 * MARGIN, 1);
  const scale = Math.min(width / picture.width, height / picture.height, MOST_SCALE);
  return { scale, left: (box.width - picture.width * scale) / 2, top: (box.height - picture.height * scale) / 2 };
}

/** `factor` times as large, with the same place of the picture below the canvas position `at`. */
export function zoomed(view, at, factor, picture, box) {
  const least = Math.min(fitted(picture, box).scale, 1) / 2;
  const scale = Math.min(Math.max(view.scale * factor, least), MOST_SCALE);
  const by = scale / view.scale;
  return kept({ scale, left: at[0] - (at[0] - view.left) * by, top: at[1] - (at[1] - view.top) * by }, picture, box);
}

/** Moved by canvas pixels. */
export function panned(view, dx, dy, picture, box) {
  return kept({ ...view, left: view.left + dx, top: view.top + dy }, picture, box);
}

/** The same scale, with the image point `xy` in the middle. */
export function centered(view, xy, picture, box) {
  const [x, y] = toCanvas(xy, view);
  return panned(view, box.width / 2 - x, box.height / 2 - y, picture, box);
}

/** True when the canvas position lies on the picture. */
export function isInside([x, y], view, picture) {
  const [column, row] = [(x - view.left) / view.scale, (y - view.top) / view.scale];
  return column >= 0 && row >= 0 && column <= picture.width && row <= picture.height;
}

/** True for a point well inside the box, so that there is no need to move the view for it. */
export function isInSight(xy, view, box) {
  const [x, y] = toCanvas(xy, view);
  return x > MARGIN && y > MARGIN && x < box.width - MARGIN && y < box.height - MARGIN;
}

function kept(view, picture, box) {
  const [width, height] = [picture.width * view.scale, picture.height * view.scale];
  return { scale: view.scale, left: within(view.left, width, box.width), top: within(view.top, height, box.height) };
}

function within(start, length, room) {
  const seen = Math.min(LEAST_SEEN, length, room);
  return Math.min(Math.max(start, seen - length), room - seen);
}
