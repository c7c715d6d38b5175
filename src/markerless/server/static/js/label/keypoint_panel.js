// The keypoints beside the picture: whose turn it is, what is decided, and what can be done with the selected one.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";
import { isOpen, isPlaced, stateName } from "./points.js";
import { ago, expected } from "./words.js";

const LAST_DIGIT = 9;

export class KeypointPanel {
  #shown = [];
  #doubts = "";

  /** `data` is the folder; `actions` [{label, name, key, title, run}]; `openHistory()` shows who did what; `dismiss(doubt)` ends a doubt;
   * `runs` chooses whose predictions are shown, or null; `views` is about other views of the moment. */
  constructor({ data, session, actions, openHistory, dismiss, runs, views }) {
    Object.assign(this, { data, session, dismiss });
    this.animals = data.individuals.length > 1 ? this.#animalList() : null;
    this.rows = data.keypoints.map((name, k) => this.#row(name, k));
    this.about = h("div", { class: "label-about small soft" });
    const buttons = actions.map(({ label, name, key, title, run }) =>
      h("button", { class: "button", type: "button", title, dataset: { command: name }, onclick: run, onmousedown: (event) => event.preventDefault() }, label, h("kbd", {}, key)));
    const history = h("button", { class: "button quiet small", type: "button", onclick: openHistory }, "History of this frame");
    const list = h("div", { class: "label-keypoints-list", role: "listbox", "aria-label": "Keypoints" }, this.rows);
    this.doubts = h("div", { class: "label-doubts" });
    this.node = h("aside", { class: "label-keypoints" }, views, this.animals, runs, list, this.doubts, this.about, h("div", { class: "label-actions" }, buttons), history);
  }

  /** `doubts` are those of the frame in sight. */
  draw(doubts) {
    const { session } = this;
    const points = session.points[session.individual];
    this.rows.forEach((row, k) => this.#drawRow(row, points[k], k));
    if (this.animals) this.#drawAnimals();
    this.#drawDoubts(doubts);
    const point = session.selected === null ? null : points[session.selected];
    const text = point ? aboutPoint(this.data.keypoints[session.selected], point) : "";
    if (this.about.textContent !== text) this.about.textContent = text;
  }

  #row(name, k) {
    const dot = h("i", { class: "label-dot", style: { "--mark": cssColor(this.data.palette, k) } });
    const digit = k < LAST_DIGIT ? h("kbd", {}, String(k + 1)) : null;
    return h("button", { class: "label-keypoint", type: "button", role: "option", title: name, tabindex: "-1", onclick: () => this.session.choose(k), onmousedown: (event) => event.preventDefault() },
      dot, h("span", { class: "label-keypoint-name" }, name), h("span", { class: "label-keypoint-state small" }), digit);
  }

  #drawRow(row, point, k) {
    const { session } = this;
    const state = stateName(point);
    const predicted = session.suggestion(session.individual, k) ?? session.prediction(session.individual, k);
    const text = { open: predicted ? expected(predicted) : "", placed: "✓", hidden: "hidden", absent: "absent" }[state];
    const flags = `${state} ${k === session.armed} ${k === session.selected} ${text}`;
    if (this.#shown[k] === flags) return; // 20 rows are not written anew for one click
    this.#shown[k] = flags;
    row.dataset.state = state;
    row.toggleAttribute("data-armed", k === session.armed);
    if (k === session.armed) setTimeout(() => row.scrollIntoView({ block: "nearest" })); // after painting, which must not wait for it
    row.setAttribute("aria-selected", String(k === session.selected));
    row.querySelector(".label-keypoint-state").textContent = text;
  }

  #drawDoubts(doubts) {
    const state = JSON.stringify(doubts);
    if (state === this.#doubts) return;
    this.#doubts = state;
    replace(this.doubts, doubts.map((doubt) => h("div", { class: "hint small" }, doubt.message,
      h("button", { class: "button quiet small", type: "button", onclick: () => this.dismiss(doubt), onmousedown: (event) => event.preventDefault() }, "It is right"))));
  }

  #animalList() {
    const choose = (event) => {
      this.session.chooseIndividual(Number(event.target.value));
      event.target.blur(); // so that keys are commands again
    };
    this.select = h("select", { "aria-label": "Animal", onchange: choose }, this.data.individuals.map((name, i) => h("option", { value: String(i) }, name)));
    return h("label", { class: "label-animals field" }, h("span", {}, "Animal ", h("kbd", {}, "I")), this.select);
  }

  #drawAnimals() {
    if (this.select.value !== String(this.session.individual)) this.select.value = String(this.session.individual);
    this.session.points.forEach((row, i) => {
      const placed = row.filter(isPlaced).length;
      const text = placed ? `${this.data.individuals[i]} (${placed})` : this.data.individuals[i];
      if (this.select.options[i].text !== text) this.select.options[i].text = text;
    });
  }
}

function aboutPoint(name, point) {
  const where = isPlaced(point) ? `x ${point.xy[0].toFixed(2)}, y ${point.xy[1].toFixed(2)}` : stateName(point);
  const by = point.who && !isOpen(point) ? ` · ${point.who}${point.time ? `, ${ago(point.time)}` : ""}` : "";
  return `${name}: ${where}${by}`;
}
