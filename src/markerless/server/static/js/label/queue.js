// Sending changes: in order, exactly once, however often the line or the server breaks. What was sent and not answered is
// sent again under the same id, which the server takes once.

const MOST_AT_ONCE = 100;
const AGAIN_MS = [500, 1000, 2000, 4000]; // after a failure; the last one from then on
const REFUSED = new Set([400, 404, 413, 422]); // sending the same again would not help

export class ChangeQueue {
  #busy = false;
  #failures = 0;
  #alone = 0; // so many changes are sent one by one, to find the one that is refused
  #wake = null; // ends the pause after a failure
  #refused = new Map(); // id -> the server's words

  /**
   * `send(folder, who, changes)` resolves to the outcomes [{id, state, now}] or throws an ApiError; `told` is
   * {state(state), outcome(change, outcome)}; `after(ms, run)` is setTimeout the other way around.
   */
  constructor({ waiting, send, told, after = (ms, run) => setTimeout(run, ms) }) {
    Object.assign(this, { waiting, send, told, after });
    this.trouble = "";
  }

  add(change) {
    const whole = this.waiting.add(change, Date.now());
    if (!this.#failures) this.flush();
    this.#tell();
    return whole;
  }

  /** {kind: "saved" | "saving" | "offline" | "refused", waits, refused: [{change, why}], why, isKept}. */
  get state() {
    const refused = this.waiting.all().filter(({ id }) => this.#refused.has(id)).map((change) => ({ change, why: this.#refused.get(change.id) }));
    const waits = this.waiting.size - refused.length;
    const kind = waits ? (this.#failures ? "offline" : "saving") : refused.length ? "refused" : "saved";
    return { kind, waits, refused, why: this.trouble, isKept: this.waiting.isKept };
  }

  /** Send what waits, now; resolves when nothing is left to send. */
  async flush() {
    this.#wake?.();
    if (this.#busy) return;
    this.#busy = true;
    for (let batch = this.#next(); batch.length; batch = this.#next()) await this.#sendBatch(batch);
    this.#busy = false;
    this.#tell();
  }

  /** Try again those that were refused. */
  again() {
    this.#refused.clear();
    return this.flush();
  }

  /** Drop those that were refused. */
  discardRefused() {
    for (const id of this.#refused.keys()) this.waiting.remove(id);
    this.#refused.clear();
    this.#tell();
  }

  /** Everything that waits, in batches ready to be sent while the page closes. */
  batches() {
    const batches = [];
    for (let left = this.waiting.all(); left.length;) {
      const batch = startOf(left, MOST_AT_ONCE);
      batches.push(batch);
      left = left.slice(batch.length);
    }
    return batches;
  }

  #next() {
    const open = this.waiting.all().filter(({ id }) => !this.#refused.has(id));
    return startOf(open, this.#alone > 0 ? 1 : MOST_AT_ONCE);
  }

  async #sendBatch(batch) {
    try {
      const outcomes = await this.send(batch[0].folder, batch[0].who, batch);
      this.#settle(batch, new Map(outcomes.map((outcome) => [outcome.id, outcome])));
    } catch (error) {
      if (REFUSED.has(error.status)) this.#refuse(batch, error);
      else await this.#pause(error);
    }
  }

  #settle(batch, outcomes) {
    const answered = batch.filter(({ id }) => outcomes.has(id));
    if (!answered.length) throw new Error("the server answered none of the changes");
    this.#failures = 0;
    this.#alone = Math.max(0, this.#alone - batch.length);
    for (const change of answered) {
      this.waiting.remove(change.id);
      this.told.outcome(change, outcomes.get(change.id));
    }
    this.#tell();
  }

  #refuse(batch, error) {
    this.#failures = 0;
    if (batch.length > 1) this.#alone = batch.length;
    else {
      this.#alone = Math.max(0, this.#alone - 1);
      this.#refused.set(batch[0].id, error.message);
    }
    this.#tell();
  }

  async #pause(error) {
    const pause = AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length - 1)];
    this.#failures++;
    this.trouble = error.message;
    this.#tell();
    await new Promise((resolve) => {
      this.#wake = resolve;
      this.after(pause, resolve);
    });
    this.#wake = null;
  }

  #tell() { this.told.state(this.state); }
}

/** The changes at the beginning that can be sent together: of one folder, by one person. */
function startOf(changes, most) {
  const [first] = changes;
  const end = changes.findIndex((change) => change.folder !== first.folder || change.who !== first.who);
  return changes.slice(0, Math.min(end < 0 ? changes.length : end, most));
}
