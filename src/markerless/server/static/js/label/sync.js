// Hearing from the server: every two seconds, what anybody changed. It is also how a page with nothing to save notices that
// the server is gone, and that it is back.

const EVERY_MS = 2000;
const HIDDEN_MS = 15000; // for a page in the background
const SLOWEST_MS = 20000;

export class Sync {
  #timer = null;
  #abort = null;
  #isStopped = false;
  #isAsking = false;
  isReachable = true;

  /**
   * `ask(sequence, signal)` resolves to {changes, sequence}; `clock()` is the store's; `take(changes, asked)` gives false when
   * some have to be heard again; `told(isReachable)` is called when that changes.
   */
  constructor({ ask, clock, take, told, sequence }) {
    Object.assign(this, { ask, clock, take, told, sequence });
    this.#plan();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  /** Ask at once; what was asked before is heard first. */
  async poll() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    clearTimeout(this.#timer);
    await this.#ask();
    this.#isAsking = false;
    if (!this.#isStopped) this.#plan();
  }

  async #ask() {
    const asked = this.clock();
    const abort = this.#abort = new AbortController();
    const tooSlow = setTimeout(() => abort.abort(), SLOWEST_MS);
    try {
      const { changes, sequence } = await this.ask(this.sequence, abort.signal);
      if (this.#isStopped) return;
      if (this.take(changes, asked)) this.sequence = sequence;
      this.#say(true);
    } catch (error) {
      if (this.#isStopped) return;
      if (!error.status) this.#say(false);
    } finally {
      clearTimeout(tooSlow);
    }
  }

  #say(isReachable) {
    if (isReachable === this.isReachable) return;
    this.isReachable = isReachable;
    this.told(isReachable);
  }

  #plan() {
    this.#timer = setTimeout(() => this.poll(), document.hidden ? HIDDEN_MS : EVERY_MS);
  }
}
