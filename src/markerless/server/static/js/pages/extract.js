// Choosing frames to label: by a method, or by hand while scrubbing the video frame by frame; and which were extracted.
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { Choosing } from "../extract/choosing.js";
import { FramePanel } from "../extract/frame_panel.js";

const THUMB_PX = 264;

export async function show(root, context) {
  const { api, key, params } = context;
  const { videos } = await api.get(api.path("projects", key, "videos"));
  const names = videos.map(({ name }) => name);
  if (names.length === 0) {
    replace(root, h("div", { class: "sheet" }, h("div", { class: "empty" }, h("h2", {}, "No videos yet"), h("p", {}, "Add videos to the project first."), h("a", { class: "button main", href: addressOf(key, "project") }, "Go to the project"))));
    return null;
  }
  const page = new ExtractPage(root, context, names);
  await page.open(names.includes(params.video) ? params.video : names[0], Number(params.frame) || 0);
  page.choosing.resume().catch(problem);
  return () => page.close();
}

class ExtractPage {
  constructor(root, { api, key }, names) {
    Object.assign(this, { api, key, names, base: api.path("projects", key) });
    const [open, take] = [(name) => this.open(name).catch(problem), (frame) => this.#take(frame).catch(problem)];
    this.panel = new FramePanel({ api, base: this.base, names, open, take });
    this.choosing = new Choosing({ api, key, base: this.base, names, wanted: () => ({ video: this.video, time: this.panel.frame / (this.about?.fps || 1) }), done: (results) => this.#extracted(results) });
    this.grid = h("div", { class: "extract-grid" });
    this.count = h("h2");
    this.next = h("a", { class: "button main" }, "Label them");
    replace(root, h("div", { class: "sheet" }, h("h1", {}, "Extract frames"), h("p", { class: "lead" }, "Twenty to fifty frames of each video that show different poses, lights and animals are a good start."), h("div", { class: "extract-parts" }, this.panel.node, this.choosing.node), h("section", { class: "card" }, h("div", { class: "row apart" }, this.count, this.next), this.grid)));
    this.stop = shortcuts([
      { keys: ["ArrowRight", "."], does: "next frame", run: () => this.panel.step(1) },
      { keys: ["ArrowLeft", ","], does: "frame before", run: () => this.panel.step(-1) },
      { keys: ["Shift+ArrowRight"], does: "ten frames on", run: () => this.panel.step(10) },
      { keys: ["Shift+ArrowLeft"], does: "ten frames back", run: () => this.panel.step(-10) },
      { keys: ["E"], does: "extract this frame", run: () => take(this.panel.frame) },
    ]);
  }

  async open(name, frame = 0) {
    this.video = name;
    this.panel.choice.selectedIndex = this.names.indexOf(name);
    this.about = null;
    try {
      const about = await this.api.get(this.#path());
      if (this.video !== name) return; // another one was chosen meanwhile
      this.about = about;
      this.panel.show(about, frame);
    } catch (error) {
      this.panel.fail(error.message);
    }
    this.choosing.setHasTimes(Boolean(this.about?.fps));
    await this.#showGrid();
  }

  close() {
    this.stop();
    this.choosing.close();
    this.panel.leave();
  }

  #path(...parts) { return this.api.path("projects", this.key, "videos", this.video, ...parts); }

  async #take(frame) {
    if (!this.about || this.panel.extracted.has(frame)) return;
    const { frames, notes } = await this.api.post(this.#path("extract"), { frames: [frame] });
    if (notes[0]) notice(notes[0]);
    else if (!frames.length) notice(`Frame ${frame} was extracted before.`); // else the button and the pictures below say it
    await this.#showGrid();
  }

  async #extracted(results) {
    for (const { video, frames, notes } of results) notice([`${video}: ${counted(frames.length)}.`, ...notes].join(" "));
    await this.#showGrid();
  }

  async #showGrid() {
    const name = this.video;
    const { folder, frames } = await this.api.get(this.#path("extracted"));
    if (this.video !== name) return;
    this.panel.setExtracted(frames.map(({ index }) => index));
    replace(this.count, frames.length ? `${counted(frames.length)} of ${name}` : "No frames extracted yet");
    this.next.hidden = frames.length === 0;
    this.next.href = addressOf(this.key, "label", { video: folder });
    replace(this.grid, frames.length === 0 && h("p", { class: "soft" }, "Have some chosen, or move through the video and extract the frames that you want with E."), frames.map((row) => this.#thumbnail(folder, row)));
  }

  #thumbnail(folder, { index, picture, decided }) {
    const src = `api/${this.api.path("projects", this.key, "pictures", folder, picture)}?width=${THUMB_PX}`;
    const drop = decided ? h("span", { class: "tag good" }, "labeled") : h("button", { class: "button quiet", type: "button", title: "Take this frame away", "aria-label": `Take frame ${index} away`, onclick: () => this.#drop(picture).catch(problem) }, "×");
    const look = h("button", { class: "extract-look", type: "button", title: `Show frame ${index} in the video`, onclick: () => this.panel.seek(index) }, h("img", { src, loading: "lazy", alt: `frame ${index}` }));
    return h("div", { class: "extract-frame" }, look, h("div", {}, h("span", { class: "small number" }, index), drop));
  }

  async #drop(picture) {
    await this.api.del(this.#path("extracted", picture));
    await this.#showGrid();
  }
}

function counted(n) { return n === 1 ? "1 frame" : `${n} frames`; }
