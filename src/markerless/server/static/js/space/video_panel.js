// One video with what its cameras saw (dots), where the points in space should be seen (rings), and the line between them.
// A picture is always painted with the points of its own moment. Mirrors share the video of the camera that looks at them.
import { cssColor } from "../colors.js";
import { toCanvas } from "../coords.js";
import { h, replace } from "../dom.js";
import { fitted, panned, zoomed } from "../label/view.js";

const [LEAST_DOT, MOST_DOT, DOT_SHARE] = [1.8, 4, 0.008]; // radius in pixels, and of the panel's width

export class VideoPanel {
  scene = null; // {moment, frame, picture, failure, views: [{camera, points: [{keypoint, seen, expected, used, state}]}]}
  #view = null;
  #isFitted = true;

  /** `group` is {key, cameras: [index], video or null, size: [width, height] or null}; `choose()` asks for a video. */
  constructor({ group, about, settings, choose, enlarge, resized }) {
    Object.assign(this, { group, about, settings, resized });
    const names = group.cameras.map((index) => about.cameras[index].name);
    this.size = group.size && { width: group.size[0], height: group.size[1] };
    this.canvas = h("canvas", { class: "space-picture", "aria-label": `Video of ${names.join(", ")}` });
    this.message = h("div", { class: "space-message small", hidden: true });
    this.frame = h("span", { class: "space-frame number soft" });
    const title = group.video ? `${group.video.name}: ${group.video.n_frames} frames` : "no video";
    const notes = [...new Set([...group.cameras.map((index) => about.cameras[index].note), group.note].filter(Boolean))];
    this.head = h(
      "div",
      { class: "space-panel-head small" },
      h("b", { title }, names.join(", ")), this.frame,
      notes.length > 0 && h("span", { class: "space-note", title: notes.join("; "), "aria-label": notes.join("; ") }, "!"),
      h("button", { type: "button", class: "button quiet", title: group.video ? `${title}. Choose another video` : "Choose the video of this camera", onclick: choose }, group.video ? "video" : "+ video"),
      h("button", { type: "button", class: "button quiet", title: "Larger, and back (double-click)", "aria-label": "Larger, and back", onclick: enlarge }, "⤢"),
    );
    this.box = null;
    const stage = h("div", { class: "space-panel-stage" }, this.canvas, this.message);
    this.node = h("section", { class: "space-panel" }, this.head, stage);
    this.stage = stage;
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(stage);
    if (!this.size) this.#say([notes[0] ?? "No video was found for this camera.", h("br"), "Choose it with + above."]);
    this.#listen(enlarge);
  }

  /** Pixels of the screen that the whole picture is wide. */
  get shownWidth() { return this.size && this.#view ? this.size.width * this.#view.scale * (globalThis.devicePixelRatio || 1) : 0; }

  /** A picture that is not there yet leaves what is painted, which is dimmed: its points are of its own moment. */
  show(scene) {
    const isLate = this.group.video && !scene.picture && !scene.failure && scene.frame >= 0;
    this.node.classList.toggle("late", Boolean(isLate));
    if (!isLate) this.scene = scene;
    this.draw();
  }

  draw() {
    if (!this.box || !this.size) return;
    const context = this.canvas.getContext("2d");
    const ratio = globalThis.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.box.width, this.box.height);
    const { scene } = this;
    if (!scene) return;
    const { scale, left, top } = this.#view;
    const [width, height] = [this.size.width * scale, this.size.height * scale];
    const hasPicture = scene.picture?.width > 0;
    if (hasPicture) context.drawImage(scene.picture, left, top, width, height);
    else {
      context.fillStyle = "#262b33";
      context.fillRect(left, top, width, height);
    }
    const missing = scene.frame < 0 ? "this camera has no frame of this moment" : scene.failure;
    this.message.hidden = !missing;
    if (missing) this.message.textContent = missing;
    this.frame.textContent = scene.frame < 0 ? "–" : String(scene.frame);
    for (const { camera, points } of scene.views) {
      const { region, name } = this.about.cameras[camera];
      if (region && this.group.cameras.length > 1) this.#drawRegion(context, region, name);
      if (this.settings.overlay) for (const point of points) if (!this.settings.hidden.has(point.keypoint)) this.#drawPoint(context, point);
    }
  }

