// What is drawn: the settings of the page, kept in the browser.
import { h, replace } from "../dom.js";

const PLACE = "markerless-space-choices";
const TRAILS = [[0, "none"], [0.5, "½ s"], [1, "1 s"], [2, "2 s"], [5, "5 s"]];
const UPS = ["+x", "−x", "+y", "−y", "+z", "−z"];
const [SEEN, GUESSED] = ["seen", "guessed"];
const KEPT = ["skeleton", "names", "errors", "cameras", "floor", "videos", "trail"];

export class Choices {
  /** `told(name)` when a setting changed. */
  constructor({ about, told }) {
    Object.assign(this, { about, told });
    const hasCameras = about.cameras.some(({ center }) => center);
    this.settings = { skeleton: true, names: false, errors: false, cameras: hasCameras, floor: true, follow: false, overlay: true, videos: about.cameras.length > 0, trail: 1, hidden: new Set(), ...stored(), ...(about.is_pictures ? { trail: 0 } : {}) };
    this.hasCameras = hasCameras;
    this.up = kept(this.#upPlace) ?? about.up;
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
    const up = h("select", { "aria-label": "Up", title: "Which way is up; guessed from how the cameras are held. Or turn the scene until the animal is upright, and choose: as seen now", onchange: (event) => { this.#choose(event.target.value); event.target.blur(); } }, h("option", { value: "" }, nameOf(this.up)), UPS.filter((name) => name !== nameOf(this.up)).map((name) => h("option", { value: name }, name)), h("option", { value: SEEN }, "as seen now"), this.up !== about.up && h("option", { value: GUESSED }, "guessed anew"));
    replace(
      this.node,
      choice("skeleton", "Skeleton"), choice("names", "Names"),
      about.has_error && choice("errors", "Expected error", "A ball as large as the expected error (E)"), choice("floor", "Floor", "A level grid, and shadows on it"),
      this.hasCameras && choice("cameras", "Cameras", "Where they stand; far ones are drawn nearer, dashed (C)"), choice("follow", "Follow", "Keep the animal in the middle (F)"),
      about.cameras.length > 0 && choice("videos", "Videos", "The cameras' videos (V)"), about.cameras.length > 0 && choice("overlay", "Points on them", "On the videos (H)"),
      !about.is_pictures && h("label", { class: "review-choice" }, "Trail", trail), h("label", { class: "review-choice" }, "Up", up),
    );
  }

  /** Another direction is up; `seen()` gives the one that is up on the screen. */
  #choose(name) {
    this.up = name === GUESSED ? this.about.up : name === SEEN ? this.seen() : upOf(name);
    if (this.up === this.about.up) localStorage.removeItem(this.#upPlace);
    else localStorage.setItem(this.#upPlace, JSON.stringify(this.up));
    this.draw();
    this.told("up");
  }

  get #upPlace() { return `markerless-space-up:${this.about.file}`; }

  #keep(name) {
    this.draw();
    localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(KEPT.map((one) => [one, this.settings[one]]))));
    this.told(name);
  }
}

function nameOf(up) {
  const axis = up.findIndex((one) => Math.abs(one) > 0.999);
  return axis < 0 ? "aslant" : `${up[axis] > 0 ? "+" : "−"}${"xyz"[axis]}`;
}

function upOf(name) {
  const axis = "xyz".indexOf(name[1]);
  return [0, 1, 2].map((i) => (i === axis ? (name[0] === "+" ? 1 : -1) : 0));
}

function stored() {
  return Object.fromEntries(Object.entries(kept(PLACE) ?? {}).filter(([name, value]) => KEPT.includes(name) && typeof value === (name === "trail" ? "number" : "boolean")));
}

function kept(place) {
  try {
    return JSON.parse(localStorage.getItem(place));
  } catch {
    return null;
  }
}
