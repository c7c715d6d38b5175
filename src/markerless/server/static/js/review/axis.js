// Plots of long series: which frames are in sight, ticks, times, and what the server's columns mean. A range is
// {start, stop}: frames with fractions, stop excluded.

const FEWEST_IN_SIGHT = 8; // frames

/** The range zoomed by `factor` (below 1: closer), with the frame `at` staying where it is. */
export function zoomedRange({ start, stop }, at, factor, frames) {
  const length = Math.min(Math.max((stop - start) * factor, Math.min(FEWEST_IN_SIGHT, frames)), frames);
  const share = (at - start) / (stop - start);
  return withinFrames({ start: at - share * length, stop: at - share * length + length }, frames);
}

/** The range moved by frames. */
export function pannedRange({ start, stop }, by, frames) {
  return withinFrames({ start: start + by, stop: stop + by }, frames);
}

/** The range turned to the page that holds `frame`, when it is out of sight. */
export function rangeWith({ start, stop }, frame, frames) {
  if (frame >= start && frame < stop) return { start, stop };
  const length = stop - start;
  return withinFrames({ start: frame - 0.1 * length, stop: frame + 0.9 * length }, frames);
}

function withinFrames({ start, stop }, frames) {
  const length = Math.min(stop - start, frames);
  const from = Math.min(Math.max(start, 0), frames - length);
  return { start: from, stop: from + length };
}

/** Position of the middle of a frame, and the inverse: the frame below a position. */
export const toX = (frame, { start, stop }, width) => ((frame + 0.5 - start) / (stop - start)) * width;
export const toFrame = (x, { start, stop }, width) => Math.floor(start + (x / width) * (stop - start));

/** At most about `n` round numbers between low and high. */
export function ticks(low, high, n) {
  if (!(high > low)) return Number.isFinite(low) ? [low] : [];
  const rough = (high - low) / Math.max(n, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((one) => one >= rough * 0.75);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** "1:05.20" of a frame; "" when the speed of the video is not known. */
export function timeOf(frame, fps, digits = 2) {
  if (!(fps > 0)) return "";
  const seconds = frame / fps;
  const whole = Math.floor(seconds / 60);
  const rest = (seconds - 60 * whole).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return whole >= 60 ? `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}:${rest}` : `${whole}:${rest}`;
}

/** What `.../traces` sends: per quantity the least and largest value of each column, and which frames they are of. */
export class Traces {
  constructor(buffer, { start, stop, columns, names = ["x", "y", "score", "error"] }) {
    const values = new Float32Array(buffer);
    Object.assign(this, { start, stop, columns });
    names.forEach((name, q) => { this[name] = values.subarray(q * columns * 2, (q + 1) * columns * 2); });
  }

  /** Middle of a column, as a frame. */
  frameOf(column) {
    const n = this.stop - this.start;
    const first = this.start + Math.floor((n * column) / this.columns);
    const last = this.start + Math.floor((n * (column + 1)) / this.columns) - 1;
    return (first + last) / 2;
  }

  /** True when there is one column a frame. */
  get isExact() { return this.columns === this.stop - this.start; }
}

/** Least and largest of the values of some traces between two frames, `withError` also what the expected error allows;
 * null when there are none. */
export function extent(all, quantity, { start, stop }, withError = false) {
  let [low, high] = [Infinity, -Infinity];
  for (const one of all) {
    const values = one[quantity];
    for (let c = 0; c < one.columns; c++) {
      const frame = one.frameOf(c);
      if (frame < start - 1 || frame > stop) continue;
      const error = withError ? one.error[2 * c + 1] || 0 : 0;
      if (values[2 * c] - error < low) low = values[2 * c] - error;
      if (values[2 * c + 1] + error > high) high = values[2 * c + 1] + error;
    }
  }
  return low <= high ? [low, high] : null;
}
