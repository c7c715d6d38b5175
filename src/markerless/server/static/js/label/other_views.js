// What the other views of the same moment say of the frame in sight: other cameras, or mirrors in the same picture. The
// server is asked when a frame is opened and when labels of other views have changed; labeling never waits for it.
import { offOf } from "./view_geometry.js";

const LOOKED_AT_MS = 60; // at a frame, before it is asked
const TOGETHER_MS = 120; // clicks one after the other are asked about once

export class OtherViews {
  #timer = null;
  #visit = 0;
  #isAsking = false;
  #isStale = false;

  /**
   * `ask(image)` resolves to {version, views, points, far, note}, see wire.js; `version` is that of the folder as it was
   * loaded, null without views; `changed()` is called when something else is known; `failed(error)` when asking failed.
   */
  constructor({ ask, version, changed, failed }) {
    Object.assign(this, { ask, version, changed, failed });
    this.image = null;
    this.answer = null;
  }

  /** Another frame is in sight. */
  open(image) {
    this.#visit++;
    this.image = image;
    this.answer = null;
    this.#isAsking = this.#isStale = false;
    clearTimeout(this.#timer);
    if (this.version !== null && image !== null) this.#soon(LOOKED_AT_MS);
  }

  /** The server's version of the labels of other views: another one is asked about. */
  take(version) {
    if (version === this.version) return;
    this.version = version;
    if (version !== null) this.again();
    else if (this.answer) this.#set(null);
  }

  /** A label of this frame was saved: it counts where the picture shows all views. */
  saved(image) {
    if (image === this.image && this.isOnePicture) this.again();
  }

  again() {
    if (this.image !== null) this.#soon(TOGETHER_MS);
  }

  /** Show an answer that was got otherwise. */
  show(image, answer) {
    if (image === this.image) this.#set(answer);
  }

  leave() {
    this.#visit++;
    clearTimeout(this.#timer);
  }

  /** True when all views are parts of the picture in sight. */
  get isOnePicture() { return this.views.length > 1 && this.views.every(({ isHere }) => isHere); }

  /** [{name, folder, picture, isHere, canExtract}] */
  get views() { return this.answer?.views ?? []; }

  /** What the others say of a keypoint; null when nothing. */
  entry(i, k) { return this.answer?.points[i]?.[k] ?? null; }

  /** Labels that are far from where the others put them, the farthest first: {i, k, at, xy, px, times, views}. */
  far(points) {
    if (!this.answer) return [];
    const found = points.flatMap((row, i) => row.flatMap(({ xy }, k) => {
      const off = offOf(this.entry(i, k), xy);
      return off && off.times > this.answer.far ? [{ ...off, i, k, xy }] : [];
    }));
    return found.sort((a, b) => b.times - a.times);
  }

  /** The view `by` places further whose picture is there, around the end; null when there is no other. */
  next(by) {
    const shown = this.views.filter(({ picture, isHere }) => picture !== null || isHere);
    const here = shown.findIndex(({ isHere }) => isHere);
    const found = shown[(here + by + shown.length) % shown.length];
    return found && !found.isHere ? found : null;
  }

  #soon(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), ms);
  }

  async #ask() {
    if (this.#isAsking) return void (this.#isStale = true);
    const visit = this.#visit;
    this.#isAsking = true;
    try {
      const answer = await this.ask(this.image);
      if (visit !== this.#visit) return;
      this.version = answer.version;
      this.#set(answer);
    } catch (error) {
      if (visit !== this.#visit) return;
      this.version = ""; // what is shown stays, and whatever the server says next is asked about
      this.failed(error);
    } finally {
      if (visit === this.#visit) {
        this.#isAsking = false;
        if (this.#isStale) this.#soon(TOGETHER_MS);
        this.#isStale = false;
      }
    }
  }

  #set(answer) {
    this.answer = answer;
    this.changed();
  }
}
