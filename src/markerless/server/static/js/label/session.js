// What a person does to the frame in sight: which keypoint comes next, which is selected, what is being dragged. It knows
// nothing of the page, so that all of it runs under Node too.
import { isComplete, said } from "./ledger.js";
import { nextOpen, stepped } from "./order.js";
import { ABSENT, NOTHING, OCCLUDED, VISIBLE, isOpen, isPlaced, storable } from "./points.js";

export class Session {
  #travels = Promise.resolve();

  /** `changed()` is called after everything that may look different. */
  constructor({ names, store, ledger, changed }) {
    Object.assign(this, { names, store, ledger, changed });
    this.image = null; // null while no frame is in sight: then nothing can be placed
    this.picture = null; // {width, height}
    this.individual = 0;
    this.armed = null; // the keypoint that the next click places
    this.selected = null; // the keypoint that keys move, remove and mark
    this.skipped = new Set();
    this.draft = null; // {i, k, xy, visibility, isNew} of what is being dragged or nudged
    this.predictions = null; // [animal][keypoint] -> {xy, error, score} or null
    this.suggestions = null; // the same of what other views say, see view_geometry.js
  }

  /** Points of the frame with what is being dragged where it is now. */
  get points() {
    const points = this.store.frame(this.image);
    if (!this.draft) return points;
    const { i, k, xy, visibility } = this.draft;
    return points.map((row, animal) => (animal === i ? row.map((point, j) => (j === k ? { ...point, xy, visibility } : point)) : row));
  }

  get own() { return this.store.frame(this.image)[this.individual]; }

  open(image, picture) {
    this.settle();
    Object.assign(this, { image, picture, selected: null, predictions: null, suggestions: null });
    this.skipped.clear();
    this.#rearm();
  }

  /** Show nothing until the next frame is there. */
  close() {
    this.settle();
    Object.assign(this, { image: null, predictions: null, suggestions: null, armed: null, selected: null });
    this.changed();
  }

  setPredictions(predictions) {
    this.predictions = predictions;
    this.changed();
  }

  /** A prediction that nobody has decided on yet; null for all others. */
  prediction(i, k) {
    return isOpen(this.store.point(this.image, i, k)) ? this.predictions?.[i]?.[k] ?? null : null;
  }

  setSuggestions(suggestions) {
    this.suggestions = suggestions;
    this.changed();
  }

  /** Where other views put a keypoint that nobody has decided on yet, in the picture; null for all others. */
  suggestion(i, k) {
    const found = isOpen(this.store.point(this.image, i, k)) ? this.suggestions?.[i]?.[k] ?? null : null;
    return found?.xy && found.isInside ? found : null;
  }

  // placing and moving

  /** Place the keypoint whose turn it is; false when there is none. */
  place(xy, isHidden = false) {
    if (this.image === null || this.armed === null) return false;
    this.settle();
    const k = this.armed;
    this.selected = k;
    this.#make([{ i: this.individual, k, after: { xy: storable(xy, this.picture), visibility: isHidden ? OCCLUDED : VISIBLE } }]);
    this.#rearm(k);
    return true;
  }

  /** Take hold of a mark, or of a prediction or (`kind`) a suggestion, which becomes a label where it is let go. */
  grab(i, k, kind = "prediction") {
    this.settle();
    const point = this.store.point(this.image, i, k);
    const predicted = kind === "suggestion" ? this.suggestion(i, k) : this.prediction(i, k);
    if (i !== this.individual) this.chooseIndividual(i);
    this.selected = k;
    if (isPlaced(point)) this.draft = { i, k, xy: point.xy, visibility: point.visibility, isNew: false };
    else if (predicted) this.draft = { i, k, xy: storable(predicted.xy, this.picture), visibility: VISIBLE, isNew: true };
    this.changed();
  }

  drag(xy) {
    if (!this.draft) return;
    this.draft = { ...this.draft, xy: storable(xy, this.picture) };
    this.changed();
  }

  /** Move the selected keypoint by pixels; it counts once `settle` is called. */
  nudge(dx, dy) {
    const k = this.selected;
    const point = this.points[this.individual]?.[k] ?? NOTHING;
    if (this.image === null || !isPlaced(point)) return false;
    const xy = storable([point.xy[0] + dx, point.xy[1] + dy], this.picture);
    this.draft = { i: this.individual, k, xy, visibility: point.visibility, isNew: false };
    this.changed();
    return true;
  }

  /** What is dragged or nudged stays where it is now. */
  settle() {
    if (!this.draft) return;
    const { i, k, xy, visibility, isNew } = this.draft;
    this.draft = null;
    this.#make([{ i, k, after: { xy, visibility } }]);
    if (isNew) this.#rearm(k);
    else this.changed();
  }

  /** What is dragged or nudged goes back to where it was. */
  giveUp() {
    this.draft = null;
    this.changed();
  }

  // deciding without a place

  remove(i = this.individual, k = this.selected) {
    this.settle();
    if (this.image === null || k === null || isOpen(this.store.point(this.image, i, k))) return false;
    this.individual = i;
    this.#make([{ i, k, after: said(NOTHING) }]);
    this.selected = null;
    this.#arm(k);
    return true;
  }