  leave() { this.observer.disconnect(); }

  #drawRegion(context, [x, y, width, height], name) {
    const [left, top] = toCanvas([x - 0.5, y - 0.5], this.#view);
    const [right, bottom] = toCanvas([x + width - 0.5, y + height - 0.5], this.#view);
    context.strokeStyle = "rgb(255 255 255 / 45%)";
    context.lineWidth = 1;
    context.setLineDash([5, 4]);
    context.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    context.setLineDash([]);
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "top";
    context.strokeStyle = "rgb(0 0 0 / 70%)";
    context.lineWidth = 3;
    context.fillStyle = "#fff";
    context.strokeText(name, left + 6, top + 5);
    context.fillText(name, left + 6, top + 5);
  }

  #drawPoint(context, { keypoint, seen, expected, used }) {
    const radius = Math.min(Math.max(DOT_SHARE * this.box.width, LEAST_DOT), MOST_DOT);
    const { palette } = this.about;
    const [dot, ring] = [seen, expected].map((place) => place && toCanvas(place, this.#view));
    if (dot && ring) strokes(context, [[3.2, "rgb(0 0 0 / 55%)"], [1.4, "rgb(255 255 255 / 90%)"]], () => { context.moveTo(...dot); context.lineTo(...ring); });
    if (ring) strokes(context, [[2.8, "rgb(0 0 0 / 60%)"], [1.4, cssColor(palette, keypoint)]], () => context.arc(...ring, radius + 2, 0, 2 * Math.PI));
    if (!dot) return;
    if (!used) {
      const reach = radius + 0.8;
      return void strokes(context, [[4.2, "rgb(0 0 0 / 65%)"], [2, cssColor(palette, keypoint)]], () => {
        for (const sign of [1, -1]) { context.moveTo(dot[0] - reach, dot[1] - sign * reach); context.lineTo(dot[0] + reach, dot[1] + sign * reach); }
      });
    }
    strokes(context, [[2, "rgb(0 0 0 / 60%)"]], () => context.arc(...dot, radius, 0, 2 * Math.PI));
    context.fillStyle = cssColor(palette, keypoint);
    context.fill();
    return undefined;
  }

  #say(words) {
    this.message.hidden = false;
    replace(this.message, words);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    const ratio = globalThis.devicePixelRatio || 1;
    this.box = { width, height };
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (!this.size) return;
    if (this.#isFitted || !this.#view) this.#view = snug(this.size, this.box);
    this.resized(this);
    this.draw();
  }

  #listen(enlarge) {
    let last = null;
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => { last = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (!last || this.#isFitted || !this.size) return;
      this.#view = panned(this.#view, event.clientX - last[0], event.clientY - last[1], this.size, this.box);
      last = [event.clientX, event.clientY];
      this.draw();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
    canvas.addEventListener("dblclick", enlarge);
    canvas.addEventListener("wheel", (event) => {
      if (!this.size || !this.box) return;
      event.preventDefault();
      const factor = Math.exp(-Math.max(-150, Math.min(150, event.deltaY)) / 300);
      const next = zoomed(this.#view, [event.offsetX, event.offsetY], factor, this.size, this.box);
      const whole = snug(this.size, this.box);
      this.#isFitted = next.scale <= whole.scale;
      this.#view = this.#isFitted ? whole : next;
      this.resized(this);
      this.draw();
    }, { passive: false });
  }
}

/** The whole picture as large as the box allows. */
export function snug(size, box) {
  const { scale } = fitted(size, { width: box.width + 20, height: box.height + 20 });
  return { scale, left: (box.width - size.width * scale) / 2, top: (box.height - size.height * scale) / 2 };
}

function strokes(context, passes, path) {
  context.beginPath();
  path();
  for (const [width, color] of passes) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  }
}
