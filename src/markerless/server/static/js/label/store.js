// What this page knows of the frames of one folder. A point that was touched here after an answer was asked for is newer
// than that answer: `clock` counts touches, and `merge` is told what it was when the question was sent.
import { NOTHING, isOpen, isPlaced, same } from "./points.js";

export class LabelStore {
  #frames = new Map();
  #touched = new Map();
  clock = 0;

  constructor(nIndividuals, nKeypoints) {
    this.nIndividuals = nIndividuals;
    this.nKeypoints = nKeypoints;
  }

  has(image) { return this.#frames.has(image); }

  /** Points [animal][keypoint] of a frame; all open while it is not loaded. */
  frame(image) { return this.#frames.get(image) ?? this.#nothing(); }

  point(image, i, k) { return this.#frames.get(image)?.[i]?.[k] ?? NOTHING; }

  /** What a person did here just now. */
  set(image, i, k, point) {
    this.#touched.set(touchKey(image, i, k), ++this.clock);
    this.#row(image, i)[k] = point;
  }

  /** Take in a whole frame as the server sent it, but for points touched after `asked` and those that `waits` is true for. */
  load(image, points, asked, waits) {
    const isNew = !this.has(image);
    for (let i = 0; i < this.nIndividuals; i++) {
      for (let k = 0; k < this.nKeypoints; k++) {
        if (isNew ? !waits(image, i, k) : this.#mayTake(image, i, k, asked, waits)) this.#row(image, i)[k] = points[i][k];
      }
    }
    if (isNew && !this.has(image)) this.#frames.set(image, this.#nothing());
  }

  /**
   * Take in what the server says of single points, [{image, i, k, point}]. Gives those that changed something, and whether
   * some had to be left for later because this page has newer ones on the way.
   */
  merge(changes, asked, waits) {
    const taken = [];
    let isWhole = true;
    for (const change of changes) {
      const { image, i, k, point } = change;
      if (!this.has(image)) continue;
      if (!this.#mayTake(image, i, k, asked, waits)) {
        isWhole = false;
        continue;
      }
      const before = this.point(image, i, k);
      this.#row(image, i)[k] = point;
      if (!same(before, point)) taken.push({ ...change, before });
    }
    return { taken, isWhole };
  }

  /** Keypoints decided on, and those that may be. */
  tally(image) {
    const points = this.frame(image).flat();
    return { decided: points.filter((point) => !isOpen(point)).length, placed: points.filter(isPlaced).length, all: points.length };
  }

  #mayTake(image, i, k, asked, waits) {
    return (this.#touched.get(touchKey(image, i, k)) ?? 0) <= asked && !waits(image, i, k);
  }

  #row(image, i) {
    if (!this.#frames.has(image)) this.#frames.set(image, this.#nothing());
    return this.#frames.get(image)[i];
  }

  #nothing() {
    return Array.from({ length: this.nIndividuals }, () => Array(this.nKeypoints).fill(NOTHING));
  }
}

const touchKey = (image, i, k) => `${image}/${i}/${k}`;
