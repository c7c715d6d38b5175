// What a model predicts in the frames at hand: the newest one, or that of a run that was chosen. A study without a model has
// none, and that is asked once.

export const NEWEST = "";
export const NONE = ":none"; // no run has such a name
const STORED = "markerless-label-run-";

export class Predictions {
  #found = new Map(); // run and image -> promise of {run, points} or null
  #hasModel = true;

  /**
   * `ask(image, run)` resolves to {run, points}, with `run` null where there is no model; or throws an ApiError. `runs` are
   * the names that can be chosen; the choice is kept in `storage` for the project `key`.
   */
  constructor({ ask, runs = [], storage, key }) {
    Object.assign(this, { ask, runs, storage, key });
    const kept = read(storage, STORED + key);
    this.run = kept === NONE || runs.includes(kept) ? kept : NEWEST; // a run may have been deleted since
    this.trouble = ""; // why the last question was not answered
  }

  /** Show those of a run from now on: its name, `NEWEST` or `NONE`. */
  choose(run) {
    this.run = run;
    try {
      this.storage.setItem(STORED + this.key, run);
    } catch {
      // kept while the page is open
    }
  }

  /** What is predicted in a frame: points[animal][keypoint], or null. */
  async of(image) {
    const { run } = this;
    if (!this.#hasModel || run === NONE) return null;
    const asked = `${run}/${image}`;
    if (!this.#found.has(asked)) this.#found.set(asked, this.#load(image, run, asked));
    return (await this.#found.get(asked))?.points ?? null;
  }

  async #load(image, run, asked) {
    try {
      const found = await this.ask(image, run);
      this.trouble = "";
      this.#hasModel = found.run !== null;
      return this.#hasModel ? found : null;
    } catch (error) {
      this.trouble = error.message;
      this.#found.delete(asked); // labeling goes on without, and it is asked again when the frame is shown again
      return null;
    }
  }
}

function read(storage, name) {
  try {
    return storage.getItem(name) ?? NEWEST;
  } catch {
    return NEWEST;
  }
}
