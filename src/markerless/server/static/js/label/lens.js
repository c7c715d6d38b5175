// The magnifier beside the pointer, with the name of what the next click places.
import { h } from "../dom.js";

const SIZE = 148;
const LEAST_SCALE = 6;
const TIMES = 3; // larger than the picture around it
const USELESS_AT = 14; // where pixels are so large already that the lens shows nothing new
const NAME_HEIGHT = 26;
const AWAY = 34;

export class Lens {
  constructor(stage) {
    this.stage = stage;
    this.canvas = h("canvas", { class: "label-lens", width: SIZE * devicePixelRatio, height: SIZE * devicePixelRatio });
    this.ctx = this.canvas.getContext("2d"); // now, since it takes milliseconds
    this.name = h("span", { class: "label-lens-name" });
    this.node = h("div", { class: "label-pointer", hidden: true }, this.canvas, this.name);
    stage.node.append(this.node);
  }

  hide() { this.node.hidden = true; }

  /** At canvas position `at`: `name` and its color, and the lens when it is wanted and of use. */
  show(at, { name, color, isWanted }) {
    const { scale } = this.stage.view;
    this.node.hidden = false;
    this.canvas.hidden = !isWanted || scale >= USELESS_AT;
    if (this.name.textContent !== name) this.name.textContent = name;
    this.name.style.setProperty("--mark", color);
    this.#place(at);
    if (!this.canvas.hidden) this.#draw(at, Math.max(scale * TIMES, LEAST_SCALE));
  }

  #place([x, y]) {
    const height = this.canvas.hidden ? NAME_HEIGHT : SIZE + NAME_HEIGHT;
    const away = this.canvas.hidden ? AWAY / 2 : AWAY;
    const isRight = x + away + SIZE < this.stage.box.width;
    const isAbove = y - away - height > 0;
    const left = isRight ? x + away : x - away - SIZE;
    const top = isAbove ? y - away - height : y + away;
    this.node.classList.toggle("is-above", isAbove); // the name on the far side, so that it covers nothing near the pointer
    this.node.style.setProperty("transform", `translate(${Math.round(left)}px, ${Math.round(top)}px)`);
  }

  #draw(at, scale) {
    const { bitmap, picture, view, filter } = this.stage;
    if (!bitmap) return;
    const { ctx } = this;
    const times = scale / view.scale;
    const [left, top] = [SIZE / 2 - (at[0] - view.left) * times, SIZE / 2 - (at[1] - view.top) * times];
    ctx.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    ctx.clearRect(0, 0, SIZE, SIZE);
    ctx.imageSmoothingEnabled = false;
    ctx.filter = filter;
    ctx.drawImage(bitmap, left, top, picture.width * scale, picture.height * scale);
    ctx.filter = "none";
    crosshair(ctx);
  }
}

function crosshair(ctx) {
  const middle = SIZE / 2;
  for (const [stroke, width] of [["rgb(0 0 0 / 0.6)", 3], ["#ffffff", 1.25]]) {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = width;
    ctx.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      ctx.moveTo(middle + dx * 4, middle + dy * 4);
      ctx.lineTo(middle + dx * 18, middle + dy * 18);
    }
    ctx.stroke();
  }
}
