// The video, frame by frame: the picture, a slider with the extracted frames marked below it, and steps.
import { h, replace } from "../dom.js";
import { timeOf } from "../review/axis.js";
import { Scrubber } from "./scrubber.js";

const WIDTH = 960; // px, of the pictures that are fetched

export class FramePanel {
  /** `open(name)` shows another video; `take(frame)` extracts one. */
  constructor({ api, base, names, open, take }) {
    Object.assign(this, { api, base, extracted: new Set() });
    this.choice = h("select", { "aria-label": "Video", onchange: () => { this.choice.blur(); open(names[this.choice.selectedIndex]); } }, names.map((name) => h("option", {}, name)));
    this.take = h("button", { class: "button main", type: "button", title: "E", onclick: () => take(this.frame) });
    this.canvas = h("canvas", { id: "exact", role: "img" });
    this.mark = h("span", { class: "tag number" });
    this.trouble = h("p", { class: "extract-trouble", hidden: true });
    this.slider = h("input", { type: "range", class: "extract-slider", min: 0, value: 0, "aria-label": "Frame", oninput: () => this.seek(Number(this.slider.value)) });
    this.ticks = h("div", { class: "extract-ticks", "aria-hidden": "true" });
    this.number = h("input", { type: "number", min: 0, value: 0, class: "extract-number", "aria-label": "Go to frame", onchange: () => this.seek(Number(this.number.value)), onkeydown: (event) => { if (event.key === "Enter") this.number.blur(); } });
    this.place = h("span", { class: "soft number small" });
    const step = (by, text, title) => h("button", { class: "button", type: "button", title, onclick: () => this.step(by) }, text);
    this.node = h(
      "section", { class: "card" },
      h("div", { class: "row apart" }, this.choice, this.take),
      h("div", { class: "extract-screen" }, this.canvas, this.trouble, this.mark),
      this.controls = h("fieldset", { class: "extract-controls" }, this.slider, this.ticks, h("div", { class: "row" }, step(-10, "−10", "Ten frames back (Shift ←)"), step(-1, "−1", "Frame before (←)"), this.number, step(1, "+1", "Next frame (→)"), step(10, "+10", "Ten frames on (Shift →)"), this.place)),
    );
  }

  /** The frame that is meant, shown or on its way. */
  get frame() { return this.scrubber?.target ?? 0; }

  /** Show a video of `about` {name, n_frames, fps}, at `frame`. */
  show(about, frame = 0) {
    this.leave();
    this.about = about;
    this.slider.max = this.number.max = about.n_frames - 1;
    this.controls.disabled = false;
    const video = `${this.base}/videos/${encodeURIComponent(about.name)}`;
    this.scrubber = new Scrubber({
      frames: about.n_frames,
      load: async (index, signal) => {
        const picture = await pictureOf(await this.api.fetchRaw(`${video}/frames/${index}?width=${WIDTH}`, { signal }));
        return { picture, pixels: picture.width * picture.height };
      },
      preview: async (index) => {
        const answer = await this.api.fetchRaw(`${video}/previews/${index}`);
        return { near: Number(answer.headers.get("X-Frame")), picture: await pictureOf(answer) };
      },
      show: (shown) => this.#draw(shown),
    });
    this.seek(frame);
  }

  /** Say why a video cannot be shown. */
  fail(message) {
    this.leave();
    this.about = null;
    delete this.canvas.dataset.frame;
    this.#trouble(message);
    this.mark.hidden = true;
    replace(this.place);
    replace(this.ticks);
    this.controls.disabled = this.take.disabled = true;
  }

  seek(frame) {
    if (!this.scrubber || !Number.isFinite(frame)) return;
    this.scrubber.seek(frame);
    this.#tell();
  }

  step(by) { this.seek(this.frame + by); }

  /** These frames are extracted. */
  setExtracted(frames) {
    this.extracted = new Set(frames);
    const last = Math.max((this.about?.n_frames ?? 1) - 1, 1);
    replace(this.ticks, frames.map((frame) => h("i", { style: { left: `${(100 * frame) / last}%` } })));
    this.#tell();
  }

  leave() {
    this.scrubber?.leave();
    this.scrubber = null;
  }

  #draw({ frame, isExact, picture, error }) {
    this.#trouble(error?.message ?? "");
    this.canvas.dataset.frame = frame;
    this.canvas.dataset.exact = isExact;
    if (picture) {
      [this.canvas.width, this.canvas.height] = [picture.width, picture.height];
      this.canvas.getContext("2d").drawImage(picture, 0, 0);
      if (!isExact) picture.close();
    }
    this.#tell();
  }

  #trouble(message) {
    this.trouble.textContent = message;
    this.trouble.hidden = !message;
    this.canvas.style.visibility = message ? "hidden" : "visible";
  }

  #tell() {
    const { frame } = this, { n_frames, fps } = this.about ?? {};
    if (!n_frames || !this.scrubber) return;
    this.slider.value = frame;
    if (document.activeElement !== this.number) this.number.value = frame;
    const near = Number(this.canvas.dataset.frame);
    replace(this.mark, this.scrubber.isThere ? `frame ${frame}` : `frame ${near}, on the way to ${frame} …`);
    this.mark.hidden = Number.isNaN(near);
    replace(this.place, `of ${n_frames}`, fps ? ` · ${timeOf(frame, fps)} of ${timeOf(n_frames, fps)}` : "");
    const isThere = this.extracted.has(frame);
    this.take.disabled = isThere;
    replace(this.take, isThere ? "Extracted already" : "Extract this frame");
  }
}

async function pictureOf(answer) { return createImageBitmap(await answer.blob()); }
