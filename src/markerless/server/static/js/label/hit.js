// Which mark lies below the pointer. Marks are {at: [x, y], ...} in canvas pixels.

/** The mark nearest to `at` within `reach` canvas pixels; of equally near ones the last, which is drawn on top. */
export function markAt(marks, at, reach) {
  let best = null;
  let least = reach;
  for (const mark of marks) {
    const distance = Math.hypot(mark.at[0] - at[0], mark.at[1] - at[1]);
    if (distance <= least) {
      best = mark;
      least = distance;
    }
  }
  return best;
}
