// How a run has learned so far, put together from answers that each hold what is new.
import { smoothed } from "../chart_scale.js";

const SMOOTH = 1 / 12; // of the course

export class Course {
  constructor() {
    this.loss = []; // [[step, loss]]
    this.looks = []; // [{step, mean_px, xy, score}]
    this.examples = null;
    this.total = 0;
  }

  /** The step after which news is wanted: that before the last one, whose look may not have been written yet. */
  get since() {
    return this.loss.at(-2)?.[0] ?? 0;
  }

  /** Take an answer of `training/{run}`; true when there was something new. A step that is known already is replaced. */
  take({ run, rows, examples, looks }) {
    this.total = run.total || this.total;
    this.examples = examples ?? this.examples;
    const first = rows.step[0] ?? Infinity;
    this.loss = [...this.loss.filter(([step]) => step < first), ...rows.step.map((step, i) => [step, rows.loss[i]])];
    const before = this.looks.length;
    const known = new Set(this.looks.map(({ step }) => step));
    this.looks = [...this.looks, ...looks.filter(({ step }) => !known.has(step))].sort((a, b) => a.step - b.step);
    return rows.step.length > 0 || this.looks.length > before;
  }

  /** The loss as it is, and smoothed, for a chart. */
  lossSeries() {
    const window = 2 * Math.floor((this.loss.length * SMOOTH) / 2) + 1;
    return [
      { name: "each ten steps", kind: "faint", tone: 1, points: this.loss },
      { name: "smoothed", kind: "line", tone: 1, points: smoothed(this.loss, window) },
    ];
  }

  /** The mean error of the looks. */
  errorSeries() {
    const points = this.looks.filter(({ mean_px: error }) => Number.isFinite(error)).map(({ step, mean_px: error }) => [step, error]);
    return [{ name: "mean error", kind: "dots", tone: 2, points }];
  }

  /** Index of the look nearest to a step; -1 of none. */
  lookNear(step) {
    return this.looks.reduce((best, look, i) => (best < 0 || Math.abs(look.step - step) < Math.abs(this.looks[best].step - step) ? i : best), -1);
  }
}

/** Mean distance of predicted to labeled points of one frame, in px; null where nothing is labeled. */
export function frameError(xy, label) {
  const distances = label.map((place, k) => (place && xy[k] ? Math.hypot(place[0] - xy[k][0], place[1] - xy[k][1]) : null)).filter((value) => value !== null);
  return distances.length ? distances.reduce((a, b) => a + b, 0) / distances.length : null;
}
