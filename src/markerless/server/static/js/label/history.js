// Undo and redo without limit. A step is a list of edits {image, i, k, before, after}: the animal's and the keypoint's
// number, and what was known before and after.

export class History {
  #done = [];
  #undone = [];

  /** Keep a step that was just made; what had been undone is gone. */
  push(edits) {
    if (!edits.length) return;
    this.#done.push(edits);
    this.#undone = [];
  }

  /** The step to undo, or null; it then counts as undone. */
  undo() {
    const edits = this.#done.pop() ?? null;
    if (edits) this.#undone.push(edits);
    return edits;
  }

  /** The step to make again, or null. */
  redo() {
    const edits = this.#undone.pop() ?? null;
    if (edits) this.#done.push(edits);
    return edits;
  }

  get canUndo() { return this.#done.length > 0; }

  get canRedo() { return this.#undone.length > 0; }
}

/** The edits that undo `edits`, the last one first. */
export function reversed(edits) {
  return edits.toReversed().map((edit) => ({ ...edit, before: edit.after, after: edit.before }));
}
