// Pictures of frames by their index. `load(index, signal)` gives {picture, pixels}; those unused the longest are let go when
// there are more pixels than `budget`.
import { AT_ONCE, followed } from "./plan.js";

export const BUDGET_PIXELS = 48e6; // 4 bytes each

export class FrameStore {
  #entries = new Map(); // index -> {value, abort, promise}; the last used at the end
  #wanted = [];
  #failed = new Map(); // index -> error; a frame that cannot be decoded is not asked for again
  delayMs = null;
  pinned = -1; // the frame that is painted: its picture is not let go

  constructor({ load, changed = () => {}, now = () => performance.now(), budget = BUDGET_PIXELS }) {
    Object.assign(this, { load, changed, now, budget });
  }

  has(index) { return this.#entries.get(index)?.value !== undefined; }

  /** The picture, when it is there. */
  picture(index) {
    const entry = this.#entries.get(index);
    if (entry?.value === undefined) return null;
    this.#entries.delete(index);
    this.#entries.set(index, entry);
    return entry.value.picture;
  }

  /** Why a frame has no picture; null while it may still come. */
  failure(index) { return this.#failed.get(index) ?? null; }

  /** Have these fetched, the first one first; what is under way for others is given up, unless `isOfUse(index)`. */
  want(indices, isOfUse = () => false) {
    this.#wanted = indices;
    const wanted = new Set(indices);
    for (const [index, entry] of this.#entries) {
      if (entry.value === undefined && !wanted.has(index) && !isOfUse(index)) {
        this.#entries.delete(index);
        entry.abort.abort();
        this.#learn(this.now() - entry.began, true);
      }
    }
    this.#fill();
  }

  /** Let everything go: another video, or pictures of another size. */
  clear() {
    this.want([]);
    for (const [index, { value }] of this.#entries) if (index !== this.pinned) value?.picture.close?.();
    this.#entries.clear();
    this.#failed.clear();
  }

  #fill() {
    let running = [...this.#entries.values()].filter(({ value }) => value === undefined).length;
    for (const index of this.#wanted) {
      if (running >= AT_ONCE) break;
      if (this.#entries.has(index) || this.#failed.has(index)) continue;
      this.#start(index);
      running++;
    }
    this.#trim();
  }

  #start(index) {
    const entry = { abort: new AbortController(), value: undefined, began: this.now() };
    this.#entries.set(index, entry);
    this.load(index, entry.abort.signal).then(
      (value) => {
        if (this.#entries.get(index) !== entry) return void value.picture.close?.();
        entry.value = value;
        this.#learn(this.now() - entry.began);
        this.#fill();
        this.changed(index);
      },
      (error) => {
        if (this.#entries.get(index) !== entry) return;
        this.#entries.delete(index);
        this.#failed.set(index, error);
        if (error.status === 0) setTimeout(() => this.#failed.delete(index), 1000); // the server may come back
        this.#fill();
        this.changed(index);
      },
    );
  }

  /** What a request takes; one that was given up tells only when it had taken longer already. */
  #learn(tookMs, wasGivenUp = false) {
    if (!wasGivenUp || tookMs > (this.delayMs ?? 0)) this.delayMs = followed(this.delayMs, tookMs);
  }

  #trim() {
    let pixels = [...this.#entries.values()].reduce((sum, { value }) => sum + (value?.pixels ?? 0), 0);
    const wanted = new Set(this.#wanted);
    for (const [index, { value }] of this.#entries) {
      if (pixels <= this.budget) return;
      if (value === undefined || wanted.has(index) || index === this.pinned) continue;
      value.picture.close?.();
      this.#entries.delete(index);
      pixels -= value.pixels;
    }
  }
}
