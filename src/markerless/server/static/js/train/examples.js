// The same few frames after every look: predictions as dots, labels as rings, and a slider over the training.
import { cssColor } from "../colors.js";
import { toCanvas } from "../coords.js";
import { h, replace } from "../dom.js";
import { frameError } from "./course.js";
import { px } from "./words.js";

const WIDTH = 480; // of the pictures that are asked for
const PLAY_MS = 350;

/** `{node, draw(course), go(step), move(by), play(), leave()}`; `onMove(step)` is told which look is shown. */
export function examplesPanel({ api, key, onMove }) {
  const state = { course: null, at: -1, follows: true, tiles: [], examples: null, timer: 0 };
  const slider = h("input", { type: "range", min: 0, value: 0, "aria-label": "After how many steps", class: "train-slider" });
  const says = h("span", { class: "number train-look" });
  const button = h("button", { class: "button", type: "button", onclick: () => play() }, "▶ Play");
  const grid = h("div", { class: "train-frames" });
  const about = h("p", { class: "small soft" });
  const node = h("section", { class: "card train-examples", hidden: true },
    h("div", { class: "row apart" }, h("h3", {}, "Watch it learn"), legend()), about, h("div", { class: "train-slide" }, button, slider, says), grid);

  const show = (index) => {
    const { looks, total } = state.course;
    if (!looks.length) return;
    state.at = Math.max(0, Math.min(index, looks.length - 1));
    state.follows = state.at === looks.length - 1;
    slider.max = looks.length - 1;
    slider.value = state.at;
    const look = looks[state.at];
    replace(says, `after step ${look.step.toLocaleString("en-US")}${total ? ` of ${total.toLocaleString("en-US")}` : ""}`, Number.isFinite(look.mean_px) && [": ", h("b", {}, `${px(look.mean_px)} px`), " mean error"]);
    state.tiles.forEach((tile, f) => tile.paint(look.xy[f], look.score[f]));
    onMove(look.step);
  };
  const stop = () => { clearInterval(state.timer); state.timer = 0; replace(button, "▶ Play"); };
  const play = () => {
    if (state.timer) return stop();
    if (!state.course?.looks.length) return undefined;
    replace(button, "❚❚ Pause");
    if (state.at >= state.course.looks.length - 1) show(0);
    state.timer = setInterval(() => (state.at >= state.course.looks.length - 1 ? stop() : show(state.at + 1)), PLAY_MS);
    return undefined;
  };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  const build = (examples) => {
    state.tiles.forEach((tile) => tile.leave());
    state.examples = JSON.stringify(examples);
    state.tiles = examples.frames.map((frame) => tileOf(frame, examples, api.path("projects", key, "pictures", frame.folder, frame.picture)));
    replace(grid, state.tiles.map((tile) => tile.node));
    const whose = examples.part === "validation" ? "Frames that the network does not train on" : "Frames that the network trains on, because too few are labeled to spare any: on other frames it is worse";
    replace(about, `${whose}. The network is asked about them now and then.`);
  };
  return {
    node,
    draw: (course) => {
      if (course !== state.course) {
        stop();
        state.follows = true;
      }
      state.course = course;
      node.hidden = !course.examples || course.looks.length === 0;
      if (node.hidden) return;
      if (JSON.stringify(course.examples) !== state.examples) build(course.examples);
      button.disabled = course.looks.length < 2;
      if (state.follows && !state.timer) show(course.looks.length - 1);
      else show(state.at);
    },
    go: (step) => { if (state.course?.looks.length) { stop(); show(state.course.lookNear(step)); } },
    move: (by) => { if (state.course?.looks.length) { stop(); show(state.at + by); } },
    play,
    leave: () => { stop(); state.tiles.forEach((tile) => tile.leave()); },
  };
}

function legend() {
  return h("div", { class: "row small soft" }, h("span", { class: "row train-key" }, h("i", { class: "train-ring" }), "label"), h("span", { class: "row train-key" }, h("i", { class: "train-dot" }), "prediction"));
}

/** One frame: a canvas as wide as its place. */
function tileOf(frame, examples, path) {
  const canvas = h("canvas", { class: "train-canvas", role: "img" });
  const error = h("span", { class: "tag train-error number", hidden: true });
  const node = h("figure", { class: "train-frame" }, canvas, error, h("figcaption", { class: "small soft", title: `${frame.folder}/${frame.picture}` }, `${frame.folder}/${frame.picture}`));
  const picture = new Image();
  let shown = null;
  const paint = () => {
    const width = canvas.clientWidth;
    if (!width || !shown) return;
    const ratio = devicePixelRatio;
    const height = Math.round((width * frame.size[1]) / frame.size[0]);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.setProperty("height", `${height}px`);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    if (picture.complete && picture.naturalWidth) context.drawImage(picture, 0, 0, width, height);
    const view = { scale: width / frame.size[0], left: 0, top: 0 };
    drawPose(context, { ...shown, label: frame.label }, examples, (xy) => toCanvas(xy, view));
  };
  picture.addEventListener("load", paint);
  picture.src = `api/${path}?width=${WIDTH}`;
  const observer = new ResizeObserver(paint);
  observer.observe(canvas);
  return {
    node,
    paint: (xy, score) => {
      shown = { xy, score };
      const mean = frameError(xy, frame.label);
      error.hidden = mean === null;
      replace(error, `${px(mean)} px`);
      canvas.setAttribute("aria-label", `${frame.picture}: mean error ${px(mean)} px`);
      paint();
    },
    leave: () => observer.disconnect(),
  };
}

function drawPose(context, { xy, label, score }, { palette, edges }, at) {
  context.lineCap = "round";
  context.lineWidth = 1.5;
  context.strokeStyle = "rgb(255 255 255 / 0.45)";
  for (const [a, b] of edges) if (xy[a] && xy[b]) line(context, at(xy[a]), at(xy[b]));
  label.forEach((place, k) => {
    if (!place) return;
    if (xy[k]) {
      context.strokeStyle = cssColor(palette, k, 0.75);
      context.lineWidth = 1.5;
      line(context, at(place), at(xy[k]));
    }
    ring(context, at(place), 5, "rgb(0 0 0 / 0.55)", 3.4);
    ring(context, at(place), 5, "rgb(255 255 255 / 0.9)", 1.6);
  });
  xy.forEach((place, k) => {
    if (!place) return;
    const [x, y] = at(place);
    context.globalAlpha = 0.45 + 0.55 * Math.min(score[k] ?? 1, 1);
    context.beginPath();
    context.arc(x, y, 3.6, 0, 2 * Math.PI);
    context.fillStyle = cssColor(palette, k);
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = "rgb(0 0 0 / 0.7)";
    context.stroke();
    context.globalAlpha = 1;
  });
}

function line(context, [x1, y1], [x2, y2]) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

function ring(context, [x, y], radius, style, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.strokeStyle = style;
  context.lineWidth = width;
  context.stroke();
}
