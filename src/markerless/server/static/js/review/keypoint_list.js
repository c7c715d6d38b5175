// Which keypoints are drawn on the picture, and which have their course plotted.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";

const MOST_PLOTTED = 8;

export class KeypointList {
  plotted = []; // indices, in the order they were chosen
  animal = 0; // whose course is plotted

  /** `told()` when a choice changed. `settings.hidden` is the set of keypoints that are not drawn. */
  constructor({ keypoints, individuals, palette, settings, hasError, told }) {
    Object.assign(this, { keypoints, individuals, palette, settings, hasError, told });
    this.node = h("div", { class: "review-panel" });
    this.plotted = [0];
    this.draw();
  }

  /** Plot these; those that there are no places for are left out. */
  plot(indices, animal = this.animal) {
    this.animal = animal;
    this.plotted = indices.filter((k) => k >= 0).slice(0, MOST_PLOTTED);
    this.draw();
    this.told();
  }

  draw() {
    const { settings } = this;
    const choice = (name, text) => h("label", { class: "review-choice" }, h("input", { type: "checkbox", checked: settings[name], onchange: (event) => { settings[name] = event.target.checked; this.told(); } }), text);
    const rows = this.keypoints.map((name, k) => this.#row(name, k));
    const all = h("div", { class: "row small" }, this.#every("Show all", () => settings.hidden.clear()), this.#every("Show none", () => this.keypoints.forEach((_, k) => settings.hidden.add(k))));
    replace(
      this.node,
      h("div", { class: "review-choices" }, choice("overlay", "Points"), choice("lines", "Skeleton"), choice("names", "Names"), this.hasError && choice("errors", "Expected error")),
      this.individuals.length > 1 && h("label", { class: "review-animal small soft" }, "Plotted animal", h("select", { onchange: (event) => this.plot(this.plotted, Number(event.target.value)) }, this.individuals.map((name, i) => h("option", { value: i, selected: i === this.animal }, name)))),
      h("div", { class: "review-keypoints-head small soft" }, h("span", {}, "Keypoint"), h("span", {}, "shown"), h("span", {}, "plotted")),
      h("div", { class: "review-rows" }, rows, all),
    );
  }

  #row(name, k) {
    const { settings } = this;
    const shown = h("input", { type: "checkbox", checked: !settings.hidden.has(k), "aria-label": `show ${name}`, onchange: (event) => { event.target.checked ? settings.hidden.delete(k) : settings.hidden.add(k); this.told(); } });
    const plotted = h("input", { type: "checkbox", checked: this.plotted.includes(k), "aria-label": `plot ${name}`, onchange: (event) => this.#toggle(k, event.target.checked) });
    return h("div", { class: "review-keypoint" }, h("button", { type: "button", class: "review-name", title: "Plot this one alone", onclick: () => this.plot([k]) }, h("i", { style: { background: cssColor(this.palette, k) } }), h("span", {}, name)), shown, plotted);
  }

  #toggle(k, isOn) {
    const others = this.plotted.filter((one) => one !== k);
    this.plot(isOn ? [...others, k].slice(-MOST_PLOTTED) : others);
  }

  #every(text, run) {
    return h("button", { type: "button", class: "button quiet", onclick: () => { run(); this.draw(); this.told(); } }, text);
  }
}
