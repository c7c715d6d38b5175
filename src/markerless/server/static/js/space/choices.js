// What is drawn: the settings of the page, kept in the browser.
import { h, replace } from "../dom.js";

const PLACE = "markerless-space-choices";
const TRAILS = [[0, "none"], [0.5, "½ s"], [1, "1 s"], [2, "2 s"], [5, "5 s"]];
const UPS = ["+x", "−x", "+y", "−y", "+z", "−z"];
const KEPT = ["skeleton", "names", "errors", "cameras", "floor", "videos", "trail"];

export class Choices {
  /** `told(name)` when a setting changed. */
  constructor({ about, told }) {
    Object.assign(this, { about, told });
    const hasCameras = about.cameras.some(({ center }) => center);
    this.settings = { skeleton: true, names: false, errors: false, cameras: hasCameras, floor: true, follow: false, overlay: true, videos: about.cameras.length > 0, trail: 1, hidden: new Set(), ...stored(), ...(about.is_pictures ? { trail: 0 } : {}) };
    this.hasCameras = hasCameras;
    this.up = about.up;
    this.node = h("div", { class: "review-choices space-choices" });
    this.draw();
  }

  flip(name) {
    this.settings[name] = !this.settings[name];
    this.#keep(name);
  }

  draw() {
    const { settings, about } = this;
    const choice = (name, text, title) => h("label", { class: "review-choice", title }, h("input", { type: "checkbox", checked: settings[name], onchange: () => this.flip(name) }), text);
    const trail = h("select", { "aria-label": "Trail", onchange: (event) => { settings.trail = Number(event.target.value); this.#keep("trail"); event.target.blur(); } }, TRAILS.map(([value, text]) => h("option", { value, selected: value === settings.trail }, text)));
    const up = h("select", { "aria-label": "Up", title: "Which axis points up; guessed from how the cameras are held", onchange: (event) => { this.up = upOf(event.target.value) ?? about.up; this.told("up"); event.target.blur(); } }, h("option", { value: "" }, nameOf(about.up)), UPS.filter((name) => name !== nameOf(about.up)).map((name) => h("option", { value: name }, name)));
    replace(
      this.node,
      choice("skeleton", "Skeleton"), choice("names", "Names"),
      about.has_error && choice("errors", "Expected error", "A ball as large as the expected error (E)"), choice("floor", "Floor", "A level grid, and shadows on it"),
      this.hasCameras && choice("cameras", "Cameras", "Where they stand; far ones are drawn nearer, dashed (C)"), choice("follow", "Follow", "Keep the animal in the middle (F)"),
      about.cameras.length > 0 && choice("videos", "Videos", "The cameras' videos (V)"), about.cameras.length > 0 && choice("overlay", "Points on them", "On the videos (H)"),
      !about.is_pictures && h("label", { class: "review-choice" }, "Trail", trail), h("label", { class: "review-choice" }, "Up", up),
    );
  }

  #keep(name) {
    this.draw();
    localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(KEPT.map((one) => [one, this.settings[one]]))));
    this.told(name);
  }
}

function nameOf(up) {
  const axis = up.findIndex((one) => Math.abs(one) > 0.999);
  return axis < 0 ? "as cameras" : `${up[axis] > 0 ? "+" : "−"}${"xyz"[axis]}`;
}

function upOf(name) {
  const axis = "xyz".indexOf(name[1]);
  if (axis < 0 || !name) return null;
  return [0, 1, 2].map((i) => (i === axis ? (name[0] === "+" ? 1 : -1) : 0));
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
    return Object.fromEntries(Object.entries(found ?? {}).filter(([name, value]) => KEPT.includes(name) && typeof value === (name === "trail" ? "number" : "boolean")));
  } catch {
    return {};
  }
}
