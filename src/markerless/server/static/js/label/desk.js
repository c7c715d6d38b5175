// The label page at work: one folder of frames, one person. It joins the parts; what each does is in its own file.
import { cssColor } from "../colors.js";
import { toImage } from "../coords.js";
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { commandsOf } from "./commands.js";
import { ConflictBar } from "./conflict_bar.js";
import { Doubts } from "./doubts.js";
import { Flashes } from "./flashes.js";
import { FramePanel } from "./frame_panel.js";
import { FrameSource } from "./frame_source.js";
import { KeypointPanel } from "./keypoint_panel.js";
import { Ledger, randomId } from "./ledger.js";
import { Lens } from "./lens.js";
import { conflictMarks, ghostMarks, labelMarks, lines, predictionMarks } from "./marks.js";
import { neighbor, nextWanted } from "./order.js";
import { paint, warmUp } from "./paint.js";
import { isPlaced } from "./points.js";
import { Pointer } from "./pointer.js";
import { Predictions } from "./predictions.js";
import { ahead, isUnlabeled } from "./rows.js";
import { runChoice } from "./run_choice.js";
import { Session } from "./session.js";
import { ViewSettings } from "./settings.js";
import { Stage } from "./stage.js";
import { StatusBar } from "./status_bar.js";
import { LabelStore } from "./store.js";
import { Toolbar } from "./toolbar.js";
import { OtherViews } from "./other_views.js";
import { beamMarks, farMarks, paintViews, suggestionMarks } from "./view_marks.js";
import { ViewsPanel } from "./views_panel.js";
import { measured } from "./timing.js";
import { count } from "./words.js";

const MOST_RECOUNTS = 20; // frames counted anew one by one; more, and the whole list is asked for
const LOOKED_AT_MS = 150; // at a frame, before predictions are asked for

export class Desk {
  #visit = 0;
  #panelsAreStale = true;
  #hovered = null;
  #predictedFor = null;
  #isListing = false;

