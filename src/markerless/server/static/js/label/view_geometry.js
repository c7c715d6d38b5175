// How far a label is from where the other views put it. An entry is what they say of a keypoint: {views, xy, error, spread,
// isInside, isTorn, lines: [{view, xy: [[x, y], ...], spread: [...]}]}; all in pixels of the picture.

/** The nearest place of a line of straight pieces: {at, px, spread}; null for one without pieces. */
export function nearestOnLine([x, y], { xy, spread }) {
  let best = null;
  for (let n = 0; n + 1 < xy.length; n++) {
    const [left, top] = xy[n];
    const [dx, dy] = [xy[n + 1][0] - left, xy[n + 1][1] - top];
    const squared = dx * dx + dy * dy;
    const share = squared > 0 ? Math.min(Math.max(((x - left) * dx + (y - top) * dy) / squared, 0), 1) : 0;
    const at = [left + share * dx, top + share * dy];
    const px = Math.hypot(x - at[0], y - at[1]);
    if (best === null || px < best.px) best = { at, px, spread: spread[n] + share * (spread[n + 1] - spread[n]) };
  }
  return best;
}

/**
 * Where the others put a label and how far off it is: {at, px, times, views}, `times` in expected errors. Null when nobody
 * says so: no entry, or views that contradict each other.
 */
export function offOf(entry, xy) {
  if (!entry || !xy) return null;
  if (entry.xy) {
    const px = Math.hypot(xy[0] - entry.xy[0], xy[1] - entry.xy[1]);
    return { at: entry.xy, px, times: px / entry.spread, views: entry.views };
  }
  if (entry.lines.length !== 1) return null;
  const found = nearestOnLine(xy, entry.lines[0]);
  return found && { at: found.at, px: found.px, times: found.px / found.spread, views: entry.views };
}
