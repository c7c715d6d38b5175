// Pictures at hand before they are asked for. `load(name, signal)` gives {bitmap, pixels}; those that nobody wants any more
// are let go, the longest unused first, when there are more pixels than `budget`.

export const BUDGET_PIXELS = 96e6; // 4 bytes each: nine frames of 4k, 300 of 640 x 480
/** On two cores two pictures of 4k that are decoded at once leave none to the page: a click then took 20 ms. */
export const AT_ONCE = (globalThis.navigator?.hardwareConcurrency ?? 4) > 2 ? 2 : 1;

export class Prefetch {
  #entries = new Map(); // name -> {promise, value, abort, settled}; the last used at the end
  #wanted = [];
  #failures = new Set(); // since the last `want`: not tried again until the next

  constructor({ load, budget = BUDGET_PIXELS, atOnce = AT_ONCE }) {
    this.load = load;
    this.atOnce = atOnce;
    this.budget = budget;
  }

  /** The picture, when it is there already. */
  ready(name) { return this.#entries.get(name)?.value ?? null; }

  /** The picture; it is loaded at once, whatever else is waiting. */
  get(name) {
    const entry = this.#entries.get(name) ?? this.#start(name);
    this.#use(name, entry);
    return entry.promise;
  }

  /** Have these loaded, the first one first; what is under way for others is given up. */
  want(names) {
    this.#wanted = [...names];
    this.#failures.clear();
    for (const [name, entry] of this.#entries) {
      if (!entry.settled && !names.includes(name)) {
        entry.abort.abort();
        this.#entries.delete(name);
      }
    }
    this.#fill();
  }

  /** Give everything up. */
  clear() {
    this.want([]);
    for (const { value } of this.#entries.values()) value?.bitmap.close?.();
    this.#entries.clear();
  }

  #fill() {
    let running = [...this.#entries.values()].filter((entry) => !entry.settled).length;
    for (const name of this.#wanted) {
      if (running >= this.atOnce) break;
      if (this.#entries.has(name) || this.#failures.has(name)) continue;
      this.#start(name).promise.catch(() => {}); // who shows the picture is told; a guess that failed is nobody's matter
      running++;
    }
    this.#trim();
  }

  #start(name) {
    const abort = new AbortController();
    const entry = { abort, value: null, settled: false };
    entry.promise = this.load(name, abort.signal).then(
      (value) => this.#arrived(name, entry, value),
      (error) => this.#failed(name, entry, error),
    );
    this.#entries.set(name, entry);
    return entry;
  }

  #arrived(name, entry, value) {
    entry.settled = true;
    if (this.#entries.get(name) !== entry) {
      value.bitmap.close?.();
      throw new DOMException("not wanted any more", "AbortError");
    }
    entry.value = value;
    this.#fill();
    return value;
  }

  #failed(name, entry, error) {
    entry.settled = true;
    if (this.#entries.get(name) === entry) {
      this.#entries.delete(name);
      this.#failures.add(name);
      this.#fill();
    }
    throw error;
  }

  #use(name, entry) {
    this.#entries.delete(name);
    this.#entries.set(name, entry);
  }

  #trim() {
    let pixels = [...this.#entries.values()].reduce((sum, { value }) => sum + (value?.pixels ?? 0), 0);
    for (const [name, { value }] of this.#entries) {
      if (pixels <= this.budget) return;
      if (!value || this.#wanted.includes(name)) continue;
      value.bitmap.close?.();
      this.#entries.delete(name);
      pixels -= value.pixels;
    }
  }
}
