// Playing: which frame is painted when. A frame is painted only when its picture and its points are both there, so that no
// overlay ever lies on another frame's picture. Frames that come too late are left out; the playhead waits only when
// nothing has come for a while.
import { Clock } from "./clock.js";
import { frameToShow, framesToFetch, strideOf } from "./plan.js";

const FIRST_GUESS_MS = 60; // that a request takes
const PREVIEW_AFTER_MS = 50; // of waiting for a frame that is
const REST_MS = 60; // that a dragged pointer stays where it is before the exact frame is asked for
const FAR = 30; // frames away or more
const PATIENCE_S = 0.6; // of the video, that the picture may lag behind the playhead before that waits

export class Player {
  painted = -1; // the frame that is on the screen
  shown = -1; // the same, or -1 when it is to be painted again
  #request = 0;
  #previewed = -1;
  #draggedAt = -Infinity;
  #isLooking = false;
  #isOver = false;

  /** `show(frame, picture)` paints; `preview(frame)` resolves to {near, picture} of a frame that is quickly there; `told()`
   * hears of playing, pausing and waiting. */
  constructor({ fps, frames, store, points, show, preview, told }) {
    Object.assign(this, { frames, store, points, show, preview, told });
    this.clock = new Clock({ fps, frames });
    this.#request = requestAnimationFrame(this.#tick);
  }

  get isPlaying() { return this.clock.isPlaying; }

  /** The frame that the playhead is at, whether or not it is painted yet. */
  get target() { return Math.round(this.clock.at(performance.now())); }

  get isWaiting() { return this.clock.isHeld || (!this.isPlaying && this.shown !== this.target); }

  play() {
    this.clock.play(performance.now());
    if (this.clock.at(performance.now()) < this.shown) this.shown = -1;
    this.told();
  }

  pause() {
    if (!this.isPlaying) return;
    this.clock.pause(performance.now());
    this.seek(Math.max(this.painted, 0));
  }

  toggle() { this.isPlaying ? this.pause() : this.play(); }

  seek(frame) {
    this.clock.seek(Math.min(Math.max(Math.round(frame), 0), this.frames - 1), performance.now());
    if (this.isPlaying) this.shown = -1;
    this.told();
  }

  /** The playhead follows a pointer that drags it: frames nearby are shown, the exact one once the pointer rests. */
  scrub(frame) {
    if (this.isPlaying) this.pause();
    this.#draggedAt = performance.now();
    this.seek(frame);
  }

  step(by) {
    if (this.isPlaying) this.pause();
    this.seek(this.target + by);
  }

  setSpeed(speed) {
    this.clock.setSpeed(speed, performance.now());
    this.told();
  }

  /** Paint the frame again when it is next there: it looks different now. */
  again() { this.shown = -1; }

  leave() {
    this.#isOver = true;
    cancelAnimationFrame(this.#request);
    this.store.clear();
  }

  #tick = (now) => {
    this.#request = requestAnimationFrame(this.#tick);
    if (this.isPlaying) this.#playOn(now);
    else this.#standStill(now);
  };

  #standStill(now) {
    const frame = this.target;
    if (frame === this.shown) return;
    if (now - this.#draggedAt < REST_MS) return this.#follow(frame);
    this.store.want(framesToFetch({ position: frame, rate: 0, delayMs: 0, frames: this.frames }));
    this.points.want(frame);
    if (this.#isThere(frame)) this.#paint(frame);
    else if (frame !== this.#previewed && Math.abs(frame - this.painted) >= FAR) this.#showPreview(frame);
  }

  /** While the pointer drags: nothing is asked for but frames nearby, one question at a time, about the newest place. */
  async #follow(frame) {
    if (this.#isThere(frame)) return this.#paint(frame);
    this.store.want([]); // what is under way for another place is given up
    if (this.#isLooking || frame === this.#previewed) return null;
    this.#isLooking = true;
    this.#previewed = frame;
    const found = await this.preview(frame).catch(() => null);
    this.#isLooking = false;
    const isOver = this.#isOver || this.isPlaying || this.shown === this.target;
    if (found && !isOver) this.#paintNearby(found);
    return null;
  }

  #paintNearby({ near, picture }) {
    this.points.want(near);
    if (this.points.at(near) === null) return;
    this.painted = near;
    this.shown = -1;
    this.show(near, picture);
    this.told();
  }

  /** After a leap: a frame nearby, with its own points, until the one that is meant has come. */
  async #showPreview(frame) {
    this.#previewed = frame;
    await new Promise((resolve) => setTimeout(resolve, PREVIEW_AFTER_MS));
    const isOver = () => this.isPlaying || this.target !== frame || this.shown === frame;
    if (isOver()) return;
    const found = await this.preview(frame).catch(() => null);
    if (found && !isOver()) this.#paintNearby(found);
  }

  #playOn(now) {
    const { clock } = this;
    const [position, rate] = [clock.at(now), clock.rate];
    const delayMs = this.store.delayMs ?? FIRST_GUESS_MS;
    const soon = framesToFetch({ position, rate, delayMs: clock.isHeld ? 0 : delayMs, frames: this.frames });
    this.store.want(soon, (frame) => frame > this.shown && frame < position + 2 * rate);
    this.points.want(Math.floor(position));
    const frame = frameToShow(position, this.shown, (one) => this.#isThere(one));
    if (frame !== null) {
      this.#paint(frame);
      if (clock.isHeld) clock.go(now);
    } else if (!clock.isHeld && this.#lags(position, strideOf(rate, delayMs), rate)) {
      clock.hold(Math.min(framesToFetch({ position, rate, delayMs: 0, frames: this.frames })[0], this.frames - 1));
      this.told();
    }
    if (clock.isOver(now) && this.shown === this.frames - 1) this.pause();
  }

  #lags(position, stride, rate) { return position - this.shown > stride + Math.max(1, PATIENCE_S * rate); }

  #isThere(frame) { return (this.store.has(frame) || this.store.failure(frame) !== null) && this.points.at(frame) !== null; }

  #paint(frame) {
    this.shown = this.painted = this.store.pinned = frame;
    this.#previewed = -1;
    this.show(frame, this.store.picture(frame));
    this.told();
  }
}
