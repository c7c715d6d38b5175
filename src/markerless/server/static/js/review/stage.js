// The picture with its points. `draw` paints one frame: its own picture and its own points, together.
import { cssColor } from "../colors.js";
import { toCanvas, toImage } from "../coords.js";
import { h } from "../dom.js";
import { centered, fitted, panned, zoomed } from "../label/view.js";

const HIT_PX = 12;
const SURE = 0.5; // a lower score is drawn hollow

export class Stage {
  scene = null; // {picture, failure, points: [{animal, keypoint, xy, score, error}], labels: the same or null}
  dragged = null; // {point, xy} while a point is dragged
  #view = null;
  #isFitted = true;

  /** `size` of the frames {width, height}; `moved(point, xy)` when a point was dragged; `grabbed()` before. */
  constructor({ size, palette, edges, settings, moved, grabbed, canMove, resized }) {
    Object.assign(this, { size, palette, edges, settings, moved, grabbed, canMove, resized });
    this.canvas = h("canvas", { class: "review-picture", tabindex: "0", "aria-label": "The video with its points" });
    this.message = h("div", { class: "review-message", hidden: true });
    this.node = h("div", { class: "review-stage" }, this.canvas, this.message);
    this.observer = new ResizeObserver(() => this.#fitBox());
    this.observer.observe(this.node);
    this.#listen();
  }

  get view() { return this.#view ?? { scale: 1, left: 0, top: 0 }; }

  /** Pixels of the screen that the whole picture is wide. */
  get shownWidth() { return this.size.width * this.view.scale * (globalThis.devicePixelRatio || 1); }

  fit() {
    this.#isFitted = true;
    this.#fitBox();
  }

  zoom(factor, at = [this.box.width / 2, this.box.height / 2]) {
    this.#isFitted = false;
    this.#view = zoomed(this.view, at, factor, this.size, this.box);
    this.resized();
    this.draw();
  }

  /** Bring a point into the middle, when the picture is zoomed. */
  lookAt(xy) {
    if (this.#isFitted || !xy) return;
    this.#view = centered(this.view, xy, this.size, this.box);
  }

  show(scene) {
    this.scene = scene;
    this.draw();
  }

  draw() {
    if (!this.box || !this.scene) return;
    const context = this.canvas.getContext("2d");
    const ratio = globalThis.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.box.width, this.box.height);
    const { picture, failure } = this.scene;
    this.message.hidden = !failure;
    this.message.textContent = failure ?? "";
    const { scale, left, top } = this.view;
    const [width, height] = [this.size.width * scale, this.size.height * scale];
    if (picture) {
      context.imageSmoothingEnabled = (scale * this.size.width) / picture.width < 3;
      context.drawImage(picture, left, top, width, height);
    } else {
      context.fillStyle = "#000";
      context.fillRect(left, top, width, height);
    }
    if (this.settings.overlay) this.#drawPoints(context);
  }

  leave() { this.observer.disconnect(); }

  #fitBox() {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width || !height) return;
    const ratio = globalThis.devicePixelRatio || 1;
    this.box = { width, height };
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#isFitted || !this.#view) this.#view = fitted(this.size, this.box);
    this.resized();
    this.draw();
  }

  #shownPoints(points) {
    return points.filter(({ keypoint, xy }) => xy && !this.settings.hidden.has(keypoint)).map((point) => (this.dragged?.point === point ? { ...point, xy: this.dragged.xy } : point));
  }

