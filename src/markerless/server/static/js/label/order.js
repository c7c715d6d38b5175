// Which keypoint comes next. `points` are those of one animal in the order of the skeleton; "open" is what nobody has
// decided on.
import { isOpen } from "./points.js";

/** The first open keypoint after `from`, around the end, those in `skipped` last; null when all are decided. */
export function nextOpen(points, from = -1, skipped = new Set()) {
  const around = points.map((_, i) => (from + 1 + i + points.length) % points.length);
  const open = around.filter((k) => isOpen(points[k]));
  return open.find((k) => !skipped.has(k)) ?? open[0] ?? null;
}

/** The keypoint `by` places further, around the end; from nowhere, the first or the last. */
export function stepped(from, by, count) {
  if (count === 0) return null;
  if (from === null) return by > 0 ? 0 : count - 1;
  return (((from + by) % count) + count) % count;
}

/**
 * Name of the row before (`by` -1) or behind (1) `current` in `names`; null at the end. `places` gives every name's place
 * in the whole folder: a frame that the filter hides stands where it would be.
 */
export function neighbor(names, current, by, places) {
  const here = places.get(current) ?? -1;
  if (by > 0) return names.find((name) => places.get(name) > here) ?? null;
  return names.findLast((name) => places.get(name) < here) ?? null;
}

/** The next frame after `current`, around the end, for which `wanted` holds; null when there is none. */
export function nextWanted(names, current, by, wanted) {
  const count = names.length;
  const here = Math.max(names.indexOf(current), 0);
  for (let i = 1; i < count; i++) {
    const name = names[(here + i * by + count) % count];
    if (wanted(name)) return name;
  }
  return null;
}
