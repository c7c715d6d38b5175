// The only place where points change: what a person does goes into the store, the queue and the history; what the server
// answers is put in order here.
import { History, reversed } from "./history.js";
import { isOpen, same } from "./points.js";

export class Ledger {
  /**
   * `names` is {folder, individuals, keypoints}; `queue` takes changes; `who()` names the person; `newId()` gives ids that
   * nobody else gives; `changed(image, individual, keypoint)` is told of every change a person makes.
   */
  constructor({ names, store, queue, conflicts, who, newId, changed = () => {} }) {
    Object.assign(this, { names, store, queue, conflicts, who, newId, changed });
    this.history = new History();
  }

  /** One step of a person: edits [{image, i, k, after: {xy, visibility}}]; those that change nothing are left out. */
  make(edits) {
    const whole = edits.map((edit) => ({ ...edit, before: said(this.store.point(edit.image, edit.i, edit.k)) }));
    const real = whole.filter(({ before, after }) => !same(before, after));
    this.history.push(real);
    for (const edit of real) this.#write(edit);
    return real;
  }

  /** Undo or make again the last step: {edits, changedByOthers}, null when there is none. `load(images)` gets its frames. */
  async travel(direction, load) {
    const step = direction === "undo" ? this.history.undo() : this.history.redo();
    if (!step) return null;
    const edits = direction === "undo" ? reversed(step) : step;
    try {
      await load([...new Set(edits.map(({ image }) => image))]);
    } catch (error) {
      if (direction === "undo") this.history.redo();
      else this.history.undo();
      throw error;
    }
    const mine = edits.filter(({ image, i, k, before }) => same(this.store.point(image, i, k), before));
    for (const edit of mine) this.#write(edit);
    return { edits: mine, changedByOthers: edits.length - mine.length, image: edits[0].image };
  }

  /** Frame `image` as the server sent it; what waits to be sent lies on top. */
  load(image, points, asked) {
    this.store.load(image, points, asked, this.#waits);
    for (const change of this.queue.waiting.all()) {
      if (change.folder === this.names.folder && change.image === image) this.#show(change);
    }
  }

  /** What others did; see `LabelStore.merge`. */
  merge(changes, asked) {
    return this.store.merge(changes, asked, this.#waits);
  }

  /** The server's answer to a change of this folder. `now` is what stands there. */
  settle(change, { state, now }) {
    const place = this.#place(change);
    if (!place) return;
    const here = this.store.point(...place);
    if (state === "done" || same(now, change.to)) {
      if (same(here, now)) this.store.set(...place, now);
      return;
    }
    const later = this.queue.waiting.latest(change.folder, change.image, change.individual, change.keypoint);
    if (state === "already there") {
      if (!later) this.store.set(...place, now); // somebody has gone on from there since
      return;
    }
    // what is still on its way builds on what was refused, and comes back the same way
    this.conflicts.add(change, later?.to ?? change.to, now);
    if (!later) this.store.set(...place, now);
  }

  /** Decide a conflict: "mine" writes over the other's point, "theirs" leaves it. */
  resolve(conflict, choice) {
    this.conflicts.remove(conflict);
    const place = this.#place(conflict);
    if (choice !== "mine" || !place) return [];
    const [image, i, k] = place;
    return this.make([{ image, i, k, after: conflict.mine }]);
  }

  #write({ image, i, k, after }) {
    const before = this.store.point(image, i, k);
    const [individual, keypoint] = [this.names.individuals[i], this.names.keypoints[k]];
    const who = this.who();
    const id = this.newId();
    const began = this.names.began?.[keypoint] ?? null; // the server refuses it if another keypoint has that name by then
    const change = { id, folder: this.names.folder, image, individual, keypoint, began, who, was: said(before), after: before.id, to: said(after) };
    this.conflicts.remove(change); // whoever goes on from what stands there has seen it
    this.store.set(image, i, k, { ...said(after), who, time: "", id });
    this.queue.add(change);
    this.changed(image, individual, keypoint);
  }

  #show(change) {
    const place = this.#place(change);
    if (place) this.store.set(...place, { ...change.to, who: change.who, time: "", id: change.id });
  }

  #place({ folder, image, individual, keypoint }) {
    const [i, k] = [this.names.individuals.indexOf(individual), this.names.keypoints.indexOf(keypoint)];
    return folder === this.names.folder && i >= 0 && k >= 0 ? [image, i, k] : null;
  }

  #waits = (image, i, k) =>
    this.queue.waiting.latest(this.names.folder, image, this.names.individuals[i], this.names.keypoints[k]) !== null;
}

/** The part of a point that a person decides. */
export const said = ({ xy, visibility }) => ({ xy, visibility });

/** An id that nobody else makes, also where the page is not in a secure context. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** True when a frame has nothing left to decide for the animal. */
export const isComplete = (points) => !points.some(isOpen);
