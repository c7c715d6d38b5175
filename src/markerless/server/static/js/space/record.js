// The numbers of one moment, as the server sends them: the frame of each camera's video, the points of all animals, then
// what each camera says of them.

const [POINT, VIEW] = [6, 6];
export const STATES = { good: 0, tooFew: 1, contradictory: 2, undetermined: 3 };

export class Record {
  constructor({ cameras, individuals, keypoints }) {
    Object.assign(this, { cameras: cameras.length, animals: individuals.length, keypoints: keypoints.length });
    this.points = this.animals * this.keypoints;
  }

  /** Frame of a camera's video; -1 where there is none. */
  frame(values, camera) { return values.length ? values[camera] : -1; }

  /** Where x, y, z, score, expected error and state of a point begin. */
  at(animal, keypoint) { return this.cameras + (animal * this.keypoints + keypoint) * POINT; }

  /** {xyz, score, error, state}; xyz null where there is no point, state null where it is not known. */
  point(values, animal, keypoint) {
    const at = this.at(animal, keypoint);
    const xyz = Number.isFinite(values[at]) ? [values[at], values[at + 1], values[at + 2]] : null;
    const state = values[at + 5];
    return { xyz, score: values[at + 3], error: values[at + 4], state: Number.isFinite(state) ? state : null };
  }

  /** {seen, expected, off, used} of a point in the whole frame of a camera; seen and expected null where there is none. */
  view(values, camera, animal, keypoint) {
    const at = this.cameras + this.points * POINT + ((camera * this.animals + animal) * this.keypoints + keypoint) * VIEW;
    const place = (from) => (Number.isFinite(values[from]) ? [values[from], values[from + 1]] : null);
    return { seen: place(at), expected: place(at + 2), off: values[at + 4], used: values[at + 5] === 1 };
  }
}

/** What is said of a point that is missing, in a word or two; "" for one that is there. */
export function stateWord(state) {
  return { [STATES.tooFew]: "too few views", [STATES.contradictory]: "contradictory", [STATES.undetermined]: "undetermined" }[state] ?? "";
}

/** Stretches of frames in which traces say that the point is missing or contradictory: [{start, stop, severity}]. */
export function spansOf(all, frames) {
  const spans = [];
  for (const { state, start, stop, columns } of all) {
    const n = stop - start;
    for (let c = 0; c < columns; c++) {
      const worst = state[2 * c + 1];
      if (!(worst > 0)) continue;
      const [from, to] = [start + Math.floor((n * c) / columns), start + Math.floor((n * (c + 1)) / columns)];
      const severity = worst === STATES.tooFew ? 0.15 : worst === STATES.contradictory ? 1 : 0.6;
      const last = spans.at(-1);
      if (last && last.stop === from && last.severity === severity) last.stop = to;
      else spans.push({ start: from, stop: Math.min(to, frames), severity });
    }
  }
  return spans;
}