  #drawPoints(context) {
    const points = this.#shownPoints(this.scene.points);
    const labels = this.#shownPoints(this.scene.labels ?? []);
    context.save();
    context.globalAlpha = this.scene.labels ? 0.45 : 1;
    if (this.settings.lines) this.#drawEdges(context, points);
    if (this.settings.errors) for (const point of points) this.#drawError(context, point);
    for (const point of points) this.#drawDot(context, point);
    context.restore();
    for (const point of labels) this.#drawLabel(context, point);
    if (this.settings.names) for (const point of labels.length ? labels : points) this.#drawName(context, point);
  }

  #drawEdges(context, points) {
    const at = new Map(points.map((point) => [`${point.animal} ${point.keypoint}`, point]));
    context.lineWidth = 1.5;
    context.strokeStyle = "rgb(255 255 255 / 55%)";
    for (const animal of new Set(points.map((point) => point.animal))) {
      for (const [a, b] of this.edges) {
        const [one, other] = [at.get(`${animal} ${a}`), at.get(`${animal} ${b}`)];
        if (!one || !other) continue;
        context.beginPath();
        context.moveTo(...toCanvas(one.xy, this.view));
        context.lineTo(...toCanvas(other.xy, this.view));
        context.stroke();
      }
    }
  }

  #drawError(context, { keypoint, xy, error }) {
    if (!(error > 0)) return;
    context.beginPath();
    context.arc(...toCanvas(xy, this.view), error * this.view.scale, 0, 2 * Math.PI);
    context.fillStyle = cssColor(this.palette, keypoint, 0.16);
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = cssColor(this.palette, keypoint, 0.6);
    context.stroke();
  }

  #drawDot(context, { keypoint, xy, score }) {
    const [x, y] = toCanvas(xy, this.view);
    const radius = this.settings.radius;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.lineWidth = 3.5;
    context.strokeStyle = "rgb(0 0 0 / 60%)";
    context.stroke();
    const isSure = !(score < SURE);
    context.fillStyle = cssColor(this.palette, keypoint, isSure ? 1 : 0.15);
    context.fill();
    context.lineWidth = isSure ? 1.2 : 2;
    context.strokeStyle = isSure ? "rgb(255 255 255 / 90%)" : cssColor(this.palette, keypoint);
    context.stroke();
  }

  #drawLabel(context, { keypoint, xy }) {
    const [x, y] = toCanvas(xy, this.view);
    const reach = this.settings.radius + 3;
    for (const [width, color] of [[4.5, "rgb(0 0 0 / 65%)"], [2.2, cssColor(this.palette, keypoint)]]) {
      context.lineWidth = width;
      context.strokeStyle = color;
      context.beginPath();
      context.moveTo(x - reach, y);
      context.lineTo(x + reach, y);
      context.moveTo(x, y - reach);
      context.lineTo(x, y + reach);
      context.stroke();
    }
  }

  #drawName(context, { keypoint, xy }) {
    const [x, y] = toCanvas(xy, this.view);
    context.font = "600 11px system-ui, sans-serif";
    context.lineWidth = 3;
    context.strokeStyle = "rgb(0 0 0 / 70%)";
    context.fillStyle = "#fff";
    context.strokeText(this.settings.keypoints[keypoint], x + 9, y + 4);
    context.fillText(this.settings.keypoints[keypoint], x + 9, y + 4);
  }

  /** The point below a canvas position: a label where there are labels. */
  #hit([x, y]) {
    const candidates = this.scene?.labels ?? this.scene?.points ?? [];
    let [best, nearest] = [null, HIT_PX];
    for (const point of candidates) {
      if (!point.xy || this.settings.hidden.has(point.keypoint)) continue;
      const [px, py] = toCanvas(point.xy, this.view);
      const distance = Math.hypot(px - x, py - y);
      if (distance <= nearest) [best, nearest] = [point, distance];
    }
    return best;
  }

  #listen() {
    const place = (event) => [event.offsetX, event.offsetY];
    let from = null; // where the pointer went down: {at, point, offset, view}
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      const at = place(event);
      const point = event.button === 0 && this.settings.overlay ? this.#hit(at) : null;
      const [px, py] = point ? toCanvas(point.xy, this.view) : at;
      from = { at, point, offset: [px - at[0], py - at[1]], last: at, isMoving: false };
      this.canvas.setPointerCapture(event.pointerId);
      if (point) this.grabbed();
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const at = place(event);
      if (!from) return void (this.canvas.style.cursor = this.settings.overlay && this.canMove && this.#hit(at) ? "grab" : "default");
      from.isMoving ||= Math.hypot(at[0] - from.at[0], at[1] - from.at[1]) > 2;
      if (!from.isMoving) return;
      if (from.point && this.canMove) this.dragged = { point: from.point, xy: toImage([at[0] + from.offset[0], at[1] + from.offset[1]], this.view) };
      else if (!from.point) this.#pan(at[0] - from.last[0], at[1] - from.last[1]);
      from.last = at;
      this.draw();
    });
    const end = (event) => {
      const { dragged } = this;
      from = null;
      this.dragged = null;
      if (dragged && event.type === "pointerup") this.moved(dragged.point, dragged.xy);
      else if (dragged) this.draw();
    };
    this.canvas.addEventListener("pointerup", end);
    this.canvas.addEventListener("pointercancel", end);
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-Math.max(-150, Math.min(150, event.deltaY)) / 300), place(event));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", () => this.fit());
  }

  #pan(dx, dy) {
    if (this.#isFitted) return;
    this.#view = panned(this.view, dx, dy, this.size, this.box);
  }
}