  /** The selected keypoint is hidden in the picture, or is not any more. */
  toggleHidden() {
    this.settle();
    const point = this.selected === null ? NOTHING : this.store.point(this.image, this.individual, this.selected);
    if (!isPlaced(point)) return false;
    const visibility = point.visibility === OCCLUDED ? VISIBLE : OCCLUDED;
    this.#make([{ i: this.individual, k: this.selected, after: { xy: point.xy, visibility } }]);
    return true;
  }

  /** The keypoint whose turn it is, else the selected one, was looked for and is not there; again takes that back. */
  toggleAbsent() {
    this.settle();
    const k = this.armed ?? this.selected;
    if (this.image === null || k === null) return false;
    const isAbsent = this.own[k].visibility === ABSENT;
    this.selected = k;
    this.#make([{ i: this.individual, k, after: isAbsent ? said(NOTHING) : { xy: null, visibility: ABSENT } }]);
    this.#rearm(isAbsent ? k - 1 : k);
    return true;
  }

  /** No animal is in this frame: all keypoints of all animals are absent, in one step; again takes that back. */
  toggleEmpty() {
    this.settle();
    if (this.image === null) return null;
    const points = this.store.frame(this.image);
    const wasEmpty = points.flat().every(({ visibility }) => visibility === ABSENT);
    const after = wasEmpty ? said(NOTHING) : { xy: null, visibility: ABSENT };
    this.#make(points.flatMap((row, i) => row.map((_, k) => ({ i, k, after }))));
    this.selected = null;
    this.skipped.clear();
    this.#rearm();
    return !wasEmpty;
  }

  /** Leave the keypoint open and go on; it comes again after the others. */
  skip() {
    if (this.image === null || this.armed === null) return;
    this.skipped.add(this.armed);
    this.#rearm(this.armed);
  }

  // choosing

  /** Take a keypoint: the next click places it, also when it has a place already. */
  choose(k) {
    if (this.image === null || k >= this.names.keypoints.length) return;
    this.settle();
    this.#arm(k);
    this.selected = k;
    this.changed();
  }

  step(by) {
    this.choose(stepped(this.armed ?? this.selected, by, this.names.keypoints.length));
  }

  chooseIndividual(i) {
    this.settle();
    this.individual = i;
    this.selected = null;
    this.skipped.clear();
    this.#rearm();
  }

  stepIndividual(by) {
    this.chooseIndividual(stepped(this.individual, by, this.names.individuals.length));
  }

  unselect() {
    if (this.draft) return this.giveUp();
    this.selected = null;
    this.#rearm();
  }

  // many points at once

  /** Take every keypoint that is open here from another frame; how many. */
  copyFrom(image) {
    const source = this.store.frame(image);
    return this.#fill((i, k) => (isOpen(source[i][k]) ? null : { ...said(source[i][k]), xy: isPlaced(source[i][k]) ? storable(source[i][k].xy, this.picture) : null }));
  }

  /** Make all predictions labels; how many. */
  acceptAll() {
    return this.#fill((i, k) => (this.prediction(i, k) ? { xy: storable(this.prediction(i, k).xy, this.picture), visibility: VISIBLE } : null));
  }

  /** Make all suggestions of other views labels; how many. */
  acceptSuggestions() {
    return this.#fill((i, k) => (this.suggestion(i, k) ? { xy: storable(this.suggestion(i, k).xy, this.picture), visibility: VISIBLE } : null));
  }

  // undoing

  /** "undo" or "redo"; `load(images)` gets frames. Steps are taken one after the other. */
  travel(direction, load) {
    this.settle();
    const travel = this.#travels.then(() => this.ledger.travel(direction, load)).then((done) => {
      const here = done?.edits.filter(({ image }) => image === this.image) ?? [];
      if (here.length) {
        this.individual = here[0].i;
        this.selected = here.length === 1 ? here[0].k : null;
      }
      this.#rearm();
      return done;
    });
    this.#travels = travel.catch(() => {});
    return travel;
  }

  /** Others have changed something in sight. */
  refresh() {
    const armed = this.armed === null ? null : this.own[this.armed];
    if (armed === null || (!isOpen(armed) && this.selected !== this.armed)) this.#rearm();
    else this.changed();
  }

  get isComplete() { return this.image !== null && isComplete(this.own); }

  #fill(valueOf) {
    this.settle();
    if (this.image === null) return 0;
    const edits = [];
    this.store.frame(this.image).forEach((row, i) => row.forEach((point, k) => {
      const after = isOpen(point) ? valueOf(i, k) : null;
      if (after) edits.push({ i, k, after });
    }));
    this.#make(edits);
    this.#rearm();
    return edits.length;
  }

  #make(edits) {
    this.ledger.make(edits.map((edit) => ({ image: this.image, ...edit })));
  }

  #arm(k) {
    this.armed = k;
    this.skipped.delete(k);
    this.changed();
  }

  #rearm(from = -1) {
    this.armed = this.image === null ? null : nextOpen(this.own, from, this.skipped);
    this.changed();
  }
}

