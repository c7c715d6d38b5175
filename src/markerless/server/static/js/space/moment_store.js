// Pictures of several videos at the same moments, as one store for the player: a moment is there when each video has its
// frame, or cannot have it.
import { BUDGET_PIXELS, FrameStore } from "../review/frame_store.js";

export class MomentStore {
  stores = new Map(); // any key -> FrameStore of pictures by moment

  /** `changed()` when a picture came. */
  constructor({ changed = () => {} } = {}) { this.changed = changed; }

  /** Videos by key: `load(moment, signal)` gives {picture, pixels}. Those that stay under their key keep their pictures. */
  set(loads) {
    for (const [key, store] of this.stores) {
      if (loads.get(key) === store.load) continue;
      store.clear();
      this.stores.delete(key);
    }
    const budget = BUDGET_PIXELS / Math.max(loads.size, 1);
    for (const [key, load] of loads) {
      if (!this.stores.has(key)) this.stores.set(key, new FrameStore({ load, changed: () => this.changed() }));
      this.stores.get(key).budget = budget;
    }
  }

  /** Frames of one video are to be fetched anew: in another size. */
  renew(key) { this.stores.get(key)?.clear(); }

  has(moment) { return this.#all((store) => store.has(moment) || store.failure(moment) !== null); }

  /** The pictures by key; null where one is missing. */
  picture(moment) { return new Map([...this.stores].map(([key, store]) => [key, store.picture(moment)])); }

  failure() { return null; } // each panel says its own

  failureOf(key, moment) { return this.stores.get(key)?.failure(moment) ?? null; }

  want(moments, isOfUse) { for (const store of this.stores.values()) store.want(moments, isOfUse); }

  clear() { for (const store of this.stores.values()) store.clear(); }

  /** What a request takes, of the slowest video; null while nothing is known, 0 without videos. */
  get delayMs() {
    if (!this.stores.size) return 0;
    const known = [...this.stores.values()].map(({ delayMs }) => delayMs).filter((one) => one !== null);
    return known.length ? Math.max(...known) : null;
  }

  set pinned(moment) { for (const store of this.stores.values()) store.pinned = moment; }

  #all(test) {
    for (const store of this.stores.values()) if (!test(store)) return false;
    return true;
  }
}
