// Which rows of a long list are in sight, so that only those exist as elements.

const SPARE = 6; // rows kept ready above and below

/** First and one past the last row to draw. */
export function windowOf(scrollTop, height, rowHeight, count) {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - SPARE);
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + SPARE);
  return [Math.min(first, end), end];
}

/** Where to scroll so that `row` is in sight; the list stays where it is when it is already. */
export function scrolledTo(row, scrollTop, height, rowHeight) {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return Math.max(0, top + rowHeight - height);
  return scrollTop;
}
