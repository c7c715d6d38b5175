// What the newest model predicts in the frames at hand. A study without a model has none, and that is asked once.

export class Predictions {
  #found = new Map(); // image -> promise of {run, points} or null
  #hasModel = true;

  /** `ask(image)` resolves to {run, points}, with `run` null where there is no model; or throws an ApiError. */
  constructor(ask) { this.ask = ask; }

  /** What is predicted in a frame: points[animal][keypoint], or null. */
  async of(image) {
    if (!this.#hasModel) return null;
    if (!this.#found.has(image)) this.#found.set(image, this.#load(image));
    return (await this.#found.get(image))?.points ?? null;
  }

  async #load(image) {
    try {
      const found = await this.ask(image);
      this.#hasModel = found.run !== null;
      return this.#hasModel ? found : null;
    } catch {
      this.#found.delete(image); // labeling goes on without, and it is asked again when the frame is shown again
      return null;
    }
  }
}
