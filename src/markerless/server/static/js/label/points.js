// What is known of one keypoint of one animal in one frame: {xy, visibility, who, time, id}. `id` is that of the last
// change when it is known.

export const OPEN = 0; // nobody has said anything
export const OCCLUDED = 1; // placed, but hidden in the picture
export const VISIBLE = 2;
export const ABSENT = 3; // looked for, and not there

export const NOTHING = Object.freeze({ xy: null, visibility: OPEN, who: "", time: "", id: null });

const SAME_PX = 1e-3; // as the server has it: spreadsheets round
const DECIMALS = 2; // finer than any hand, and short in a table

export const isPlaced = (point) => point.xy !== null;
export const isOpen = (point) => point.visibility === OPEN;

/** True when both say the same of the same place. */
export function same(one, other) {
  if (one.visibility !== other.visibility || (one.xy === null) !== (other.xy === null)) return false;
  return one.xy === null || one.xy.every((value, i) => Math.abs(value - other.xy[i]) <= SAME_PX);
}

/** A place that may be stored: in the picture, its outer edge included, on a grid far finer than a pixel. */
export function storable([x, y], picture) {
  return [round(clamp(x, picture.width)), round(clamp(y, picture.height))];
}

/** "placed", "hidden", "absent" or "open", for people. */
export function stateName(point) {
  return ["open", "hidden", "placed", "absent"][point.visibility];
}

function clamp(value, length) {
  return Math.min(Math.max(value, -0.5), length - 0.5);
}

function round(value) {
  return Number(value.toFixed(DECIMALS)) + 0; // + 0 turns -0 into 0
}
