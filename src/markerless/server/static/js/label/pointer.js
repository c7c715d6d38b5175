// The mouse on the picture: click places, drag moves, right button removes, wheel zooms, middle button or Space pans.
import { toCanvas, toImage } from "../coords.js";
import { markAt } from "./hit.js";
import { measured } from "./timing.js";
import { isInside } from "./view.js";

const LEAST_REACH = 8;
const PREDICTION_REACH = 8;
const MOVES_AFTER = 4; // canvas pixels, so that a shaky click does not move what it placed
const WHEEL = { step: 0.0016, pinch: 0.01, line: 18 };

export class Pointer {
  #gesture = null; // {kind: "pan" | "drag" | "placed", last: [x, y], away: [dx, dy] in image pixels, ...}

  /** `marks()` gives {labels, predictions, suggestions}; `size()` the radius of marks; `moved(at, hit)` is told where the pointer is. */
  constructor({ stage, session, marks, size, moved, isPanning }) {
    Object.assign(this, { stage, session, marks, size, moved, isPanning });
    const node = stage.over;
    node.addEventListener("pointerdown", (event) => this.#down(event));
    node.addEventListener("pointermove", (event) => this.#move(event));
    node.addEventListener("pointerup", (event) => this.#up(event));
    node.addEventListener("pointercancel", () => this.#cancel());
    node.addEventListener("pointerleave", () => { if (!this.#gesture) this.moved(null, null); });
    node.addEventListener("contextmenu", (event) => event.preventDefault());
    node.addEventListener("auxclick", (event) => event.preventDefault());
    node.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** True while a button is held for something. */
  get isBusy() { return this.#gesture !== null; }

  /** What lies below a canvas position: {kind: "label" | "prediction" | "suggestion", i, k, at} or null. */
  hit(at) {
    const { labels, predictions, suggestions } = this.marks();
    const label = markAt(labels, at, Math.max(this.size() + 3, LEAST_REACH));
    if (label) return { kind: "label", ...label };
    const predicted = markAt([...predictions, ...suggestions], at, PREDICTION_REACH);
    return predicted ? { kind: "prediction", ...predicted } : null;
  }

  #down(event) {
    if (this.#gesture || this.session.image === null) return;
    const start = performance.now();
    const at = this.#at(event);
    this.stage.over.setPointerCapture(event.pointerId);
    if (event.button === 1 || (event.button === 0 && this.isPanning())) this.#gesture = { kind: "pan", last: at };
    else if (event.button === 2) this.#remove(at);
    else if (event.button === 0) this.#press(at, event);
    event.preventDefault();
    if (document.activeElement !== this.stage.over) this.stage.over.focus({ preventScroll: true });
    if (this.#gesture?.kind === "placed") {
      const handled = performance.now() - start;
      this.stage.whenPainted.push((drawn) => measured("label:place", start, handled + drawn));
    }
  }

  #press(at, event) {
    const hit = event.altKey || event.ctrlKey ? null : this.hit(at);
    if (hit) {
      this.session.grab(hit.i, hit.k, hit.kind);
      const [x, y] = toImage(at, this.stage.view);
      const from = this.session.draft?.xy ?? [x, y];
      this.#gesture = { kind: "drag", start: at, away: [from[0] - x, from[1] - y], hasMoved: false };
    } else if (isInside(at, this.stage.view, this.session.picture)) {
      const { armed, individual } = this.session;
      if (this.session.place(toImage(at, this.stage.view), event.shiftKey)) this.#gesture = { kind: "placed", start: at, i: individual, k: armed };
      else this.session.unselect();
    }
    this.moved(at, hit);
  }

  #remove(at) {
    const hit = this.hit(at);
    if (hit?.kind === "label") this.session.remove(hit.i, hit.k);
  }

  #move(event) {
    const at = this.#at(event);
    const gesture = this.#gesture;
    if (gesture?.kind === "pan") {
      this.stage.pan(at[0] - gesture.last[0], at[1] - gesture.last[1]);
      gesture.last = at;
      return;
    }
    if (gesture && !gesture.hasMoved && Math.hypot(at[0] - gesture.start[0], at[1] - gesture.start[1]) >= MOVES_AFTER) this.#begin(gesture);
    if (gesture?.hasMoved) {
      const [x, y] = toImage(at, this.stage.view);
      this.session.drag([x + gesture.away[0], y + gesture.away[1]]);
      this.moved(this.session.draft ? toCanvas(this.session.draft.xy, this.stage.view) : at, null);
      return;
    }
    this.moved(at, this.hit(at));
  }

  #begin(gesture) {
    gesture.hasMoved = true;
    if (gesture.kind !== "placed") return;
    this.session.grab(gesture.i, gesture.k);
    gesture.away = [0, 0];
  }

  #up(event) {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (!gesture) return;
    if (gesture.kind === "drag" || gesture.hasMoved) this.session.settle();
    const at = this.#at(event);
    this.moved(at, this.hit(at));
  }

  #cancel() {
    this.#gesture = null;
    this.session.giveUp();
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? WHEEL.line : event.deltaMode === 2 ? this.stage.box.height : 1);
    this.stage.zoom(Math.exp(-pixels * (event.ctrlKey ? WHEEL.pinch : WHEEL.step)), this.#at(event));
    this.moved(this.#at(event), null);
  }

  #at(event) {
    const { left, top } = this.stage.over.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }
}
