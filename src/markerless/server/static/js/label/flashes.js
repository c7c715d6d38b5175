// A ring that fades around what somebody else has just changed.
import { toCanvas } from "../coords.js";
import { isPlaced } from "./points.js";

const LASTS_MS = 1600;

export class Flashes {
  #all = [];

  constructor(now = () => performance.now()) { this.now = now; }

  /** `changes` [{image, i, k}] */
  add(changes) {
    const born = this.now();
    this.#all.push(...changes.map(({ image, i, k }) => ({ image, i, k, born })));
  }

  /** Those to draw now in the frame in sight: {at, strength}. */
  of({ image, points }, view) {
    this.#all = this.#all.filter(({ born }) => this.now() - born < LASTS_MS);
    return this.#all.filter((flash) => flash.image === image && isPlaced(points[flash.i][flash.k])).map(({ i, k, born }) => ({
      at: toCanvas(points[i][k].xy, view),
      strength: 1 - (this.now() - born) / LASTS_MS,
    }));
  }
}
