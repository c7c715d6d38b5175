// The labels of a video's frames: which frames have some, their points, and corrections. Everything is saved at once.
import { changesFor, isWhole, newId, requireWhole, takenBack } from "./corrections.js";

export class FrameLabels {
  pictures = new Map(); // frame -> {picture, decided}
  #points = new Map(); // frame -> [{animal, keypoint, xy}] of what is labeled
  #foreign = new Set(); // frames whose picture has another size than the video's
  #undo = []; // {folder, changes, frame, back: changes that take it back, once they were sent}
  #turn = Promise.resolve(); // ends when the last undo does

  /** `about` is what the server knows of the tracks; `who()` resolves to the name of who labels, or "". */
  constructor({ api, key, about, who, changed = () => {} }) {
    Object.assign(this, { api, key, about, who, changed });
    this.individuals = [];
    this.known = new Set(); // keypoints of the project
  }

  get canUndo() { return this.#undo.length > 0; }

  /** Read which frames are extracted, and which of these are labeled. */
  async load() {
    const { frames } = await this.api.get(this.#video("extracted"));
    this.pictures = new Map(frames.map(({ index, picture, decided }) => [index, { picture, decided }]));
    this.changed();
  }

  /** Frames that were corrected since the page was opened. */
  get nCorrected() { return new Set(this.#undo.map(({ frame }) => frame)).size; }

  /** Frames with labels, in order. */
  get frames() { return [...this.pictures].filter(([, { decided }]) => decided > 0).map(([frame]) => frame).sort((a, b) => a - b); }

  isLabeled(frame) { return (this.pictures.get(frame)?.decided ?? 0) > 0; }

  /** Whether a frame's labels were read and are of a picture of another size than the video's frames. */
  isForeign(frame) { return this.#foreign.has(frame); }

  /** The labels of a frame, when they have been read; null for a frame without labels in the pixels of the video. */
  at(frame) { return this.isLabeled(frame) && !this.isForeign(frame) ? this.#points.get(frame) ?? null : null; }

  /** Read the labels of a frame, once. */
  async want(frame) {
    if (!this.isLabeled(frame) || this.#points.has(frame)) return;
    this.#points.set(frame, null);
    await this.#read(frame).catch((error) => {
      this.#points.delete(frame);
      throw error;
    });
  }

  /** Put a point of a frame elsewhere: {animal, keypoint, xy}; `predicted` are all points of the frame. Resolves to what
   * happened: {made: picture is new, n: labels that were placed, conflicts}, or null when nobody says who labels.
   * Throws where the picture has another size than the video's frames. */
  async correct(frame, moved, predicted) {
    const who = await this.who();
    if (!who) return null;
    const made = !this.pictures.has(frame);
    if (made) await this.#extract(frame);
    if (!this.individuals.length) await this.#learnNames();
    const { picture } = this.pictures.get(frame);
    const folder = this.about.stem;
    const { size, points } = await this.api.get(this.#path(folder, "frames", picture));
    requireWhole(`labeled-data/${folder}/${picture}`, size, this.about.size);
    const changes = changesFor({ picture, known: points, predicted: predicted.flatMap((one) => this.#named(one) ?? []), moved: this.#required(moved), size, newId });
    const conflicts = await this.#send(folder, who, changes);
    if (conflicts < changes.length) this.#undo.push({ folder, frame, changes });
    this.pictures.set(frame, { picture, decided: Math.max(changes.length, this.pictures.get(frame)?.decided ?? 0) });
    await this.#read(frame);
    return { made, n: changes.length, conflicts };
  }

  /** Take the last correction back, one after the other; resolves to its frame, or null when there is none. It stays the
   * last one until the server has answered; one that the server refuses is tried again after those before it. */
  undo() {
    this.#turn = this.#turn.catch(() => {}).then(() => this.#takeBack());
    return this.#turn;
  }

  async #takeBack() {
    const last = this.#undo.at(-1);
    if (!last) return null;
    last.back ??= takenBack(last.changes, newId); // under the same ids again, as the server may have them already
    const others = () => this.#undo.filter((one) => one !== last);
    await this.#send(last.folder, await this.who(), last.back).catch((error) => {
      if (error.status >= 400 && error.status < 500) this.#undo = [last, ...others()];
      throw error;
    });
    this.#undo = others();
    await this.load();
    await this.#read(last.frame);
    return last.frame;
  }

  async #extract(frame) {
    const { frames } = await this.api.post(this.#video("extract"), { frames: [frame] });
    await this.load();
    if (!this.pictures.has(frame)) throw new Error(`frame ${frame} cannot be decoded${frames.length ? `; frame ${frames[0]} was extracted instead` : ""}`);
  }

  async #learnNames() {
    const { individuals, keypoints } = await this.api.get(this.#path(this.about.stem));
    this.individuals = individuals;
    this.known = new Set(keypoints);
  }

  async #send(folder, who, changes) {
    let conflicts = 0;
    for (let i = 0; i < changes.length; i += 200) {
      const { outcomes } = await this.api.post(this.#path(folder, "changes"), { who, changes: changes.slice(i, i + 200) });
      conflicts += outcomes.filter(({ state }) => state === "conflict").length;
    }
    return conflicts;
  }

  async #read(frame) {
    const { picture } = this.pictures.get(frame);
    const { size, points } = await this.api.get(this.#path(this.about.stem, "frames", picture));
    if (isWhole(size, this.about.size)) this.#foreign.delete(frame);
    else this.#foreign.add(frame);
    const found = [];
    for (const [individual, keypoints] of Object.entries(points)) {
      for (const [name, { xy }] of Object.entries(keypoints)) {
        const keypoint = this.about.keypoints.indexOf(name);
        if (xy && keypoint >= 0) found.push({ animal: this.#animalOf(individual), keypoint, xy });
      }
    }
    this.#points.set(frame, found);
    this.changed();
  }

  #animalOf(individual) {
    const place = this.about.individuals.indexOf(individual);
    return place >= 0 ? place : 0;
  }

  /** A point with the project's names; null for a keypoint or an animal that it does not know. */
  #named({ animal, keypoint, xy }) {
    const name = this.about.keypoints[keypoint];
    const own = this.about.individuals[animal];
    const individual = this.individuals.includes(own) ? own : this.about.individuals.length === 1 ? this.individuals[0] : null;
    return individual && this.known.has(name) ? { individual, keypoint: name, xy } : null;
  }

  #required(point) {
    const named = this.#named(point);
    if (!named) throw new Error(`${this.about.keypoints[point.keypoint]} of ${this.about.individuals[point.animal]} is not part of this project; it cannot become a label`);
    return named;
  }

  #video(part) { return this.api.path("projects", this.key, "videos", this.about.video, part); }

  #path(...parts) { return this.api.path("projects", this.key, "labels", ...parts); }
}
