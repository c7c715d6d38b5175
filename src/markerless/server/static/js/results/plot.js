// x and y of some keypoints over a whole video, on a canvas, with the playhead of the video over it.
import { cssColor, lineColor } from "../colors.js";
import { h, replace } from "../dom.js";
import { problem } from "../notices.js";
import { bandOf, marksIn, rangeOf, stretches, unpack } from "./traces.js";
import { clock } from "./words.js";

const HEIGHT = 300;
const LEFT = 46;
const BOTTOM = 22;
const GAP = 14;
const MOST_AT_FIRST = 6;

/** A plot of one file of tracks. `seek(seconds)` is called when somebody clicks into it. */
export class TracePlot {
  constructor({ api, key, video, about, file, seek }) {
    Object.assign(this, { api, key, video, about, file, seek });
    this.courses = new Map();
    this.shown = new Set(about.keypoints.slice(0, MOST_AT_FIRST));
    this.canvas = h("canvas", { class: "results-canvas", role: "img", "aria-label": `x and y of ${video} over time` });
    this.head = h("i", { class: "results-head", hidden: true });
    this.chips = h("div", { class: "row results-chips" });
    this.individual = 0;
    const area = h("div", { class: "results-plot", onclick: (event) => this.click(event) }, this.canvas, this.head);
    this.node = h("div", {}, this.animals(), this.chips, area);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.canvas);
    this.themed = new MutationObserver(() => this.draw());
    this.themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  async load() {
    this.drawChips();
    await Promise.all([...this.shown].map((name) => this.fetch(name)));
    this.draw();
  }

  /** Of several animals, whose course is drawn. */
  animals() {
    const names = this.about.individuals;
    if (names.length < 2) return null;
    const change = async (event) => {
      this.individual = Number(event.target.value);
      this.courses.clear();
      await this.load().catch(problem);
    };
    return h("label", { class: "row small results-chips" }, h("span", { class: "soft" }, "Animal"), h("select", { onchange: change }, names.map((name, i) => h("option", { value: i }, name))));
  }

  leave() {
    this.resized.disconnect();
    this.themed.disconnect();
  }

  /** Move the playhead. */
  at(seconds) {
    const share = (seconds * this.about.fps) / this.about.n_frames;
    this.head.hidden = !(share >= 0 && share <= 1);
    this.head.style.left = `calc(${LEFT}px + ${share} * (100% - ${LEFT}px))`;
  }

  async fetch(name) {
    if (this.courses.has(name)) return;
    const path = this.api.path("projects", this.key, "tracks", this.video, "traces");
    const answer = await this.api.fetchRaw(path + this.api.query({ keypoint: name, individual: this.individual, file: this.file, points: 1200 }));
    this.courses.set(name, unpack(await answer.arrayBuffer()));
  }

  async toggle(name) {
    if (this.shown.has(name)) this.shown.delete(name);
    else this.shown.add(name);
    this.drawChips();
    await this.fetch(name);
    this.draw();
  }

  drawChips() {
    replace(this.chips, this.about.keypoints.map((name, k) => h("button", {
      class: "results-chip", type: "button", "aria-pressed": String(this.shown.has(name)), onclick: () => this.toggle(name).catch(problem),
    }, h("i", { class: "dot", style: { background: cssColor(this.about.palette, k) } }), name)));
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(HEIGHT * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const [soft, line] = ["--soft", "--line"].map((token) => style.getPropertyValue(token).trim());
    const rows = (HEIGHT - BOTTOM - GAP) / 2;
    const chosen = this.about.keypoints.map((name, k) => ({ k, course: this.courses.get(name), name })).filter(({ name, course }) => this.shown.has(name) && course);
    ["x", "y"].forEach((axis, i) => {
      const box = { left: LEFT, top: i * (rows + GAP), width: width - LEFT, height: rows };
      panel(pen, axis, chosen, box, { soft, line, about: this.about });
    });
    timeAxis(pen, width, soft, this.about);
  }

  click(event) {
    const { left, width } = this.canvas.getBoundingClientRect();
    const share = (event.clientX - left - LEFT) / (width - LEFT);
    if (share >= 0 && share <= 1 && this.about.fps > 0) this.seek((share * this.about.n_frames) / this.about.fps);
  }
}

/** One quantity: y grows downwards, as in the picture. */
function panel(pen, axis, chosen, box, { soft, line, about }) {
  const range = rangeOf(chosen.map(({ course }) => course[axis]));
  const toY = (value) => {
    const share = (value - range[0]) / (range[1] - range[0]);
    return box.top + (axis === "y" ? share : 1 - share) * box.height;
  };
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const mark of marksIn(range)) {
    pen.strokeStyle = line;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(box.left, toY(mark));
    pen.lineTo(box.left + box.width, toY(mark));
    pen.stroke();
    pen.fillStyle = soft;
    if (toY(mark) < box.top + 16) continue; // the name of the axis is there
    pen.fillText(String(mark), box.left - 6, Math.min(Math.max(toY(mark), box.top + 6), box.top + box.height - 6));
  }
  pen.textAlign = "left";
  pen.textBaseline = "top";
  pen.fillText(`${axis} (px)`, 0, box.top);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip(); // one doubtful point must not make the others small, so that its band may leave the panel
  for (const { k, course } of chosen) drawBand(pen, bandOf(course, axis), box, toY, cssColor(about.palette, k, 0.16));
  pen.restore();
  for (const { k, course } of chosen) drawCourse(pen, course[axis], box, toY, lineColor(about.palette, k), lineColor(about.palette, k, 0.3));
}

/** What lies between two courses. */
function drawBand(pen, { low, high }, box, toY, color) {
  const toX = (column) => box.left + ((column + 0.5) / low.length) * box.width;
  pen.fillStyle = color;
  for (const [first, last] of stretches({ low, high })) {
    const columns = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    pen.beginPath();
    columns.forEach((c) => pen.lineTo(toX(c), toY(high[c])));
    columns.toReversed().forEach((c) => pen.lineTo(toX(c), toY(low[c])));
    pen.fill();
  }
}

function drawCourse(pen, { low, high }, box, toY, color, faint) {
  const n = low.length;
  const toX = (column) => box.left + ((column + 0.5) / n) * box.width;
  drawBand(pen, { low, high }, box, toY, faint);
  for (const [first, last] of stretches({ low, high })) {
    const columns = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    pen.strokeStyle = color;
    pen.lineWidth = 1.3;
    pen.beginPath();
    columns.forEach((c) => pen.lineTo(toX(c), toY((low[c] + high[c]) / 2)));
    if (columns.length === 1) pen.rect(toX(first) - 0.6, toY((low[first] + high[first]) / 2) - 0.6, 1.2, 1.2);
    pen.stroke();
  }
}

function timeAxis(pen, width, soft, { n_frames: n, fps }) {
  const isTime = fps > 0;
  const end = isTime ? n / fps : n;
  pen.fillStyle = soft;
  pen.textBaseline = "bottom";
  for (const mark of marksIn([0, end], 6)) {
    const x = LEFT + (mark / end) * (width - LEFT);
    pen.textAlign = x > width - 20 ? "right" : mark === 0 ? "left" : "center";
    pen.fillText(isTime ? (end >= 120 ? clock(mark) : `${mark} s`) : String(mark), x, HEIGHT - 2);
  }
}
