// Changes that the server has not acknowledged yet, kept in the browser's storage: one entry each, so that adding one
// costs the same whatever is waiting, and tabs do not overwrite each other's.

const PREFIX = "markerless-change";

export class Waiting {
  #changes = new Map(); // id -> change, in the order they were made

  /** `storage` is localStorage or alike; takes up what an earlier visit left. */
  constructor(storage, project) {
    this.storage = storage;
    this.prefix = `${PREFIX}/${project}/`;
    this.isKept = true; // false when the storage refuses: then a reload would lose what waits
    const left = keysOf(storage).filter((key) => key.startsWith(this.prefix)).map((key) => parsed(storage.getItem(key)));
    for (const change of left.filter(Boolean).sort((a, b) => a.made - b.made)) this.#changes.set(change.id, change);
    this.last = Math.max(0, ...[...this.#changes.values()].map(({ made }) => made));
  }

  get size() { return this.#changes.size; }

  all() { return [...this.#changes.values()]; }

  has(id) { return this.#changes.has(id); }

  /** Keep a change; `made` puts it behind all others, also behind those of an earlier visit. */
  add(change, now) {
    this.last = Math.max(this.last + 1, now);
    const whole = { ...change, made: this.last };
    this.#changes.set(whole.id, whole);
    try {
      this.storage.setItem(this.prefix + whole.id, JSON.stringify(whole));
    } catch {
      this.isKept = false;
    }
    return whole;
  }

  remove(id) {
    this.#changes.delete(id);
    this.storage.removeItem(this.prefix + id);
    if (!this.#changes.size) this.isKept = true;
  }

  /** The last waiting change of a point; null when there is none. */
  latest(folder, image, individual, keypoint) {
    const isIt = (change) => change.folder === folder && change.image === image && change.individual === individual && change.keypoint === keypoint;
    return this.all().findLast(isIt) ?? null;
  }
}

function keysOf(storage) {
  return Array.from({ length: storage.length }, (_, i) => storage.key(i));
}

function parsed(text) {
  try {
    const change = JSON.parse(text);
    return typeof change?.id === "string" && typeof change.made === "number" ? change : null;
  } catch {
    return null;
  }
}
