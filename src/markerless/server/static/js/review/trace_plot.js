// x, y, confidence and expected error of some keypoints over time, linked to the playhead. Click on it to go there, wheel to
// zoom, drag to move, double-click to see the whole video; on the strip above, which is the whole video, drag to go there.
import { cssColor, lineColor } from "../colors.js";
import { h } from "../dom.js";
import { extent, pannedRange, rangeWith, ticks, timeOf, toFrame, toX, zoomedRange } from "./axis.js";

const [LEFT, BOTTOM, GAP, STRIP] = [104, 18, 5, 14]; // pixels
const DOTS_ABOVE_PX = 7; // width of a frame
const ROWS = [
  { quantity: "x", name: "x, px", band: true },
  { quantity: "y", name: "y, px", band: true },
  { quantity: "score", name: "confidence", fixed: [0, 1] },
  { quantity: "error", name: "error, px", floor: 0 },
];

export class TracePlot {
  keypoints = []; // [{animal, keypoint}] that are drawn
  moments = [];
  current = null; // the moment that is chosen
  labeled = []; // frames
  playhead = 0;
  #frame = 0;

  /** `rows`: quantities that there are, or rows of their own like those above; `seek(frame)` goes there, `scrub(frame)` while a pointer drags. */
  constructor({ frames, fps, palette, store, rows, seek, scrub }) {
    Object.assign(this, { frames, fps, palette, store, seek, scrub });
    this.rows = rows.map((one) => (typeof one === "string" ? ROWS.find(({ quantity }) => quantity === one) : one));
    this.range = { start: 0, stop: Math.max(frames, 1) };
    this.canvas = h("canvas", { class: "review-plot", "aria-label": "Course of the chosen keypoints" });
    this.node = h("div", { class: "review-traces" }, this.canvas);
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.node);
    this.#listen();
  }

  show(keypoints) {
    this.keypoints = keypoints;
    this.#ask();
  }

  moveTo(frame) {
    if (frame === this.playhead) return;
    this.playhead = frame;
    const range = rangeWith(this.range, frame, this.frames);
    if (range.start !== this.range.start) this.#see(range);
    this.redraw();
  }

  /** Look closely at some frames, with room on both sides. */
  lookAt({ start, stop }) {
    const room = Math.max(40, 2 * (stop - start));
    if (this.range.stop - this.range.start > 12 * room || start < this.range.start || stop > this.range.stop) {
      const length = Math.min(2 * room + stop - start, this.frames);
      this.#see(pannedRange({ start: start - room, stop: start - room + length }, 0, this.frames));
    }
  }

  seeAll() { this.#see({ start: 0, stop: this.frames }); }

  redraw() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => { this.#frame = 0; this.#draw(); });
  }

  leave() {
    this.observer.disconnect();
    cancelAnimationFrame(this.#frame);
    this.store.leave();
  }

  get #plotWidth() { return Math.max(this.width - LEFT - 8, 1); }

  #see(range) {
    this.range = range;
    this.#ask();
  }

  #ask() {
    if (this.width) this.store.want(this.keypoints, this.range, Math.min(Math.max(Math.round(this.#plotWidth), 200), 2000));
    this.redraw();
  }

  #resize() {
    const ratio = globalThis.devicePixelRatio || 1;
    [this.width, this.height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    [this.canvas.width, this.canvas.height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (this.width) this.#ask();
  }

  #draw() {
    if (!this.width) return;
    const context = this.canvas.getContext("2d");
    const ratio = globalThis.devicePixelRatio || 1;
    const style = getComputedStyle(this.node);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colors = Object.fromEntries(["ink", "soft", "line", "surface", "sunken", "warn", "good", "accent", "bad"].map((name) => [name, color(name)]));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.font = "11px system-ui, sans-serif";
    this.#drawStrip(context);
    const room = this.height - STRIP - 4 - BOTTOM;
    const height = room / this.rows.length - GAP;
    this.rows.forEach((row, i) => this.#drawRow(context, row, { top: STRIP + 4 + i * (height + GAP), height }));
    this.#drawTimes(context);
    this.#drawPlayhead(context);
  }

  /** All moments of the video, whatever is in sight: the whole width is the whole video. */
  #drawStrip(context) {
    const whole = { start: 0, stop: this.frames };
    const width = this.#plotWidth;
    context.fillStyle = this.colors.sunken;
    context.fillRect(LEFT, 0, width, STRIP);
    const at = (frame) => LEFT + toX(frame, whole, width);
    for (const moment of this.moments) {
      context.globalAlpha = 0.3 + 0.7 * moment.severity;
      context.fillStyle = moment === this.current ? this.colors.bad : this.colors.warn;
      const x = at(moment.start - 0.5);
      context.fillRect(x, 2, Math.max(at(moment.stop - 0.5) - x, 2), STRIP - 4);
    }
    context.globalAlpha = 1;
    context.fillStyle = this.colors.good;
    for (const frame of this.labeled) context.fillRect(at(frame) - 1, STRIP - 5, 2, 5);
    if (this.range.stop - this.range.start < this.frames) {
      context.strokeStyle = this.colors.accent;
      context.lineWidth = 1.5;
      const x = at(this.range.start - 0.5);
      context.strokeRect(x, 1, Math.max(at(this.range.stop - 0.5) - x, 3), STRIP - 2);
    }
    context.fillStyle = this.colors.ink;
    context.fillRect(at(this.playhead) - 1, 0, 2, STRIP);
    this.#label(context, "video", STRIP / 2);
  }

  #drawRow(context, row, { top, height }) {
    const width = this.#plotWidth;
    const all = this.keypoints.map((one) => [one, this.store.of(one, this.range)]).filter(([, traces]) => traces);
    context.fillStyle = this.colors.surface;
    context.fillRect(LEFT, top, width, height);
    this.#shadeMoments(context, top, height);
    const [low, high] = this.#limits(row, all.map(([, traces]) => traces));
    const y = (value) => top + height - 3 - ((value - low) / (high - low)) * (height - 6);
    context.lineWidth = 1;
    const marks = row.fixed ? [0, 0.5, 1] : ticks(low, high, Math.max(Math.floor(height / 22), 2));
    for (const value of marks) {
      context.fillStyle = this.colors.line;
      context.fillRect(LEFT, Math.round(y(value)), width, 1);
      context.fillStyle = this.colors.soft;
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText(String(value), LEFT - 5, Math.min(Math.max(y(value), top + 5), top + height - 5));
    }
    context.save();
    context.beginPath();
    context.rect(LEFT, top, width, height);
    context.clip();
    for (const [{ keypoint }, traces] of all) {
      if (row.band) this.#drawBand(context, traces, row.quantity, y, cssColor(this.palette, keypoint, 0.2));
      this.#drawLine(context, traces, traces[row.quantity], y, lineColor(this.palette, keypoint));
    }
    context.restore();
    this.#label(context, row.name, top + height / 2);
  }

  #limits({ quantity, fixed, floor, band, room: least = 0.5 }, all) {
    if (fixed) return [fixed[0] - 0.05, fixed[1] + 0.05];
    const found = extent(all, quantity, this.range, band);
    if (!found) return [0, 1];
    const low = floor ?? found[0];
    const room = Math.max((found[1] - low) * 0.08, least);
    return [floor ?? low - room, found[1] + room];
  }

  #shadeMoments(context, top, height) {
    for (const moment of this.moments) {
      if (moment.stop < this.range.start || moment.start > this.range.stop) continue;
      const x = LEFT + Math.max(toX(moment.start - 0.5, this.range, this.#plotWidth), 0);
      const end = LEFT + Math.min(toX(moment.stop - 0.5, this.range, this.#plotWidth), this.#plotWidth);
      context.globalAlpha = moment === this.current ? 0.17 : 0.12;
      context.fillStyle = moment === this.current ? this.colors.bad : this.colors.warn;
      context.fillRect(x, top, Math.max(end - x, 1), height);
    }
    context.globalAlpha = 1;
  }

  #columnsInSight(traces) {
    const n = traces.stop - traces.start;
    const first = Math.floor(((this.range.start - traces.start) / n) * traces.columns) - 1;
    const last = Math.ceil(((this.range.stop - traces.start) / n) * traces.columns) + 1;
    return [Math.max(first, 0), Math.min(last, traces.columns)];
  }

  #drawLine(context, traces, values, y, color) {
    const [first, last] = this.#columnsInSight(traces);
    const width = this.#plotWidth;
    const hasDots = traces.isExact && width / (this.range.stop - this.range.start) > DOTS_ABOVE_PX;
    context.beginPath();
    let isDown = false;
    for (let c = first; c < last; c++) {
      const [low, high] = [values[2 * c], values[2 * c + 1]];
      if (!Number.isFinite(low)) { isDown = false; continue; }
      const x = LEFT + toX(traces.frameOf(c), this.range, width);
      if (isDown) context.lineTo(x, y(low));
      else context.moveTo(x, y(low));
      context.lineTo(x, high === low && !isDown ? y(high) + 0.01 : y(high));
      isDown = true;
      if (hasDots) context.rect(x - 1.5, y(low) - 1.5, 3, 3), context.moveTo(x, y(high));
    }
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.strokeStyle = color;
    context.stroke();
  }

  /** What the expected error allows around a coordinate. */
  #drawBand(context, traces, quantity, y, color) {
    const [first, last] = this.#columnsInSight(traces);
    context.fillStyle = color;
    const width = this.#plotWidth;
    const wide = Math.max((width / (this.range.stop - this.range.start)) * ((traces.stop - traces.start) / traces.columns), 1);
    for (let c = first; c < last; c++) {
      const error = traces.error[2 * c + 1];
      if (!(error > 0)) continue;
      const x = LEFT + toX(traces.frameOf(c), this.range, width);
      const [high, low] = [y(traces[quantity][2 * c + 1] + error), y(traces[quantity][2 * c] - error)];
      context.fillRect(x - wide / 2, high, wide + 0.3, low - high);
    }
  }

  #drawTimes(context) {
    const { start, stop } = this.range;
    const hasTime = this.fps > 0;
    const unit = hasTime ? this.fps : 1;
    const marks = ticks(start / unit, (stop - 1) / unit, Math.max(Math.floor(this.#plotWidth / 110), 2));
    const span = (stop - start) / unit;
    context.fillStyle = this.colors.soft;
    context.textBaseline = "alphabetic";
    for (const mark of marks) {
      const x = LEFT + toX(mark * unit, this.range, this.#plotWidth);
      context.textAlign = x > this.width - 30 ? "right" : "center";
      context.fillText(hasTime ? timeOf(mark * unit, this.fps, span > 20 ? 0 : span > 2 ? 1 : 2) : String(mark), x, this.height - 5);
    }
    this.#label(context, hasTime ? "time" : "frame", this.height - 9);
  }

  #drawPlayhead(context) {
    const x = LEFT + toX(this.playhead, this.range, this.#plotWidth);
    if (x < LEFT || x > this.width) return;
    context.fillStyle = this.colors.ink;
    context.fillRect(x - 0.75, STRIP + 4, 1.5, this.height - BOTTOM - STRIP - 6);
  }

  #label(context, text, y) {
    context.font = "600 11px system-ui, sans-serif";
    context.fillStyle = this.colors.soft;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(text, 4, y);
    context.font = "11px system-ui, sans-serif";
  }

  #listen() {
    let from = null;
    const frameAt = (event) => {
      const range = from?.isStrip ? { start: 0, stop: this.frames } : this.range;
      return Math.min(Math.max(toFrame(event.offsetX - LEFT, range, this.#plotWidth), 0), this.frames - 1);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = { isStrip: event.offsetY <= STRIP + 2, x: event.offsetX, range: this.range, isPan: false };
      this.canvas.setPointerCapture(event.pointerId);
      if (from.isStrip) this.seek(frameAt(event));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      if (from.isStrip) return void this.scrub(frameAt(event));
      from.isPan ||= Math.abs(event.offsetX - from.x) > 4;
      if (!from.isPan) return;
      const by = ((from.x - event.offsetX) / this.#plotWidth) * (from.range.stop - from.range.start);
      this.#see(pannedRange(from.range, by, this.frames));
    });
    this.canvas.addEventListener("pointerup", (event) => {
      if (from && !from.isStrip && !from.isPan) this.seek(frameAt(event));
      from = null;
    });
    this.canvas.addEventListener("pointercancel", () => { from = null; });
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const turn = Math.max(-150, Math.min(150, event.deltaY || event.deltaX));
      const at = this.range.start + ((event.offsetX - LEFT) / this.#plotWidth) * (this.range.stop - this.range.start);
      this.#see(zoomedRange(this.range, at, Math.exp(turn / 250), this.frames));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", () => this.seeAll());
  }
}
