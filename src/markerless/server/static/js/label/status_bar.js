// Below the picture: what the next click does, or what just happened; and where the pointer is.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";

const SAID_MS = 4000;

export class StatusBar {
  #drawn = "";
  #said = "";
  #timer = null;
  #session = null;

  constructor(data) {
    this.data = data;
    this.left = h("span", { class: "label-next" });
    this.right = h("span", { class: "label-where number mono small" });
    this.node = h("div", { class: "label-status small", role: "status" }, this.left, this.right);
  }

  /** Say something for a moment. */
  say(text) {
    clearTimeout(this.#timer);
    this.#said = text;
    this.#timer = setTimeout(() => this.say(""), text ? SAID_MS : 0);
    if (!text) clearTimeout(this.#timer);
    if (this.#session) this.draw(this.#session);
  }

  draw(session) {
    this.#session = session;
    const { armed, image } = session;
    const state = this.#said || `${image !== null} ${armed}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    if (this.#said) replace(this.left, this.#said);
    else if (image === null) replace(this.left, "");
    else if (armed === null) replace(this.left, "Every keypoint is decided. ", h("kbd", {}, "D"), " next frame, ", h("kbd", {}, "N"), " next unlabeled");
    else replace(this.left, "Click places ", this.#dot(armed), h("b", {}, this.data.keypoints[armed]), h("span", { class: "soft label-hint" }, " ", h("kbd", {}, "X"), " absent ", h("kbd", {}, "E"), " skip ", h("kbd", {}, "?"), " all keys"));
  }

  /** The image point below the pointer; null when it is elsewhere. */
  pointAt(xy, picture) {
    const isInside = xy && xy[0] >= -0.5 && xy[1] >= -0.5 && xy[0] <= picture.width - 0.5 && xy[1] <= picture.height - 0.5;
    const text = isInside ? `${xy[0].toFixed(1)}, ${xy[1].toFixed(1)}` : picture ? `${picture.width} × ${picture.height}` : "";
    if (this.right.textContent !== text) this.right.textContent = text;
  }

  #dot(k) { return h("i", { class: "label-dot", style: { "--mark": cssColor(this.data.palette, k) } }); }
}
