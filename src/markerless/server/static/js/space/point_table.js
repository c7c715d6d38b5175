// The keypoints at the side: what is known of each at this moment, which are drawn, and which have their course plotted.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";
import { shortNumber } from "../chart_scale.js";
import { STATES, stateWord } from "./record.js";

const MOST_PLOTTED = 8;
const EVERY_MS = 120; // while playing, words are not read faster

export class PointTable {
  animal = 0;
  plotted = [];
  #last = 0;
  #timer = 0;

  /** `told()` when a choice changed. */
  constructor({ about, settings, told }) {
    Object.assign(this, { about, settings, told });
    const first = about.limbs.findIndex((other) => other !== null);
    this.plotted = [Math.max(first, 0)];
    this.node = h("div", { class: "review-panel" });
    this.draw();
  }

  /** Show what is known of the animal's points `[{xyz, error, state}]`. */
  show(points) {
    this.points = points;
    const now = performance.now();
    clearTimeout(this.#timer);
    if (now - this.#last >= EVERY_MS) this.#write();
    else this.#timer = setTimeout(() => this.#write(), EVERY_MS);
  }

  leave() { clearTimeout(this.#timer); }

  draw() {
    const { keypoints, individuals } = this.about;
    this.cells = keypoints.map(() => h("span", { class: "space-says number" }));
    const rows = keypoints.map((name, k) => this.#row(name, k));
    const all = h("div", { class: "row small" }, this.#every("Show all", () => this.settings.hidden.clear()), this.#every("Show none", () => keypoints.forEach((_, k) => this.settings.hidden.add(k))));
    replace(
      this.node,
      individuals.length > 1 && h("label", { class: "review-animal small soft" }, "Animal", h("select", { onchange: (event) => { this.animal = Number(event.target.value); this.told(); } }, individuals.map((name, i) => h("option", { value: i, selected: i === this.animal }, name)))),
      h("div", { class: "space-point head small soft" }, h("span", {}, "Keypoint"), h("span", {}, this.about.has_error ? "error" : ""), h("span", {}, "shown"), h("span", {}, "plotted")),
      h("div", { class: "review-rows" }, rows, all),
    );
    this.#write();
  }

  #row(name, k) {
    const { settings } = this;
    const other = this.about.limbs[k];
    const limb = other === null ? "" : `; its limb goes to ${this.about.keypoints[other]}`;
    const shown = h("input", { type: "checkbox", checked: !settings.hidden.has(k), "aria-label": `show ${name}`, onchange: (event) => { event.target.checked ? settings.hidden.delete(k) : settings.hidden.add(k); this.told(); } });
    const plotted = h("input", { type: "checkbox", checked: this.plotted.includes(k), "aria-label": `plot ${name}`, onchange: (event) => this.#toggle(k, event.target.checked) });
    return h("div", { class: "space-point" }, h("button", { type: "button", class: "review-name", title: `Plot ${name} alone${limb}`, onclick: () => this.#plot([k]) }, h("i", { style: { background: cssColor(this.about.palette, k) } }), h("span", {}, name)), this.cells[k], shown, plotted);
  }

  #toggle(k, isOn) {
    const others = this.plotted.filter((one) => one !== k);
    this.#plot(isOn ? [...others, k].slice(-MOST_PLOTTED) : others);
  }

  #plot(indices) {
    this.plotted = indices;
    this.draw();
    this.told();
  }

  #every(text, run) {
    return h("button", { type: "button", class: "button quiet", onclick: () => { run(); this.draw(); this.told(); } }, text);
  }

  #write() {
    this.#last = performance.now();
    const { unit, states } = this.about;
    this.points?.forEach(({ xyz, error, state }, k) => {
      const cell = this.cells[k];
      const word = xyz ? "" : stateWord(state) || "missing";
      cell.textContent = word || (Number.isFinite(error) ? `${shortNumber(error)} ${unit}` : "");
      cell.title = word ? states[state] ?? word : "expected error: mean distance from the truth";
      cell.className = `space-says number ${word ? (state === STATES.contradictory ? "bad" : state === STATES.undetermined ? "warn" : "soft") : ""}`;
    });
  }
}
