// Scrubbing: which picture of a video is shown while somebody moves through it. After a leap a frame nearby comes at once
// and follows the movement; the exact one is asked for when the movement rests. A small step keeps the old picture until
// the new one is there. Around a frame that is shown its neighbors are fetched, so that the next step is immediate.
import { FrameStore } from "../review/frame_store.js";

export const FAR = 12; // frames away from what is shown: a leap
export const REST_MS = 60;
const NEIGHBORS = [1, -1, 2, -2, 3, -3, 10, -10];

export class Scrubber {
  target = 0;
  #shown = -Infinity; // the frame of the picture that is shown
  #isExact = false;
  #isAsking = false;
  #timer = null;
  #isOver = false;

  /** `load(frame, signal)` -> {picture, pixels}; `preview(frame)` -> {near, picture}; `show({frame, isExact, picture, error})`. */
  constructor({ frames, load, preview, show }) {
    Object.assign(this, { frames, preview, show });
    this.store = new FrameStore({ load, changed: (frame) => { if (frame === this.target) this.#look(); } });
  }

  /** True once the frame that is meant is shown. */
  get isThere() { return this.#isExact && this.#shown === this.target; }

  seek(frame) {
    this.target = Math.min(Math.max(Math.round(frame), 0), this.frames - 1);
    clearTimeout(this.#timer);
    if (this.#look()) return;
    if (!this.#isLeap) return this.store.want([this.target]);
    this.store.want([]); // what is under way is given up
    this.#timer = setTimeout(() => this.store.want([this.target]), REST_MS);
    this.#preview();
  }

  step(by) { this.seek(this.target + by); }

  leave() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.store.pinned = -1;
    this.store.clear();
  }

  get #isLeap() { return !(Math.abs(this.target - this.#shown) < FAR); }

  /** Show the frame that is meant, or why it cannot be; false while it is not there. */
  #look() {
    if (this.#isOver) return true;
    const frame = this.target, error = this.store.failure(frame), picture = this.store.picture(frame);
    if (!picture && !error) return false;
    this.#isExact = true;
    this.#shown = this.store.pinned = frame;
    this.show({ frame, isExact: true, picture, error });
    this.store.want([frame, ...NEIGHBORS.map((by) => frame + by).filter((near) => near >= 0 && near < this.frames)]);
    return true;
  }

  /** One question at a time, always about the newest place. */
  async #preview() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    for (let asked = null; asked !== this.target && !this.isThere && !this.#isOver; ) {
      asked = this.target;
      const found = await this.preview(asked).catch(() => null);
      if (found && !this.isThere && !this.#isOver) {
        this.#isExact = false;
        this.#shown = found.near;
        this.show({ frame: found.near, isExact: false, picture: found.picture, error: null });
      }
    }
    this.#isAsking = false;
  }
}
