// The course of a keypoint over a whole video, in columns: values as the server sends them, and lines to draw.

const QUANTITIES = ["x", "y", "score", "error"];

/** `(4, columns, 2)` float32 -> `{x: {low, high}, y: ..., score: ..., error: ...}`, NaN where nothing is known. */
export function unpack(buffer) {
  const all = new Float32Array(buffer);
  const n = all.length / (2 * QUANTITIES.length);
  if (!Number.isInteger(n)) throw new Error(`expected 4 x columns x 2 numbers, got ${all.length}`);
  return Object.fromEntries(QUANTITIES.map((name, q) => {
    const part = all.subarray(q * n * 2, (q + 1) * n * 2);
    return [name, { low: part.filter((_, i) => i % 2 === 0), high: part.filter((_, i) => i % 2 === 1) }];
  }));
}

/** A course with its expected error to both sides; of several frames in a column, the middle of their errors. */
export function bandOf(course, axis) {
  const { low, high } = course[axis];
  const error = low.map((_, i) => (course.error.low[i] + course.error.high[i]) / 2);
  return { low: low.map((value, i) => value - error[i]), high: high.map((value, i) => value + error[i]) };
}

/** Stretches of columns with values: `[[first, last], ...]`; between them are gaps. */
export function stretches({ low, high }) {
  const found = [];
  let first = -1;
  for (let i = 0; i <= low.length; i++) {
    const isThere = i < low.length && Number.isFinite(low[i]) && Number.isFinite(high[i]);
    if (isThere && first < 0) first = i;
    if (!isThere && first >= 0) {
      found.push([first, i - 1]);
      first = -1;
    }
  }
  return found;
}

/** Least and largest value of several courses; `[0, 1]` where there is none. */
export function rangeOf(courses) {
  let [low, high] = [Infinity, -Infinity];
  for (const course of courses) {
    for (const value of course.low) if (value < low) low = value;
    for (const value of course.high) if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** Round marks within `[low, high]`, about `n` of them. */
export function marksIn([low, high], n = 3) {
  const rough = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? 10 * power;
  const marks = [];
  for (let mark = Math.ceil(low / step) * step; mark <= high + 1e-9; mark += step) marks.push(Number(mark.toPrecision(9)));
  return marks;
}
