// Numbers of a chart: ticks, scales, smoothing, paths. No page elements, so that Node can test it.

/** A function from values to places, with `ticks`: `scale({min, max, from, to, log, about})`; `about` ticks or so. */
export function scale({ min, max, from, to, log = false, about = 5 }) {
  const ticks = log ? logTicks(min, max, about) : linearTicks(min, max, about);
  const [low, high] = [Math.min(min, ticks[0] ?? min), Math.max(max, ticks.at(-1) ?? max)].map((value) => (log ? Math.log(value) : value));
  const span = high - low || 1;
  const at = (value) => from + ((to - from) * ((log ? Math.log(value) : value) - low)) / span;
  const back = (place) => { const value = low + ((place - from) / (to - from)) * span; return log ? Math.exp(value) : value; };
  return { at, back, ticks };
}

/** Round numbers that reach from `min` or below to `max` or above. */
export function linearTicks(min, max, about = 5) {
  if (!Number.isFinite(max - min)) return [];
  if (!(max > min)) return max === min ? linearTicks(min - Math.abs(min || 1) / 2, max + Math.abs(max || 1) / 2, about) : [];
  const rough = (max - min) / Math.max(about - 1, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((candidate) => candidate >= rough * 0.999);
  const [first, last] = [Math.floor(min / step + 1e-9), Math.ceil(max / step - 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** The same for a logarithmic scale: 1, 2, 5 of each power of ten, or powers alone where these are many. */
export function logTicks(min, max, about = 5) {
  if (!(min > 0 && max >= min && Number.isFinite(max))) return [];
  const low = Math.floor(Math.log10(min) + 1e-9);
  const high = Math.ceil(Math.log10(max) - 1e-9);
  for (const digits of [[1, 2, 5], [1]]) {
    const all = [];
    for (let power = low; power <= high; power += 1) all.push(...digits.map((digit) => Number((digit * 10 ** power).toPrecision(12))));
    const first = all.findLastIndex((tick) => tick <= min * 1.0001);
    const last = all.findIndex((tick) => tick >= max * 0.9999);
    const reaching = all.slice(Math.max(first, 0), last < 0 ? undefined : last + 1);
    if (reaching.length <= about + 2 || digits.length === 1) return reaching;
  }
  return [];
}

/** Points `[[x, y]]` averaged over about `window` neighbors on both sides; the ends lean on fewer. */
export function smoothed(points, window) {
  const half = Math.floor(window / 2);
  const sums = [0];
  for (const [, y] of points) sums.push(sums.at(-1) + y);
  return points.map(([x], i) => {
    const reach = Math.min(half, i, points.length - 1 - i);
    return [x, (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1)];
  });
}

/** At most about `most` points, of which the least and the largest of each stretch are kept, so that no spike is lost. */
export function thinned(points, most) {
  if (points.length <= most) return points;
  const n = Math.max(1, Math.floor(most / 2));
  const kept = [];
  for (let part = 0; part < n; part += 1) {
    const stretch = points.slice(Math.floor((part * points.length) / n), Math.floor(((part + 1) * points.length) / n));
    const low = stretch.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = stretch.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(low === high ? [low] : [low, high].sort((a, b) => a[0] - b[0])));
  }
  return kept;
}

/** The point whose x is nearest; null of none. `points` are sorted by x. */
export function nearest(points, x) {
  if (!points.length) return null;
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle; else high = middle;
  }
  return x - points[low][0] <= points[high][0] - x ? points[low] : points[high];
}

/** An SVG path through points; it begins anew where a number is missing. */
export function pathOf(points, atX, atY) {
  let pen = "M";
  let path = "";
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) { pen = "M"; continue; }
    path += `${pen}${atX(x).toFixed(1)} ${atY(y).toFixed(1)}`;
    pen = "L";
  }
  return path;
}

/** A number in few digits: "0.0042", "3.14", "12.5", "1,240". */
export function shortNumber(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000 || Number.isInteger(value)) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
