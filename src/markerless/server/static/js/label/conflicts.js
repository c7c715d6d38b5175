// Two people changed the same point. The other's stands, ours is kept here until somebody decides; also across a reload.

const PREFIX = "markerless-conflict";

export class Conflicts {
  #found = new Map(); // one for each point

  constructor(storage, project) {
    this.storage = storage;
    this.prefix = `${PREFIX}/${project}/`;
    for (let i = 0; i < storage.length; i++) {
      const key = storage.key(i);
      if (key.startsWith(this.prefix)) this.#take(key, storage.getItem(key));
    }
  }

  /** Keep `mine`, {xy, visibility}, of a point where `theirs` stands now. */
  add({ folder, image, individual, keypoint }, mine, theirs) {
    const conflict = { folder, image, individual, keypoint, mine, theirs };
    const key = keyOf(conflict);
    this.#found.set(key, conflict);
    try {
      this.storage.setItem(this.prefix + key, JSON.stringify(conflict));
    } catch {
      // a full storage: it is kept while the page is open
    }
  }

  get(point) { return this.#found.get(keyOf(point)) ?? null; }

  remove(point) {
    const key = keyOf(point);
    this.#found.delete(key);
    this.storage.removeItem(this.prefix + key);
  }

  /** Those of a folder, or of one frame of it. */
  of(folder, image = null) {
    return [...this.#found.values()].filter((one) => one.folder === folder && (image === null || one.image === image));
  }

  #take(key, text) {
    try {
      const conflict = JSON.parse(text);
      if (conflict?.mine && conflict.theirs) this.#found.set(keyOf(conflict), conflict);
    } catch {
      this.storage.removeItem(key);
    }
  }
}

const keyOf = ({ folder, image, individual, keypoint }) => [folder, image, individual, keypoint].map(encodeURIComponent).join("/");
