// The review page's parts put together: picture, transport, plots, moments, keypoints, corrections.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { whoAsked } from "../who.js";
import { Traces } from "./axis.js";
import { SPEEDS, otherSpeed } from "./clock.js";
import { FrameLabels } from "./frame_labels.js";
import { FrameStore } from "./frame_store.js";
import { KeypointList } from "./keypoint_list.js";
import { MomentList } from "./moment_list.js";
import { Player } from "./player.js";
import { PointStore, pointOf } from "./point_store.js";
import { Stage } from "./stage.js";
import { TracePlot } from "./trace_plot.js";
import { TraceStore } from "./trace_store.js";
import { Transport } from "./transport.js";

const WIDTHS = [320, 480, 640, 960, 1280, 1920];
const MOST_WIDTH = 4096; // that the server sends
const MOST_PLOTTED_OF_A_MOMENT = 3;

export class Desk {
  #address = 0;
  #width = 0; // of the pictures that are fetched

  constructor({ key, api, about, file, head, work, notices }) {
    Object.assign(this, { key, api, about, file, notices });
    const { keypoints, individuals, palette, edges, fps, size } = about;
    this.frames = about.n_video_frames;
    this.settings = { overlay: true, lines: true, names: false, errors: about.has_error, hidden: new Set(), radius: 4.5, keypoints };
    this.stage = new Stage({
      size: { width: size[0], height: size[1] }, palette, edges, settings: this.settings, canMove: true,
      grabbed: () => this.player.pause(), moved: (point, xy) => this.#correct(point, xy), resized: () => this.#fitPictures(),
    });
    this.store = new FrameStore({ load: (index, signal) => this.#loadFrame(index, signal) });
    this.points = new PointStore({ load: (start, stop) => this.#loadWindow(start, stop), frames: about.n_frames, animals: individuals.length, keypoints: keypoints.length });
    this.player = new Player({ fps, frames: this.frames, store: this.store, points: this.points, show: (frame, picture) => this.#paint(frame, picture), preview: (frame) => this.#loadPreview(frame), told: () => this.#told() });
    this.labels = new FrameLabels({ api, key, about, who: () => whoAsked(), changed: () => this.#labelsChanged() });
    this.traces = new TraceStore({ load: (asked, signal) => this.#loadTraces(asked, signal), frames: about.n_frames, changed: () => this.plot.redraw() });
    const rows = ["x", "y", ...(about.has_score ? ["score"] : []), ...(about.has_error ? ["error"] : [])];
    this.plot = new TracePlot({ frames: this.frames, fps, palette, store: this.traces, rows, seek: (frame) => this.#goTo(frame), scrub: (frame) => this.#scrub(frame) });
    this.list = null;
    this.keypoints = new KeypointList({ keypoints, individuals, palette, settings: this.settings, hasError: about.has_error, told: () => this.#choicesChanged() });
    this.transport = new Transport({ player: this.player, frames: this.frames, fps, speeds: SPEEDS, commands: this.#commands() });
    this.#build(head, work);
    this.theme = new MutationObserver(() => this.plot.redraw());
    this.theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** Begin at a frame. */
  async open(frame) {
    this.#choicesChanged();
    this.player.seek(Number.isFinite(frame) ? frame : 0);
    if (this.about.note) this.notices.notice(this.about.note);
    await Promise.all([this.labels.load(), this.#loadMoments()]);
  }

  leave() {
    for (const part of [this.player, this.stage, this.plot]) part.leave();
    this.theme.disconnect();
    clearTimeout(this.#address);
  }

  keys() {
    const of = this.#commands();
    return [
      { keys: ["Space"], does: "plays, and pauses", run: of.toggle },
      { keys: ["ArrowRight", "."], does: "next frame", run: () => this.#step(1) },
      { keys: ["ArrowLeft", ","], does: "previous frame", run: () => this.#step(-1) },
      { keys: ["Shift+ArrowRight"], does: "ten frames on", run: () => this.#step(10) },
      { keys: ["Shift+ArrowLeft"], does: "ten frames back", run: () => this.#step(-10) },
      { keys: ["Home"], does: "first frame", run: () => this.#goTo(0) },
      { keys: ["End"], does: "last frame", run: () => this.#goTo(this.frames - 1) },
      { keys: ["n", "]"], does: "next suspicious moment", run: of.next },
      { keys: ["p", "["], does: "previous suspicious moment", run: of.previous },
      { keys: ["+", "="], does: "faster", run: () => this.player.setSpeed(otherSpeed(this.player.clock.speed, 1)) },
      { keys: ["-"], does: "slower", run: () => this.player.setSpeed(otherSpeed(this.player.clock.speed, -1)) },
      { keys: ["h"], does: "hides the points, and shows them", run: () => this.#flip("overlay") },
      { keys: ["e"], does: "shows the expected error, and hides it", run: () => this.#flip("errors") },
      { keys: ["0"], does: "the whole picture, the whole video", run: () => { this.stage.fit(); this.plot.seeAll(); } },
      { keys: ["Ctrl+z"], does: "takes the last correction back", run: () => this.#undo() },
    ];
  }

  #commands() {
    return {
      toggle: () => this.player.toggle(),
      step: (by) => this.#step(by),
      next: () => this.#goMoment(1),
      previous: () => this.#goMoment(-1),
      fit: () => this.stage.fit(),
    };
  }

  #build(head, work) {
    this.state = h("span", { class: "review-state" });
    const tabs = h("div", { class: "review-tabs", role: "tablist" }, ["Moments", "Keypoints"].map((name) => h("button", { type: "button", role: "tab", onclick: () => this.#showTab(name) }, name)));
    this.tabs = tabs;
    this.panel = h("div", { class: "review-panel-box" }, h("p", { class: "review-none soft small" }, "Looking for suspicious moments …"));
    this.node = h(
      "div",
      { class: "review-desk" },
      h("div", { class: "review-middle" }, h("div", {}, h("div", { class: "review-head" }, head, this.state), work), this.stage.node, this.transport.node, this.plot.node),
      h("aside", { class: "review-side" }, tabs, this.panel),
    );
    this.#showTab("Moments");
  }

  #showTab(name) {
    this.tab = name;
    for (const button of this.tabs.children) button.setAttribute("aria-selected", String(button.textContent.startsWith(name)));
    if (name === "Keypoints") replace(this.panel, this.keypoints.node);
    else if (this.list) replace(this.panel, this.list.node);
  }

  async #loadMoments() {
    const { moments, n_left_out: nLeftOut } = await this.api.get(this.#tracks("moments"));
    const { keypoints, individuals, palette, fps } = this.about;
    this.list = new MomentList({ moments, nLeftOut, keypoints, individuals, palette, fps, chosen: (moment) => this.#lookAt(moment), told: () => this.#momentsListed() });
    this.tabs.children[0].replaceChildren("Moments ", h("span", { class: "number soft" }, String(moments.length)));
    this.#momentsListed();
    if (this.tab === "Moments") this.#showTab("Moments");
    this.transport.setMoments(moments.length > 0);
  }

  #momentsListed() {
    this.plot.moments = this.list.list;
    this.plot.redraw();
  }

  #lookAt(moment) {
    this.player.pause();
    const indices = moment.keypoints.map((name) => this.about.keypoints.indexOf(name)).filter((k) => k >= 0);
    this.keypoints.plot(indices.slice(0, MOST_PLOTTED_OF_A_MOMENT), moment.individual);
    this.plot.current = moment;
    this.plot.lookAt(moment);
    this.focus = { animal: moment.individual, keypoint: indices[0] };
    this.#goTo(moment.worst, true);
  }

  #goMoment(by) {
    if (!this.list?.go(by, this.player.target)) this.notices.notice(by > 0 ? "No suspicious moment after this one." : "No suspicious moment before this one.");
  }

  #goTo(frame, isMoment = false) {
    if (!isMoment) this.#release();
    this.player.seek(frame);
    this.plot.moveTo(this.player.target);
  }

  #scrub(frame) {
    this.#release();
    this.player.scrub(frame);
    this.plot.moveTo(this.player.target);
  }

  #step(by) {
    this.player.step(by);
    this.plot.moveTo(this.player.target);
  }

  #release() {
    this.list?.release();
    this.plot.current = null;
  }

  #flip(name) {
    this.settings[name] = !this.settings[name];
    this.keypoints.draw();
    this.#choicesChanged();
  }

  #choicesChanged() {
    this.plot.show(this.keypoints.plotted.map((keypoint) => ({ animal: this.keypoints.animal, keypoint })));
    this.stage.draw();
  }

  /** Paint a frame with its own points; called when both are there. */
  #paint(frame, picture) {
    const values = this.points.at(frame);
    const { keypoints, individuals } = this.about;
    const points = [];
    if (values.length) {
      for (let animal = 0; animal < individuals.length; animal++) {
        for (let keypoint = 0; keypoint < keypoints.length; keypoint++) points.push({ animal, keypoint, ...pointOf(values, animal, keypoint, keypoints.length) });
      }
    }
    const failure = this.store.failure(frame)?.message ?? null;
    if (!this.player.isPlaying) this.labels.want(frame).catch(this.notices.problem);
    if (this.focus) this.stage.lookAt(points.find(({ animal, keypoint }) => animal === this.focus.animal && keypoint === this.focus.keypoint)?.xy);
    this.focus = null;
    this.stage.show({ frame, picture, failure, points, labels: this.player.isPlaying ? null : this.labels.at(frame) });
    this.plot.moveTo(frame);
    if (!this.player.isPlaying) this.#sharpen(frame);
  }

  #told() {
    this.transport?.draw();
    this.#drawState();
    if (this.player && !this.player.isPlaying) this.#keepAddress();
  }

  #drawState() {
    if (!this.state) return;
    const frame = this.player.painted;
    const isLabeled = !this.player.isPlaying && this.labels.isLabeled(frame);
    const beyond = frame >= this.about.n_frames;
    const { nCorrected } = this.labels;
    const next = nCorrected > 0 && h("a", { class: "button main review-next", href: addressOf(this.key, "refine", { step: "train" }), title: "Train the network on with what was corrected" }, `Learn from ${nCorrected} corrected ${nCorrected === 1 ? "frame" : "frames"}`);
    const isForeign = isLabeled && this.labels.isForeign(frame);
    const tag = (kind, text, title) => h("span", { class: `tag ${kind}`, title }, text);
    replace(
      this.state,
      isLabeled && !isForeign && tag("good", "labeled frame", "Crosses are labels, faint dots what was predicted"),
      isForeign && tag("warn", "labeled in a picture of another size", "It was cropped or scaled; see its labels on the Label page"),
      beyond && tag("warn", "no tracks here"),
      next,
    );
  }

  #labelsChanged() {
    this.plot.labeled = this.labels.frames;
    this.plot.redraw();
    this.player.again();
    this.#drawState();
  }

  async #correct(point, xy) {
    const frame = this.player.painted;
    const { scene } = this.stage;
    if (frame < 0 || scene.frame !== frame || !scene.picture) return;
    const wasLabeled = this.labels.isLabeled(frame);
    const moved = { animal: point.animal, keypoint: point.keypoint, xy };
    const others = (wasLabeled ? scene.labels : scene.points) ?? [];
    this.stage.show({ ...scene, labels: others.filter(({ xy: place }) => place).map((one) => (one.animal === point.animal && one.keypoint === point.keypoint ? moved : one)) });
    try {
      const done = await this.labels.correct(frame, moved, scene.points);
      if (done) this.#say(done, frame, wasLabeled, point);
      else this.player.again();
    } catch (error) {
      this.player.again();
      this.notices.problem(error);
    }
  }

  #say({ n, conflicts }, frame, wasLabeled, { keypoint }) {
    const action = { label: "Undo", run: () => this.#undo() };
    const name = this.about.keypoints[keypoint];
    if (conflicts) this.notices.notice(`Somebody else changed ${conflicts === 1 ? "a label" : `${conflicts} labels`} of frame ${frame} in the meantime; what is shown now is theirs.`);
    else if (wasLabeled) this.notices.notice(`The label of ${name} in frame ${frame} was moved.`, action);
    else this.notices.notice(`Frame ${frame} became a labeled frame: ${name} where you put it, and ${n - 1} other points where they were predicted. Check those too.`, action);
  }

  async #undo() {
    try {
      const frame = await this.labels.undo();
      if (frame === null) this.notices.notice("There is no correction to take back.");
      else this.#goTo(frame);
      this.player.again();
    } catch (error) {
      this.notices.problem(error);
    }
  }

  /** Pictures as wide as they are shown, in steps, so that the server can keep them. */
  #fitPictures() {
    const own = this.#ownWidth;
    const wanted = Math.min(this.stage.shownWidth, this.stage.box.width * (globalThis.devicePixelRatio || 1));
    const width = WIDTHS.find((one) => one >= wanted && one < own) ?? own;
    if (width === this.#width) return;
    this.#width = width;
    this.store.clear();
    this.player?.again();
  }

  /** A frame that stands still and is zoomed into is fetched with all its pixels. */
  async #sharpen(frame) {
    const picture = this.store.picture(frame);
    if (!picture || picture.width >= Math.min(this.#ownWidth, this.stage.shownWidth)) return;
    const sharp = await this.#loadFrame(frame, undefined, this.#ownWidth).catch(() => null);
    if (sharp && this.stage.scene.frame === frame && !this.player.isPlaying) this.stage.show({ ...this.stage.scene, picture: sharp.picture });
  }

  get #ownWidth() { return Math.min(this.about.size[0], MOST_WIDTH); }

  async #loadFrame(index, signal, width = this.#width) {
    const path = this.api.path("projects", this.key, "videos", this.about.video, "frames", index) + this.api.query({ width });
    const answer = await this.api.fetchRaw(path, { signal });
    const picture = await createImageBitmap(await answer.blob());
    return { picture, pixels: picture.width * picture.height };
  }

  async #loadPreview(index) {
    const answer = await this.api.fetchRaw(this.api.path("projects", this.key, "videos", this.about.video, "previews", index));
    return { near: Number(answer.headers.get("X-Frame")), picture: await createImageBitmap(await answer.blob()) };
  }

  async #loadWindow(start, stop) {
    return (await this.api.fetchRaw(this.#tracks("window", { start, stop }))).arrayBuffer();
  }

  async #loadTraces({ animal, keypoint, start, stop, columns }, signal) {
    const answer = await this.api.fetchRaw(this.#tracks("traces", { keypoint: this.about.keypoints[keypoint], individual: animal, points: columns, start, stop }), { signal });
    const number = (name) => Number(answer.headers.get(name));
    return new Traces(await answer.arrayBuffer(), { start: number("X-Start"), stop: number("X-Stop"), columns: number("X-Columns") });
  }

  #tracks(part, values = {}) {
    return this.api.path("projects", this.key, "tracks", this.about.video, part) + this.api.query({ file: this.file, ...values });
  }

  /** The address leads back here, without leaving a trail of frames. */
  #keepAddress() {
    clearTimeout(this.#address);
    this.#address = setTimeout(() => {
      const params = { video: this.about.video, file: this.file, frame: this.player.target };
      history.replaceState(null, "", addressOf(this.key, "review", params));
    }, 300);
  }
}
