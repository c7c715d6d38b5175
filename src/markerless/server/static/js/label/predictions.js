// What the newest model predicts in the frames at hand. A study without a model has none, and that is asked once.

export class Predictions {
  #found = new Map(); // image -> promise of {run, points} or null
  #isOver = false;
  run = "";

  /** `ask(image)` resolves to {run, points} or throws an ApiError. */
  constructor(ask) { this.ask = ask; }

  /** What is predicted in a frame: points[animal][keypoint], or null. */
  async of(image) {
    if (this.#isOver) return null;
    if (!this.#found.has(image)) this.#found.set(image, this.#load(image));
    return (await this.#found.get(image))?.points ?? null;
  }

  async #load(image) {
    try {
      const found = await this.ask(image);
      this.run = found.run;
      return found;
    } catch (error) {
      if ([404, 422].includes(error.status)) this.#isOver = true; // no model: labeling goes on without
      this.#found.delete(image);
      return null;
    }
  }
}
