// Points of frames, in blocks. A frame's are a Float32Array of (animals, keypoints, 4): x, y, score, expected error; NaN where
// something is not known.

export const QUANTITIES = 4;
const BLOCK = 500; // frames
const MOST_BLOCKS = 60;

export class PointStore {
  #blocks = new Map(); // number -> {values, promise}; the last used at the end

  /** `load(start, stop)` resolves to an ArrayBuffer; `size` numbers are of one frame, `block` frames are fetched at once. */
  constructor({ load, frames, animals, keypoints, size = animals * keypoints * QUANTITIES, block = BLOCK, changed = () => {} }) {
    Object.assign(this, { load, frames, size, block, changed });
  }

  /** The points of a frame, or null while they are under way; an empty array beyond the end of the tracks. */
  at(frame) {
    if (frame >= this.frames) return new Float32Array(0);
    const number = Math.floor(frame / this.block);
    const block = this.#blocks.get(number);
    if (!block?.values) return null;
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    const from = (frame - number * this.block) * this.size;
    return block.values.subarray(from, from + this.size);
  }

  /** Have the points of a frame and of those soon after it. */
  want(frame) {
    for (const one of [frame, frame + this.block / 2]) this.#fetch(Math.floor(one / this.block));
  }

  #fetch(number) {
    const start = number * this.block;
    if (start >= this.frames || this.#blocks.has(number)) return;
    const block = { values: null };
    this.#blocks.set(number, block);
    this.load(start, Math.min(start + this.block, this.frames)).then(
      (buffer) => { block.values = new Float32Array(buffer); this.changed(); },
      () => this.#blocks.delete(number),
    );
    for (const old of this.#blocks.keys()) {
      if (this.#blocks.size <= MOST_BLOCKS) return;
      this.#blocks.delete(old);
    }
  }
}

/** One point of a frame's: {xy, score, error}, xy null where there is none. */
export function pointOf(values, animal, keypoint, keypoints) {
  const at = (animal * keypoints + keypoint) * QUANTITIES;
  const [x, y, score, error] = values.subarray(at, at + QUANTITIES);
  return { xy: Number.isFinite(x) && Number.isFinite(y) ? [x, y] : null, score, error };
}
