// Choosing frames to label: by a method, or by hand while scrubbing the video frame by frame.
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";

const METHODS = [["kmeans", "different pictures"], ["uniform", "even in time"], ["motion", "where much moves"], ["model", "where the network is unsure"]];
const POLL_MS = 400;
const EXACT_AFTER_MS = 60; // of rest before the exact frame is asked for

export async function show(root, context) {
  const { api, key, params } = context;
  const { videos } = await api.get(api.path("projects", key, "videos"));
  if (videos.length === 0) {
    replace(root, h("div", { class: "sheet" }, h("div", { class: "empty" }, h("h2", {}, "No videos yet"), h("p", {}, "Add videos to the project first."), h("a", { class: "button main", href: addressOf(key, "project") }, "Go to the project"))));
    return null;
  }
  const page = new ExtractPage(root, context, videos);
  await page.open(videos.find(({ name }) => name === params.video) ?? videos[0]);
  return () => page.close();
}

class ExtractPage {
  constructor(root, { api, key }, videos) {
    Object.assign(this, { api, key, videos, index: 0, urls: new Map() });
    this.base = api.path("projects", key);
    this.choice = h("select", { "aria-label": "Video", onchange: () => this.open(videos[this.choice.selectedIndex]).catch(problem) }, videos.map(({ name }) => h("option", {}, name)));
    this.image = h("img", { alt: "", id: "exact" });
    this.mark = h("span", { class: "tag number" });
    this.slider = h("input", { type: "range", class: "extract-slider", min: 0, value: 0, "aria-label": "Frame", oninput: () => this.seek(Number(this.slider.value)) });
    this.grid = h("div", { class: "extract-grid" });
    this.count = h("h2");
    this.bar = h("i");
    this.state = h("div", { class: "stack", hidden: true }, h("div", { class: "progress" }, this.bar), h("p", { class: "soft small" }));
    this.take = h("button", { class: "button main", type: "button", onclick: () => this.#byHand().catch(problem) }, "Extract this frame");
    const step = (by, text) => h("button", { class: "button", type: "button", onclick: () => this.seek(this.index + by) }, text);
    const scrub = h("section", { class: "card" }, h("div", { class: "row apart" }, this.choice, this.take), h("div", { class: "extract-screen", style: { "margin-top": "12px" } }, this.image, this.mark), this.slider, h("div", { class: "row" }, step(-10, "−10"), step(-1, "−1"), step(1, "+1"), step(10, "+10")));
    const next = h("a", { class: "button", href: addressOf(key, "label") }, "Label them");
    replace(root, h("div", { class: "sheet" }, h("h1", {}, "Extract frames"), h("p", { class: "lead" }, "Twenty to fifty frames of each video that show different poses, lights and animals are a good start."), h("div", { class: "extract-parts" }, scrub, this.#form()), h("section", { class: "card" }, h("div", { class: "row apart" }, this.count, next), this.grid)));
    this.stop = shortcuts([
      { keys: ["ArrowRight", "."], does: "next frame", run: () => this.seek(this.index + 1) },
      { keys: ["ArrowLeft", ","], does: "frame before", run: () => this.seek(this.index - 1) },
      { keys: ["Shift+ArrowRight"], does: "ten frames on", run: () => this.seek(this.index + 10) },
      { keys: ["Shift+ArrowLeft"], does: "ten frames back", run: () => this.seek(this.index - 10) },
      { keys: ["E", "Enter"], does: "extract this frame", run: () => this.#byHand().catch(problem) },
    ]);
  }

  #form() {
    const all = h("select", {}, h("option", { value: "one" }, "this video"), h("option", { value: "all" }, `all ${this.videos.length} videos`));
    const method = h("select", {}, METHODS.map(([value, text]) => h("option", { value }, text)));
    const n = h("input", { type: "number", min: 1, max: 2000, value: 20, required: true });
    const go = h("button", { class: "button main" }, "Choose frames");
    const submit = async (event) => {
      event.preventDefault();
      const names = all.value === "all" ? this.videos.map(({ name }) => name) : [this.video.name];
      await this.api.post(`${this.base}/extract`, { videos: names, method: method.value, n: Number(n.value) });
      await this.#watch();
    };
    const form = h("form", { class: "card stack", onsubmit: (event) => submit(event).catch(problem) }, h("h2", {}, "Let the computer choose"), h("label", { class: "field" }, h("span", {}, "From"), all), h("label", { class: "field" }, h("span", {}, "Frames that show"), method), h("label", { class: "field" }, h("span", {}, "How many of each video"), n), go, this.state);
    return form;
  }

  async open(video) {
    this.video = video;
    this.choice.selectedIndex = this.videos.indexOf(video);
    this.slider.max = Math.max(video.n_frames - 1, 0);
    if (video.error) problem(new Error(video.error));
    else this.seek(0);
    await this.#showGrid();
    const task = await this.api.get(`${this.base}/extract`);
    if (task.state === "running") await this.#watch();
  }

  close() {
    this.closed = true;
    this.stop();
    clearTimeout(this.timer);
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
  }

  /** Show a frame: something near it at once, then exactly that one. */
  seek(index) {
    this.index = Math.min(Math.max(index, 0), this.video.n_frames - 1);
    this.slider.value = this.index;
    const wanted = this.index;
    const base = `${this.base}/videos/${encodeURIComponent(this.video.name)}`;
    clearTimeout(this.timer);
    if (!this.urls.has(this.#name(wanted))) this.#picture(`${base}/previews/${wanted}`, wanted, false);
    this.timer = setTimeout(() => this.#picture(`${base}/frames/${wanted}?width=960`, wanted, true), this.urls.has(this.#name(wanted)) ? 0 : EXACT_AFTER_MS);
  }

  #name(index) { return `${this.video.name}:${index}`; }

  async #picture(path, wanted, isExact) {
    const name = this.#name(wanted);
    try {
      let url = isExact ? this.urls.get(name) : null, shown = wanted;
      if (!url) {
        const answer = await this.api.fetchRaw(path);
        shown = Number(answer.headers.get("x-frame"));
        url = URL.createObjectURL(await answer.blob());
        if (isExact) this.urls.set(name, url);
      }
      if (wanted !== this.index || (!isExact && this.exact === name)) return;
      this.image.src = url;
      this.exact = isExact ? name : null;
      this.image.dataset.frame = shown;
      replace(this.mark, isExact ? `frame ${wanted} of ${this.video.n_frames}` : `near frame ${wanted} …`);
    } catch (error) {
      if (wanted === this.index && isExact) problem(error);
    }
  }

  async #byHand() {
    const { frames, notes } = await this.api.post(`${this.base}/videos/${encodeURIComponent(this.video.name)}/extract`, { frames: [this.index] });
    notice(notes[0] ?? (frames.length ? `Frame ${frames[0]} extracted.` : `Frame ${this.index} was extracted before.`));
    await this.#showGrid();
  }

  async #watch() {
    this.state.hidden = false;
    let task = await this.api.get(`${this.base}/extract`);
    while (task.state === "running" && !this.closed) {
      this.bar.style.width = `${task.total ? (100 * task.done) / task.total : 5}%`;
      replace(this.state.lastChild, `${task.message || "opening"} ${task.done} of ${task.total || "…"}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      task = await this.api.get(`${this.base}/extract`);
    }
    if (this.closed) return;
    this.state.hidden = true;
    if (task.error) problem(new Error(task.error));
    for (const { video, frames, notes, error } of task.result ?? []) {
      if (error) problem(new Error(`${video}: ${error}`));
      else notice(`${video}: ${frames.length} frames. ${notes.join(" ")}`);
    }
    await this.#showGrid();
  }

  async #showGrid() {
    const { folder, frames } = await this.api.get(`${this.base}/videos/${encodeURIComponent(this.video.name)}/extracted`);
    replace(this.count, frames.length ? `${frames.length} frames of ${this.video.name}` : "No frames extracted yet");
    replace(this.grid, frames.map(({ index, picture, decided }) => {
      const src = `api/${this.api.path("projects", this.key, "pictures", folder, picture)}?width=264`;
      const drop = decided ? h("span", { class: "tag good" }, "labeled") : h("button", { class: "button quiet", type: "button", title: "Take this frame away", onclick: () => this.#drop(picture).catch(problem) }, "×");
      return h("div", { class: "extract-frame" }, h("img", { src, loading: "lazy", alt: `frame ${index}`, onclick: () => this.seek(index) }), h("div", {}, h("span", { class: "small number" }, index), drop));
    }));
  }

  async #drop(picture) {
    await this.api.del(`${this.base}/videos/${encodeURIComponent(this.video.name)}/extracted/${encodeURIComponent(picture)}`);
    await this.#showGrid();
  }
}