  /** `saving` see saving.js; `data` is the folder as wire.js gives it; `who()` names the person. */
  constructor({ key, saving, data, folders, who, goFolder, dialogs }) {
    Object.assign(this, { key, saving, data, dialogs, goFolder });
    this.isPanning = false;
    this.current = null;
    this.store = new LabelStore(data.individuals.length, data.keypoints.length);
    this.ledger = new Ledger({ names: data, store: this.store, queue: saving.queue, conflicts: saving.conflicts, who, newId: randomId, changed: (...point) => this.#settleDoubt(...point) });
    this.session = new Session({ names: data, store: this.store, ledger: this.ledger, changed: () => this.changed() });
    this.source = new FrameSource({ wire: saving.wire, names: data, store: this.store, ledger: this.ledger });
    this.predictions = new Predictions({ ask: (image, run) => saving.wire.predictions(data, image, run), runs: data.runs, storage: localStorage, key });
    this.views = new OtherViews({ ask: (image) => saving.wire.views(data, image), version: data.views, changed: () => this.#suggested(), failed: (error) => this.#viewsFailed(error) });
    this.settings = new ViewSettings(localStorage, (name) => this.#setting(name));
    this.flashes = new Flashes();
    this.doubts = new Doubts();
    this.stage = new Stage((ctx) => this.#paint(ctx));
    this.lens = new Lens(this.stage);
    warmUp(data, data.palette);
    this.pointer = new Pointer({
      stage: this.stage, session: this.session, marks: () => this.#marks(), size: () => this.settings.get("size"),
      moved: (at, hit) => this.#moved(at, hit), isPanning: () => this.isPanning,
    });
    this.status = new StatusBar(data);
    this.commands = commandsOf(this);
    this.#build(folders, goFolder);
    this.#setting("brightness");
  }

  leave() {
    this.session.settle();
    this.source.leave();
    this.stage.leave();
    this.frames.leave();
    this.views.leave();
  }

  /** Anything may look different: draw before the next frame of the screen. */
  changed() {
    this.#panelsAreStale = true;
    this.stage.redrawMarks();
  }

  // frames

  /** Show a frame; nothing can be placed while it is not there. */
  async open(name, started = performance.now()) {
    this.session.settle();
    const visit = ++this.#visit;
    this.current = name;
    this.frames.show(name);
    window.history.replaceState(null, "", addressOf(this.key, "label", { video: this.data.folder, frame: name }));
    const found = this.source.ready(name) ?? await this.#awaited(name, visit);
    if (!found || visit !== this.#visit) return;
    this.#predictedFor = null;
    this.stage.node.dataset.frame = name;
    this.message.hidden = true;
    this.stage.show(found.bitmap, found.picture);
    this.session.open(name, found.picture);
    this.views.open(name);
    if (document.activeElement === document.body) this.stage.over.focus({ preventScroll: true });
    this.stage.whenPainted.push(() => requestAnimationFrame(() => measured("label:frame", started)));
    this.source.want(ahead(this.frames.shown, name, this.frames.places));
    this.#showGhost();
  }

  goBy(by) {
    const name = neighbor(this.frames.shown, this.current, by, this.frames.places);
    if (name) return this.open(name);
    return this.status.say(by > 0 ? "This is the last frame." : "This is the first frame.");
  }

  goUnlabeled(by) {
    const rows = this.frames.rows;
    const isWanted = (name) => isUnlabeled(rows[this.frames.places.get(name)], this.data);
    const name = nextWanted(rows.map((row) => row.name), this.current, by, isWanted);
    if (name) return this.open(name);
    return this.status.say("No other frame is left to label.");
  }

  /** The frame before in the folder, whatever the filter shows. */
  get previous() { return this.data.frames[this.frames.places.get(this.current) - 1]?.name ?? null; }

  async copyPrevious() {
    const [from, to] = [this.previous, this.current];
    if (from === null) return this.status.say("There is no frame before this one.");
    await this.source.labels(from);
    if (this.session.image !== to) return null;
    const copied = this.session.copyFrom(from);
    return this.status.say(copied ? `Copied ${copied} from ${from}.` : `Nothing to copy: ${from} has no labels for what is open here.`);
  }

  /** The same moment as another view sees it. */
  goView(by, view = this.views.next(by)) {
    if (view) return this.goFolder(view.folder, view.picture);
    return this.status.say(this.views.views.length ? "No other view has a picture of this moment." : "This frame has no other views.");
  }

  async extractViews() {
    const image = this.current;
    try {
      this.views.show(image, await this.saving.wire.extractViews(this.data, image));
      this.status.say("Pictures of this moment are there in the other views.");
    } catch (error) {
      this.status.say(error.message);
    }
  }

  acceptSuggestions() {
    const accepted = this.session.acceptSuggestions();
    this.status.say(accepted ? `Accepted ${count(accepted, "suggestion")} of other views.` : "Other views suggest nothing for what is open here.");
  }

  acceptAll() {
    const accepted = this.session.acceptAll();
    this.status.say(accepted ? `Accepted ${accepted} predictions.` : "There is no prediction for what is open here.");
  }

  /** Ask which labels may be mistakes; labeling goes on meanwhile, and without an answer too. */
  async lookForMistakes() {
    try {
      this.doubts.set(await this.saving.wire.suspects(this.data.folder));
    } catch {
      return;
    }
    this.frames.setSuspicions(this.doubts.counts());
    this.changed();
  }

  dismiss(doubt) {
    this.doubts.dismiss(doubt);
    this.frames.setSuspicions(this.doubts.counts());
    this.changed();
  }

  /** `listing` is another when pictures or folders have come or gone, or keypoints changed: then the list is asked for anew. */
  async takeListing(listing) {
    if (listing === this.data.listing || this.#isListing) return;
    this.#isListing = true;
    try {
      const [{ frames, listing: now, keypoints, began }, folders] = await Promise.all([this.saving.wire.folder(this.data.folder), this.saving.wire.folders()]);
      if (told(keypoints, began) !== told(this.data.keypoints, this.data.began)) return location.reload(); // what waits to be saved is kept
      this.data.listing = now;
      await this.#setFrames(frames, folders);
    } catch (error) {
      if (error.status === 404) this.goFolder(""); // the folder itself is gone
      else if (error.status) throw error; // else the server is away, and is asked again
    } finally {
      this.#isListing = false;
    }
  }

  async #setFrames(frames, folders) {
    const before = this.frames.places.get(this.current);
    const { come, gone } = this.frames.setFrames(frames, folders);
    this.data.frames = this.frames.rows;
    if (come) this.status.say(`${count(come, "new frame")} in this folder.`);
    else if (gone) this.status.say(`${count(gone, "frame")} of this folder ${gone === 1 ? "was" : "were"} taken away.`);
    if (!frames.length) return this.goFolder("");
    if (this.frames.places.has(this.current)) return this.changed();
    return this.open(frames[Math.min(before ?? 0, frames.length - 1)].name);
  }

  // undoing and conflicts

  async travel(direction) {
    const done = await this.session.travel(direction, (images) => Promise.all(images.map((image) => this.source.labels(image))));
    if (!done) return this.status.say(direction === "undo" ? "Nothing left to undo." : "Nothing to make again.");
    this.#recounted(done.image);
    if (done.image !== this.current) await this.open(done.image);
    const place = done.edits.find(({ after }) => isPlaced(after));
    if (place) this.stage.reveal(place.after.xy);
    if (done.changedByOthers) this.status.say("Somebody else has changed this since; that was left as it is.");
    return done;
  }

  async resolve(conflict, choice) {
    if (conflict.image !== this.session.image) await this.open(conflict.image);
    this.ledger.resolve(conflict, choice);
    this.session.refresh();
  }

  /** The answer to one of this folder's changes. */
  outcome(change, outcome) {
    this.ledger.settle(change, outcome);
    if (change.image === this.session.image) this.session.refresh();
    this.#recounted(change.image);
    this.views.saved(change.image);
    this.changed();
  }

  /** What others changed; false when some must be heard again. */
  takeOthers(changes, asked) {
    const known = changes.filter(({ i, k }) => i >= 0 && k >= 0);
    if (known.length < changes.length) this.status.say("The keypoints or animals of this project have changed: load the page again.");
    const { taken, isWhole } = this.ledger.merge(known, asked);
    const here = taken.filter(({ image }) => image === this.session.image);
    if (here.length) {
      this.flashes.add(here);
      const who = [...new Set(here.map(({ point }) => point.who || "Somebody"))].join(", ");
      this.status.say(`${who} changed ${here.length === 1 ? this.data.keypoints[here[0].k] : `${here.length} keypoints`} here.`);
      this.session.refresh();
    }
    for (const image of new Set(taken.map((change) => change.image))) this.#recounted(image);
    this.#count([...new Set(known.map(({ image }) => image))].filter((image) => !this.store.has(image)));
    return isWhole;
  }

  // inside

  #build(folders, goFolder) {
    const { commands, data, session } = this;
    this.frames = new FramePanel({ key: this.key, folders, data, go: (name) => this.open(name), goFolder, lookAgain: () => this.lookForMistakes() });
    this.toolbar = new Toolbar({ commands, settings: this.settings, onState: () => this.dialogs.state() });
    const actions = [["Occluded", "hidden", "O"], ["Absent", "absent", "X"], ["Remove", "remove", "Del"], ["Skip", "skip", "E"], ["No animal here", "empty", "⇧ X"]]
      .map(([label, name, key]) => ({ label, name, key, title: commands[name].does, run: commands[name].run }));
    this.viewsPanel = new ViewsPanel({ data, commands, go: (view) => this.goView(0, view), extract: () => this.extractViews(), choose: (i, k) => this.#takeUp(i, k) });
    this.keypoints = new KeypointPanel({ data, session, actions, dismiss: (doubt) => this.dismiss(doubt), openHistory: () => this.dialogs.history(this.current), runs: this.#runChoice(), views: this.viewsPanel.node });
    this.conflictBar = new ConflictBar({ data, resolve: (conflict, choice) => this.resolve(conflict, choice), go: (name) => this.open(name) });
    this.stage.over.addEventListener("pointerdown", () => this.toolbar.fold());
    this.stage.node.append(this.conflictBar.node);
    this.message = h("div", { class: "label-message", hidden: true });
    this.stage.node.append(this.message);
    const middle = h("section", { class: "label-middle" }, this.toolbar.node, this.stage.node, this.status.node);
    this.node = h("div", { class: "label-desk" }, this.frames.node, middle, this.keypoints.node);
  }

  async #awaited(name, visit) {
    this.session.close();
    this.stage.node.dataset.waits = "";
    this.source.want([name]);
    try {
      return await this.source.get(name);
    } catch (error) {
      if (visit === this.#visit) this.#missing(name, error);
      return null;
    } finally {
      if (visit === this.#visit) delete this.stage.node.dataset.waits;
    }
  }

  #missing(name, error) {
    const again = h("button", { class: "button", type: "button", onclick: () => this.open(name) }, "Try again");
    replace(this.message, h("h2", {}, `${name} cannot be shown`), h("p", {}, error.message), again);
    this.message.hidden = false;
    this.source.want(ahead(this.frames.shown, name, this.frames.places).slice(1));
  }

  #marks() {
    const { view } = this.stage;
    return { labels: labelMarks(this.session, view), predictions: predictionMarks(this.session, view), suggestions: suggestionMarks(this.session, view) };
  }

  #paint(ctx) {
    if (this.#panelsAreStale) this.#drawPanels();
    this.#panelsAreStale = false;
    if (this.session.image === null) return;
    if (!this.session.isComplete) this.#showPredictions(this.session.image);
    const { view } = this.stage;
    const marks = this.#marks();
    const [edges, showsLines] = [this.data.edges, this.settings.get("lines")];
    const ghost = this.settings.get("ghost") && this.previous ? ghostMarks(this.store.frame(this.previous), view) : [];
    const flashes = this.flashes.of(this.session, view);
    const scene = {
      ...marks, ghost, flashes, hovered: this.#hovered,
      ghostLines: showsLines ? lines(ghost, edges) : [],
      lines: showsLines ? lines(marks.labels, edges) : [],
      doubts: marks.labels.filter(({ i, k }) => this.doubts.isAbout(this.session.image, this.data.individuals[i], this.data.keypoints[k])),
      conflicts: conflictMarks(this.saving.conflicts.of(this.data.folder, this.session.image), this.data, view),
    };
    const style = { palette: this.data.palette, names: this.data, size: this.settings.get("size"), showsNames: this.settings.get("names") };
    paintViews(ctx, { beams: this.#beams(), suggestions: marks.suggestions, far: farMarks(this.views.far(this.session.points), view) }, style);
    paint(ctx, scene, style);
    if (flashes.length) this.stage.redrawMarks();
  }

  #drawPanels() {
    const { session } = this;
    const nPredictions = session.predictions?.flatMap((row, i) => row.filter((_, k) => session.prediction(i, k))).length ?? 0;
    this.toolbar.draw({ canUndo: this.ledger.history.canUndo, canRedo: this.ledger.history.canRedo, nPredictions, scale: this.stage.view.scale });
    this.keypoints.draw(this.doubts.of(session.image));
    const nSuggested = session.suggestions?.flatMap((row, i) => row.filter((_, k) => session.suggestion(i, k))).length ?? 0;
    this.viewsPanel.draw({ views: this.views, nSuggested, far: session.image === null ? [] : this.views.far(session.points), showsBeams: this.settings.get("beams") });
    if (session.image !== null) this.#recounted(session.image);
    this.status.draw(session);
    const conflicts = this.saving.conflicts.of(this.data.folder);
    const here = conflicts.filter(({ image }) => image === session.image);
    this.conflictBar.draw(here, conflicts.filter((one) => !here.includes(one)));
    this.stage.node.dataset.cursor = this.isPanning ? "grab" : session.armed === null ? "plain" : "place";
  }

  #moved(at, hit) {
    this.#hovered = hit ? { i: hit.i, k: hit.k } : null;
    this.status.pointAt(at && this.stage.picture ? toImage(at, this.stage.view) : null, this.stage.picture);
    const { draft, armed } = this.session;
    const k = draft ? draft.k : hit ? null : armed;
    if (at && k !== null && this.session.image !== null && !this.isPanning) {
      this.lens.show(at, { name: this.data.keypoints[k], color: cssColor(this.data.palette, k), isWanted: this.settings.get("lens") });
    } else this.lens.hide();
    this.stage.node.toggleAttribute("data-hits", hit !== null);
    this.changed();
  }

  #setting(name) {
    this.toolbar.drawSettings();
    if (name === "brightness" || name === "contrast") this.stage.light(this.settings.get("brightness"), this.settings.get("contrast"));
    if (name === "ghost") this.#showGhost();
    this.changed();
  }

  #showGhost() {
    if (this.settings.get("ghost") && this.previous) this.source.labels(this.previous).then(() => this.changed(), () => {});
  }

  /** The lines of the keypoint in hand, below the pointer, or whose turn it is. */
  #beams() {
    if (!this.settings.get("beams")) return [];
    const { draft, armed, selected, individual } = this.session;
    const { i, k } = draft ?? this.#hovered ?? { i: individual, k: armed ?? selected };
    return k === null ? [] : beamMarks(this.views.entry(i, k), k, this.stage.view);
  }

  #suggested() {
    const { answer, image } = this.views;
    if (image === this.session.image) this.session.setSuggestions(answer?.points ?? null);
  }

  #viewsFailed(error) {
    if (error.status && error.message !== this.viewsTrouble) this.status.say(error.message);
    this.viewsTrouble = error.message;
  }

  #takeUp(i, k) {
    if (i !== this.session.individual) this.session.chooseIndividual(i);
    this.session.choose(k);
    const { xy } = this.session.points[i][k];
    if (xy) this.stage.reveal(xy);
  }

  async #showPredictions(image) {
    if (this.#predictedFor === image || this.data.individuals.length > 1) return; // networks of many animals are to come
    this.#predictedFor = image;
    await new Promise((resolve) => setTimeout(resolve, LOOKED_AT_MS));
    if (this.session.image !== image) return; // only leafed through: the server need not run its network for that
    const { run } = this.predictions;
    const points = await this.predictions.of(image);
    if (this.session.image !== image || this.predictions.run !== run) return;
    if (points) this.session.setPredictions(points);
    else if (run && this.predictions.trouble) this.status.say(`${run} gives no starting points: ${this.predictions.trouble}`);
  }

  /** The list of runs whose predictions can be shown; null where there are none. */
  #runChoice() {
    const { runs, individuals } = this.data;
    return runs.length && individuals.length === 1 ? runChoice(runs, this.predictions.run, (run) => this.#chooseRun(run)) : null;
  }

  #chooseRun(run) {
    this.predictions.choose(run);
    this.#predictedFor = null;
    this.session.setPredictions(null);
  }

  #settleDoubt(image, individual, keypoint) {
    if (this.doubts.settle(image, individual, keypoint)) this.frames.setSuspicions(this.doubts.counts());
  }

  #recounted(image) {
    if (this.store.has(image)) this.frames.setDecided(image, this.store.tally(image).decided);
  }

  async #count(images) {
    try {
      if (images.length > MOST_RECOUNTS) for (const { name, decided } of (await this.saving.wire.folder(this.data.folder)).frames) this.frames.setDecided(name, decided);
      else await Promise.all(images.map((image) => this.source.labels(image).then(() => this.#recounted(image))));
    } catch {
      // the counts are behind until the next answer; the labels themselves are read when the frame is opened
    }
  }
}

/** Another text when keypoints were added, removed, moved or renamed. */
function told(keypoints, began) { return JSON.stringify([keypoints, keypoints.map((name) => began?.[name])]); }
