// The page's parts put together: the scene, the videos, transport, traces, keypoints.
import { chooseFile, chooseFolder } from "../file_browser.js";
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { Traces } from "../review/axis.js";
import { SPEEDS, otherSpeed } from "../review/clock.js";
import { Player } from "../review/player.js";
import { PointStore } from "../review/point_store.js";
import { TracePlot } from "../review/trace_plot.js";
import { TraceStore } from "../review/trace_store.js";
import { Transport } from "../review/transport.js";
import { Choices } from "./choices.js";
import { MomentStore } from "./moment_store.js";
import { Panels, groupsOf } from "./panels.js";
import { PointTable } from "./point_table.js";
import { Record, spansOf } from "./record.js";
import { SceneView } from "./scene_view.js";
import { trailsOf } from "./trails.js";
import { VideoPanel } from "./video_panel.js";
import { Videos } from "./videos.js";

const BLOCK_NUMBERS = 250_000; // of one block of points: 1 MB
const REST_MS = 2000; // after a failure, before the same is asked for again

export class Desk {
  #address = 0;
  #complained = false;

  constructor({ key, api, about, head, notices }) {
    Object.assign(this, { key, api, about, notices });
    this.frames = about.n_frames;
    this.record = new Record(about);
    this.choices = new Choices({ about, told: (name) => this.#changed(name) });
    this.settings = this.choices.settings;
    this.scene = new SceneView({ about, settings: this.settings, up: this.choices.up });
    this.choices.seen = () => this.scene.eye.down.map((one) => -one);
    this.videos = new Videos({ api, key, file: about.file, frameOf: (moment, camera) => this.#frameOf(moment, camera) });
    this.store = new MomentStore();
    this.panels = new Panels();
    const block = Math.min(Math.max(Math.floor(BLOCK_NUMBERS / about.record), 20), 500);
    this.points = new PointStore({ load: (start, stop) => this.#loadWindow(start, stop), frames: this.frames, size: about.record, block, changed: () => this.#came() });
    this.player = new Player({ fps: about.fps, frames: this.frames, store: this.store, points: this.points, show: (moment, pictures) => this.#paint(moment, pictures), preview: async (moment) => ({ near: moment, picture: null }), told: () => this.#told() });
    this.traces = new TraceStore({ load: (asked, signal) => this.#loadTraces(asked, signal), frames: this.frames, changed: () => this.#tracesCame() });
    this.plot = new TracePlot({ frames: this.frames, fps: about.fps, palette: about.palette, store: this.traces, rows: rowsOf(about), seek: (frame) => this.#goTo(frame), scrub: (frame) => { this.player.scrub(frame); this.plot.moveTo(this.player.target); } });
    this.table = new PointTable({ about, settings: this.settings, told: () => this.#changed("points") });
    const of = { toggle: () => this.player.toggle(), step: (by) => this.#step(by), next: () => this.#goMoment(1), previous: () => this.#goMoment(-1), fit: () => this.scene.see(), fitTitle: "The whole scene (0)" };
    this.commands = of;
    this.transport = new Transport({ player: this.player, frames: this.frames, fps: about.fps, speeds: SPEEDS, commands: of });
    this.transport.setMoments((about.counts[2] ?? 0) > 0);
    this.#build(head);
    this.theme = new MutationObserver(() => { this.scene.readColors(); this.plot.redraw(); });
    this.theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  async open(frame) {
    this.#changed("points");
    this.player.seek(Number.isFinite(frame) ? frame : 0);
    await this.videos.load(this.about.cameras, this.notices.notice);
    this.#setPanels();
  }

  leave() {
    this.isOver = true;
    for (const part of [this.player, this.scene, this.plot, this.panels, this.table]) part.leave();
    this.theme.disconnect();
    clearTimeout(this.#address);
  }

  keys() {
    const flip = (name) => () => this.choices.flip(name);
    return [
      { keys: ["Space"], does: "plays, and pauses", run: this.commands.toggle },
      { keys: ["ArrowRight", "."], does: "next moment", run: () => this.#step(1) },
      { keys: ["ArrowLeft", ","], does: "previous moment", run: () => this.#step(-1) },
      { keys: ["Shift+ArrowRight"], does: "ten moments on", run: () => this.#step(10) },
      { keys: ["Shift+ArrowLeft"], does: "ten moments back", run: () => this.#step(-10) },
      { keys: ["Home"], does: "first moment", run: () => this.#goTo(0) },
      { keys: ["End"], does: "last moment", run: () => this.#goTo(this.frames - 1) },
      { keys: ["n", "]"], does: "next moment with a contradiction", run: this.commands.next },
      { keys: ["p", "["], does: "previous moment with a contradiction", run: this.commands.previous },
      { keys: ["+", "="], does: "faster", run: () => this.player.setSpeed(otherSpeed(this.player.clock.speed, 1)) },
      { keys: ["-"], does: "slower", run: () => this.player.setSpeed(otherSpeed(this.player.clock.speed, -1)) },
      { keys: ["0"], does: "the whole scene, the whole recording", run: () => { this.scene.see("whole"); this.plot.seeAll(); } },
      { keys: ["1"], does: "from the front", run: () => this.scene.see("front") },
      { keys: ["2"], does: "from the side", run: () => this.scene.see("side") },
      { keys: ["3"], does: "from above", run: () => this.scene.see("above") },
      { keys: ["f"], does: "follows the animal, and stands still", run: flip("follow") },
      { keys: ["c"], does: "shows the cameras, and hides them", run: flip("cameras") },
      { keys: ["e"], does: "shows the expected error, and hides it", run: flip("errors") },
      { keys: ["h"], does: "hides the points on the videos, and shows them", run: flip("overlay") },
      { keys: ["v"], does: "hides the videos, and shows them", run: flip("videos") },
    ];
  }

  #build(head) {
    this.state = h("span", { class: "review-state" });
    this.view = h("div", { class: "space-view" }, this.scene.node, this.panels.node);
    this.node = h(
      "div",
      { class: "review-desk space-desk" },
      h("div", { class: "review-middle" }, h("div", { class: "review-head" }, head, this.state), this.view, this.transport.node, this.plot.node),
      h("aside", { class: "review-side" }, this.choices.node, this.table.node),
    );
    const { counts, states } = this.about;
    const share = counts.length ? counts[0] / Math.max(counts.reduce((a, b) => a + b, 0), 1) : null;
    const words = counts.map((n, i) => `${n.toLocaleString("en-US")} ${states[i]}`).join(", ");
    replace(this.state, share !== null && h("span", { class: "small soft", title: words }, `${percentOf(share)} of the points are good`));
  }

  /** The panels anew: videos were found or chosen. */
  #setPanels() {
    const groups = this.settings.videos ? groupsOf(this.about.cameras, this.videos.chosen, this.frames) : [];
    this.store.set(new Map(groups.filter(({ video }) => video).map((group) => [group.key, this.videos.loaderOf(group)])));
    this.panels.set(groups.map((group) => new VideoPanel({
      group, about: this.about, settings: this.settings,
      choose: () => this.#chooseVideo(group), enlarge: () => this.panels.enlarge(group.key),
      resized: (panel) => { if (this.videos.fit(group.key, panel.shownWidth, group.size)) { this.store.renew(group.key); this.player.again(); } },
    })));
    this.panels.node.hidden = !groups.length;
    this.view.classList.toggle("alone", !groups.length);
    this.player.again();
  }

  async #chooseVideo({ cameras }) {
    const names = cameras.map((index) => this.about.cameras[index].name);
    const path = this.about.is_pictures ? await chooseFolder("folders") : await chooseFile("video", `The video of ${names.join(", ")}`);
    if (!path) return;
    try {
      await this.videos.choose(names, path);
      this.#setPanels();
    } catch (error) {
      this.notices.problem(error);
    }
  }

  #changed(name) {
    if (name === "videos") this.#setPanels();
    if (name === "up") { this.scene.setUp(this.choices.up); this.scene.see("whole"); }
    if (name === "cameras") this.scene.see();
    this.plot?.show(this.table.plotted.map((keypoint) => ({ animal: this.table.animal, keypoint })));
    this.#tracesCame();
    this.scene.redraw();
    this.panels.draw();
    this.player?.again();
  }

  /** Paint one moment everywhere; called when its points are there, and its pictures unless the pointer drags. */
  #paint(moment, pictures) {
    const values = this.points.at(moment);
    const { individuals, keypoints } = this.about;
    const animals = individuals.map((_, animal) => keypoints.map((_name, k) => this.record.point(values, animal, k)));
    const length = Math.round(this.settings.trail * (this.about.fps > 0 ? this.about.fps : 25));
    if (length) this.points.want(Math.max(moment - length, 0));
    this.scene.show({ animals, trails: trailsOf({ points: this.points, record: this.record, moment, length }) });
    for (const panel of this.panels.panels) panel.show(this.#sceneOf(panel.group, moment, values, pictures?.get(panel.group.key) ?? null));
    this.table.show(animals[this.table.animal]);
    this.plot.moveTo(moment);
  }

  #sceneOf({ key, cameras }, moment, values, picture) {
    const views = cameras.map((camera) => ({ camera, points: this.about.individuals.flatMap((_, animal) => this.about.keypoints.map((_name, keypoint) => ({ keypoint, ...this.record.view(values, camera, animal, keypoint) }))) }));
    const frame = this.#frame(values, moment, cameras[0]);
    return { moment, frame, picture, failure: frame < 0 ? null : this.store.failureOf(key, moment)?.message ?? null, views };
  }

  /** Resolves to the frame of a camera's video at a moment; -1 where there is none. */
  async #frameOf(moment, camera) {
    for (;;) {
      const values = this.points.at(moment);
      if (values) return this.#frame(values, moment, camera);
      this.points.want(moment);
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (this.isOver) return -1;
    }
  }

  #frame(values, moment, camera) { return this.videos.frame(this.record, values, moment, this.about.cameras[camera], camera); }

  #goTo(frame) {
    this.player.seek(frame);
    this.plot.moveTo(this.player.target);
  }

  #step(by) {
    this.player.step(by);
    this.plot.moveTo(this.player.target);
  }

  async #goMoment(by) {
    try {
      const { frame } = await this.api.get(this.#path("moment", { frame: this.player.target, by }));
      if (frame === null) this.notices.notice(by > 0 ? "The cameras do not contradict each other after this moment." : "The cameras do not contradict each other before this moment.");
      else {
        this.player.pause();
        this.#goTo(frame);
      }
    } catch (error) {
      this.notices.problem(error);
    }
  }

  #came() {
    this.#complained = false;
    if (!this.player.isPlaying) this.player.again(); // a trail may have become longer
  }

  #told() {
    this.transport?.draw();
    if (this.player && !this.player.isPlaying) this.#keepAddress();
  }

  #tracesCame() {
    if (!this.plot) return;
    const plotted = this.table.plotted.map((keypoint) => this.traces.of({ animal: this.table.animal, keypoint }, this.plot.range)).filter(Boolean);
    this.plot.moments = spansOf(plotted, this.frames);
    this.plot.redraw();
  }

  async #loadWindow(start, stop) {
    try {
      return await (await this.api.fetchRaw(this.#path("window", { start, stop }))).arrayBuffer();
    } catch (error) {
      if (!this.#complained) this.notices.problem(error);
      this.#complained = true;
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      throw error;
    }
  }

  async #loadTraces({ animal, keypoint, start, stop, columns }, signal) {
    const answer = await this.api.fetchRaw(this.#path("traces", { keypoint: this.about.keypoints[keypoint], individual: animal, points: columns, start, stop }), { signal });
    const number = (name) => Number(answer.headers.get(name));
    return new Traces(await answer.arrayBuffer(), { start: number("X-Start"), stop: number("X-Stop"), columns: number("X-Columns"), names: ["limb", "error", "off", "state"] });
  }

  #path(part, values = {}) {
    return this.api.path("projects", this.key, "space", part) + this.api.query({ file: this.about.file, ...values });
  }

  /** The address leads back here, without leaving a trail of moments. */
  #keepAddress() {
    clearTimeout(this.#address);
    this.#address = setTimeout(() => history.replaceState(null, "", addressOf(this.key, "space", { file: this.about.file, frame: this.player.target })), 300);
  }
}

/** "96 %", "99.7 %", "> 99.9 %": all of them only when it is all of them. */
function percentOf(share) {
  if (share >= 1) return "all";
  if (share > 0.999) return "> 99.9 %";
  return `${(100 * share).toFixed(share > 0.99 ? 1 : 0)} %`;
}

function rowsOf({ unit, has_error: hasError, limbs, cameras }) {
  const length = unit ? `, ${unit}` : "";
  return [
    limbs.some((one) => one !== null) && { quantity: "limb", name: `limb${length}`, room: 1e-9 },
    hasError && { quantity: "error", name: `error${length}`, floor: 0, room: 1e-9 },
    cameras.length > 0 && { quantity: "off", name: "reproj., px", floor: 0, room: 1e-9 },
  ].filter(Boolean);
}
