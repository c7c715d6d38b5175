// Where things are drawn in a comparison: parts of pictures around an animal, and axes.

const MARGIN_SHARE = 0.18; // around the points, of their extent
const LEAST_PX = 48;

/**
 * The part of a picture `[width, height]` that shows all points of all lists, with some room, in whole pixels:
 * `{left, top, width, height}`. It has the shape `aspect` (width / height) where the picture is large enough.
 */
export function boxAround(lists, [width, height], aspect = 4 / 3) {
  const points = lists.flat().filter((point) => point && point.every(Number.isFinite)).map(([x, y]) => [clamp(x, 0, width - 1), clamp(y, 0, height - 1)]);
  if (!points.length) return { left: 0, top: 0, width, height };
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const room = Math.max(extent * MARGIN_SHARE, LEAST_PX / 2);
  let w = Math.max(...xs) - Math.min(...xs) + 2 * room;
  let h = Math.max(...ys) - Math.min(...ys) + 2 * room;
  if (w / h < aspect) w = h * aspect;
  else h = w / aspect;
  w = Math.min(Math.ceil(w), width);
  h = Math.min(Math.ceil(h), height);
  const left = clamp(Math.round((Math.min(...xs) + Math.max(...xs) - w + 1) / 2), 0, width - w);
  const top = clamp(Math.round((Math.min(...ys) + Math.max(...ys) - h + 1) / 2), 0, height - h);
  return { left, top, width: w, height: h };
}

/** Round marks on an axis from 0 to at least `most`: `{end, marks}`, four to seven of them. */
export function axisTo(most) {
  if (!(most > 0)) return { end: 1, marks: [0, 0.5, 1] };
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => most / size <= 6);
  const end = Math.ceil(most / step - 1e-9) * step;
  const n = Math.round(end / step);
  return { end, marks: Array.from({ length: n + 1 }, (_, i) => Number((i * step).toPrecision(6))) };
}

/** The largest value that rows of a comparison show: means and the ends of their intervals. */
export function largestOf(rows) {
  const values = rows.filter(Boolean).flatMap((row) => [row.before_px, row.after_px, row.before_interval?.[1], row.after_interval?.[1]]);
  return Math.max(0, ...values.filter((value) => Number.isFinite(value)));
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
