// Says that somebody else changed the same point, what they did, and lets the person decide.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";
import { ABSENT, OCCLUDED, isPlaced } from "./points.js";
import { ago } from "./words.js";

export class ConflictBar {
  #drawn = "";

  /** `resolve(conflict, "mine" | "theirs")`; `go(image)` opens a frame. */
  constructor({ data, resolve, go }) {
    Object.assign(this, { data, resolve, go });
    this.node = h("div", { class: "label-conflicts", role: "alert" });
  }

  /** `here` are those of the frame in sight, `elsewhere` the others of the folder. */
  draw(here, elsewhere) {
    const state = JSON.stringify([here, elsewhere.length]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    const more = elsewhere.length ? h("div", { class: "label-conflict" }, `${elsewhere.length} more in other frames`, this.#button("Show", () => this.go(elsewhere[0].image))) : null;
    replace(this.node, here.map((conflict) => this.#card(conflict)), more);
    this.node.hidden = !here.length && !elsewhere.length;
  }

  #card(conflict) {
    const { keypoint, theirs, mine } = conflict;
    const dot = h("i", { class: "label-dot", style: { "--mark": cssColor(this.data.palette, Math.max(this.data.keypoints.indexOf(keypoint), 0)) } });
    const when = theirs.time ? ` ${ago(theirs.time)}` : "";
    const text = h("span", {}, h("b", {}, `${theirs.who || "Somebody"} changed ${keypoint}${when}`), ` (${described(theirs)}). Yours (${described(mine)}) is not saved.`);
    return h("div", { class: "label-conflict" }, dot, text,
      this.#button("Keep theirs", () => this.resolve(conflict, "theirs")),
      this.#button("Use mine", () => this.resolve(conflict, "mine"), "main"));
  }

  #button(text, run, kind = "") {
    return h("button", { class: `button ${kind}`, type: "button", onclick: run, onmousedown: (event) => event.preventDefault() }, text);
  }
}

function described(point) {
  if (!isPlaced(point)) return point.visibility === ABSENT ? "absent" : "no label";
  const place = `at ${point.xy[0].toFixed(1)}, ${point.xy[1].toFixed(1)}`;
  return point.visibility === OCCLUDED ? `hidden ${place}` : place;
}
