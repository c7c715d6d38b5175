// The picture and the marks above it: two canvases in a box, so that placing a point never draws a 4k picture again.
import { h } from "../dom.js";
import { centered, fitted, isInSight, panned, zoomed } from "./view.js";

export class Stage {
  #pictureIsStale = false;
  #asked = 0;
  #isFitted = true;

  /** `paintMarks(ctx)` draws on the upper canvas. */
  constructor(paintMarks) {
    this.paintMarks = paintMarks;
    this.under = h("canvas", { class: "label-picture" });
    this.over = h("canvas", { class: "label-marks", tabindex: "-1", "aria-label": "The frame with its labels" });
    this.node = h("div", { class: "label-stage" }, this.under, this.over);
    this.box = { width: 1, height: 1 };
    this.picture = null; // {width, height} of the coordinates
    this.bitmap = null;
    this.view = { scale: 1, left: 0, top: 0 };
    this.filter = "none";
    this.whenPainted = []; // called once with the milliseconds that drawing took
    this.observer = new ResizeObserver(() => this.#measure());
    this.observer.observe(this.node);
  }

  /** Show a picture; the view stays when it is as large as the one before. */
  show(bitmap, picture) {
    const isAlike = this.picture && this.picture.width === picture.width && this.picture.height === picture.height;
    Object.assign(this, { bitmap, picture });
    if (!isAlike || this.#isFitted) this.fit();
    else this.#redraw(true);
  }

  fit() {
    if (!this.picture) return;
    this.#isFitted = true;
    this.#look(fitted(this.picture, this.box));
  }

  zoom(factor, at = [this.box.width / 2, this.box.height / 2]) {
    if (!this.picture) return;
    this.#isFitted = false;
    this.#look(zoomed(this.view, at, factor, this.picture, this.box));
  }

  pan(dx, dy) {
    if (!this.picture) return;
    this.#isFitted = false;
    this.#look(panned(this.view, dx, dy, this.picture, this.box));
  }

  /** Move the view when an image point is out of sight. */
  reveal(xy) {
    if (this.picture && !isInSight(xy, this.view, this.box)) this.#look(centered(this.view, xy, this.picture, this.box));
  }

  /** Brightness and contrast in percent, of the display alone. */
  light(brightness, contrast) {
    this.filter = brightness === 100 && contrast === 100 ? "none" : `brightness(${brightness}%) contrast(${contrast}%)`;
    this.under.style.setProperty("filter", this.filter);
  }

  /** Draw the marks again before the next frame of the screen. */
  redrawMarks() { this.#redraw(false); }

  leave() {
    this.observer.disconnect();
    cancelAnimationFrame(this.#asked);
  }

  #look(view) {
    this.view = view;
    this.#redraw(true);
  }

  #redraw(withPicture) {
    this.#pictureIsStale ||= withPicture;
    this.#asked ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const start = performance.now();
    this.#asked = 0;
    if (this.#pictureIsStale) this.#drawPicture();
    this.#pictureIsStale = false;
    const ctx = this.#cleared(this.over);
    if (this.picture) this.paintMarks(ctx);
    // for tests and for whoever looks with the browser's tools
    this.node.dataset.view = `${this.view.scale} ${this.view.left} ${this.view.top}`;
    for (const told of this.whenPainted.splice(0)) told(performance.now() - start);
  }

  #drawPicture() {
    const ctx = this.#cleared(this.under);
    if (!this.bitmap) return;
    const { scale, left, top } = this.view;
    ctx.imageSmoothingEnabled = scale * devicePixelRatio < 1;
    ctx.imageSmoothingQuality = "medium";
    ctx.drawImage(this.bitmap, left, top, this.picture.width * scale, this.picture.height * scale);
  }

  #cleared(canvas) {
    const ctx = canvas.getContext("2d");
    ctx.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    ctx.clearRect(0, 0, this.box.width, this.box.height);
    return ctx;
  }

  #measure() {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width || !height) return;
    this.box = { width, height };
    for (const canvas of [this.under, this.over]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    if (this.#isFitted && this.picture) this.fit();
    else this.#redraw(true);
  }
}
