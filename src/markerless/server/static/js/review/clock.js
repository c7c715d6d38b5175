// Where the playhead is. Time goes on while playing, at `rate` frames a second, whatever has been painted; `hold` stops it
// while pictures are waited for. All times are in milliseconds, from whoever calls.

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

export class Clock {
  #base = 0; // frame, with a fraction
  #since = null; // time at which the playhead was at `base`; null while it stands

  constructor({ fps, frames, speed = 1 }) {
    this.fps = fps > 0 ? fps : 25;
    this.frames = frames;
    this.speed = speed;
    this.isPlaying = false;
  }

  get rate() { return this.fps * this.speed; }

  /** The frame, with a fraction, at a time. */
  at(now) {
    const moved = this.#since === null ? 0 : ((now - this.#since) / 1000) * this.rate;
    return Math.min(Math.max(this.#base + moved, 0), Math.max(this.frames - 1, 0));
  }

  play(now) {
    if (this.at(now) >= this.frames - 1) this.#base = 0;
    this.isPlaying = true;
    this.#since = now;
  }

  pause(now) {
    this.#base = this.at(now);
    this.#since = null;
    this.isPlaying = false;
  }

  /** Stand still until `go`, and be at `frame` meanwhile; it still counts as playing. */
  hold(frame) {
    this.#base = frame;
    this.#since = null;
  }

  go(now) {
    if (this.isPlaying && this.#since === null) this.#since = now;
  }

  get isHeld() { return this.isPlaying && this.#since === null; }

  seek(frame, now) {
    this.#base = Math.min(Math.max(frame, 0), Math.max(this.frames - 1, 0));
    if (this.#since !== null) this.#since = now;
  }

  setSpeed(speed, now) {
    this.#base = this.at(now);
    if (this.#since !== null) this.#since = now;
    this.speed = speed;
  }

  isOver(now) { return this.isPlaying && this.at(now) >= this.frames - 1; }
}

/** The next slower or faster speed. */
export function otherSpeed(speed, by) {
  const place = SPEEDS.reduce((best, one, i) => (Math.abs(one - speed) < Math.abs(SPEEDS[best] - speed) ? i : best), 0);
  return SPEEDS[Math.min(Math.max(place + by, 0), SPEEDS.length - 1)];
}
