// Traces of keypoints: one overview of the whole video and one of what is in sight, each fetched once.
import { Traces } from "./axis.js";

const WAIT_MS = 90; // while somebody zooms or pans

export class TraceStore {
  #overviews = new Map(); // "animal keypoint" -> Traces or null while under way
  #details = new Map();
  #timer = 0;
  #abort = new AbortController();

  /** `load({animal, keypoint, start, stop, columns}, signal)` resolves to Traces. */
  constructor({ load, frames, changed = () => {} }) { Object.assign(this, { load, frames, changed }); }

  /** The best there is of a keypoint for a range; null when there is nothing yet. */
  of({ animal, keypoint }, range) {
    const key = `${animal} ${keypoint}`;
    const detail = this.#details.get(key);
    if (detail && detail.start <= range.start + 1 && detail.stop >= range.stop - 1) return detail;
    return this.#overviews.get(key) ?? null;
  }

  /** Have the traces of some keypoints in a range, about `columns` of them. */
  want(keypoints, range, columns) {
    for (const one of keypoints) this.#fetchOverview(one, columns);
    clearTimeout(this.#timer);
    const [start, stop] = [Math.max(Math.floor(range.start) - 1, 0), Math.min(Math.ceil(range.stop) + 1, this.frames)];
    if (stop - start >= this.frames || stop <= start) return;
    const isThere = keypoints.every((one) => this.#isGood(this.#details.get(`${one.animal} ${one.keypoint}`), start, stop));
    if (!isThere) this.#timer = setTimeout(() => this.#fetchDetails(keypoints, start, stop, columns), WAIT_MS);
  }

  leave() {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #isGood(detail, start, stop) {
    if (!detail || detail.start > start || detail.stop < stop) return false;
    return detail.isExact || detail.stop - detail.start <= 1.5 * (stop - start);
  }

  #fetchOverview({ animal, keypoint }, columns) {
    const key = `${animal} ${keypoint}`;
    if (this.#overviews.has(key)) return;
    this.#overviews.set(key, null);
    this.load({ animal, keypoint, start: 0, stop: this.frames, columns }).then(
      (traces) => { this.#overviews.set(key, traces); this.changed(); },
      () => this.#overviews.delete(key),
    );
  }

  async #fetchDetails(keypoints, start, stop, columns) {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    await Promise.all(keypoints.map(async ({ animal, keypoint }) => {
      const traces = await this.load({ animal, keypoint, start, stop, columns }, signal).catch(() => null);
      if (traces && !signal.aborted) this.#details.set(`${animal} ${keypoint}`, traces);
    }));
    if (!signal.aborted) this.changed();
  }
}
