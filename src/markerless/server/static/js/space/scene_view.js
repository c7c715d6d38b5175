// The animal in space on a canvas: floor, cameras, trails, shadows, skeleton, points. `show` takes one moment; dragging turns
// the scene, with Shift or the right button moves it, the wheel zooms.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";
import { cornersOf, floorOf } from "./floor.js";
import { frustaOf } from "./frusta.js";
import { eyeOf, fittedTo, moved, nearer, projector, turned } from "./orbit.js";
import { STATES, stateWord } from "./record.js";
import { drawBones, drawDots, drawErrors, drawFloor, drawFrusta, drawNames, drawShadows, drawTrails } from "./scene_paint.js";

const MOST_SAID = 5;
const VIEWS = { whole: [-0.9, 0.42], front: [0, 0.06], side: [Math.PI / 2, 0.06], above: [0, 1.5] };

export class SceneView {
  moment = null; // {animals: [[{xyz, score, error, state}]], trails: [{keypoint, path: Float32Array of x, y, z}]}
  #frame = 0;
  #isFitted = true;

  /** `settings`: {skeleton, names, errors, cameras, floor, hidden}; `about` is what the server tells of the result. */
  constructor({ about, settings, up }) {
    Object.assign(this, { about, settings });
    this.setUp(up);
    this.canvas = h("canvas", { class: "space-scene", tabindex: "0", "aria-label": "The animal in space" });
    this.scale = h("div", { class: "space-scale small" });
    this.missing = h("div", { class: "space-missing small" });
    this.node = h("div", { class: "space-stage" }, this.canvas, this.missing, this.scale);
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.node);
    this.readColors();
    this.#listen();
  }

  /** Another direction is up. */
  setUp(up) {
    this.floor = floorOf(this.about.bounds, up);
    this.frusta = frustaOf(this.about.cameras, this.about.bounds);
    const [azimuth, elevation] = this.orbit ? [this.orbit.azimuth, this.orbit.elevation] : VIEWS.whole;
    this.orbit = { target: [0, 0, 0], distance: 1, azimuth, elevation, up };
    this.see();
  }

  /** From the front, the side, above, or aslant, all of the scene in sight; the same direction without a name. */
  see(name = null) {
    this.#isFitted = true;
    if (name) [this.orbit.azimuth, this.orbit.elevation] = VIEWS[name];
    if (!this.box) return;
    const points = [...cornersOf(this.about.bounds), ...(this.settings.floor ? this.floor.corners : []), ...(this.settings.cameras ? this.frusta.flatMap(({ apex, corners }) => [apex, ...corners]) : [])];
    this.orbit = fittedTo(this.orbit, points, this.box);
    this.whole = this.orbit.distance;
    this.redraw();
  }

  show(moment) {
    this.moment = moment;
    this.#sayMissing();
    if (this.settings.follow) this.#follow();
    this.redraw();
  }

  redraw() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => { this.#frame = 0; this.draw(); });
  }

  leave() {
    this.observer.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  readColors() {
    const style = getComputedStyle(document.documentElement);
    this.colors = Object.fromEntries(["ink", "soft", "line", "sunken", "surface", "accent", "bad", "warn"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.isDark = document.documentElement.dataset.theme === "dark";
    this.redraw();
  }

  draw() {
    if (!this.box) return;
    const context = this.canvas.getContext("2d");
    const ratio = globalThis.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.box.width, this.box.height);
    const eye = projector(this.orbit, this.box);
    const { settings, colors, floor, isDark } = this;
    const on = { context, eye, colors, isDark, palette: this.about.palette, box: this.box };
    if (settings.floor) drawFloor(on, floor);
    if (settings.cameras) drawFrusta(on, this.frusta);
    this.scale.textContent = settings.floor ? `grid ${Number(floor.step.toPrecision(3))} ${this.about.unit}` : "";
    if (!this.moment) return;
    drawTrails(on, this.moment.trails, settings.hidden);
    for (const animal of this.moment.animals) this.#drawAnimal(on, animal);
  }

  #drawAnimal(on, points) {
    const { settings, floor } = this;
    const at = [0, 0, 0];
    const shown = points.map((point, keypoint) => {
      if (!point.xyz || settings.hidden.has(keypoint)) return null;
      on.eye.project(...point.xyz, at);
      return Number.isFinite(at[0]) ? { ...point, keypoint, x: at[0], y: at[1], depth: at[2] } : null;
    });
    if (settings.floor) drawShadows(on, shown, this.about.edges, floor, this.orbit.up);
    if (settings.errors) drawErrors(on, shown);
    if (settings.skeleton) drawBones(on, shown, this.about.edges);
    drawDots(on, shown, this.orbit.distance, settings.errors ? 0.5 : 1); // small ones do not cover their errors
    if (settings.names) drawNames(on, shown, this.about.keypoints);
  }

  /** Points that are nowhere, although cameras saw them. */
  #sayMissing() {
    const { keypoints, individuals, palette } = this.about;
    const found = this.moment.animals.flatMap((points, animal) => points.map((point, keypoint) => ({ ...point, animal, keypoint })));
    const wrong = found.filter(({ xyz, state, keypoint }) => !xyz && state > STATES.tooFew && !this.settings.hidden.has(keypoint));
    const shown = wrong.slice(0, MOST_SAID).map(({ animal, keypoint, state }) => h("span", {}, h("i", { style: { color: cssColor(palette, keypoint) } }), individuals.length > 1 ? `${individuals[animal]} ${keypoints[keypoint]}` : keypoints[keypoint], h("b", { class: state === STATES.contradictory ? "" : "warn" }, stateWord(state))));
    replace(this.missing, shown, wrong.length > MOST_SAID && h("span", {}, `and ${wrong.length - MOST_SAID} more`));
  }

  /** The target moves to the middle of the animals. */
  #follow() {
    const points = this.moment.animals.flat().filter(({ xyz }) => xyz);
    if (!points.length) return;
    const middle = [0, 1, 2].map((i) => points.reduce((sum, { xyz }) => sum + xyz[i], 0) / points.length);
    this.orbit = { ...this.orbit, target: this.orbit.target.map((one, i) => one + 0.25 * (middle[i] - one)) };
    this.#isFitted = false;
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width || !height) return;
    const ratio = globalThis.devicePixelRatio || 1;
    this.box = { width, height };
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#isFitted) this.see();
    this.draw();
  }

  #listen() {
    let last = null; // {x, y, moves}
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      last = { x: event.clientX, y: event.clientY, moves: event.shiftKey || event.button !== 0 };
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
      this.orbit = last.moves ? moved(this.orbit, dx, dy, this.box) : turned(this.orbit, dx, dy);
      Object.assign(last, { x: event.clientX, y: event.clientY });
      if (dx || dy) this.#isFitted = false;
      this.redraw();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => this.see());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const factor = Math.exp(Math.max(-150, Math.min(150, event.deltaY)) / 400);
      this.#isFitted = false;
      this.orbit = nearer(this.orbit, factor, [event.offsetX, event.offsetY], this.box, [this.whole / 200, this.whole * 20]);
      this.redraw();
    }, { passive: false });
  }

  /** Where the eye is: for tests and for those who save a picture. */
  get eye() { return eyeOf(this.orbit); }
}
