// The suspicious moments as a list: by reason, by time or severity.
import { cssColor } from "../colors.js";
import { h, replace } from "../dom.js";
import { timeOf } from "./axis.js";
import { REASONS, SHORT, counted, framesOf, listed, nearest, neighbor, reasonsOf } from "./moments.js";

const MOST_SHOWN = 200;

export class MomentList {
  current = null;
  #last = null; // the one that was chosen last, when somebody went elsewhere since
  #reason = null;
  #order = "severity";
  #most = MOST_SHOWN;

  /** `chosen(moment)`, `told()` when what is listed changed. */
  constructor({ moments, nLeftOut, keypoints, individuals, palette, fps, chosen, told }) {
    Object.assign(this, { moments, nLeftOut, keypoints, individuals, palette, fps, chosen, told });
    this.head = h("div", { class: "review-filters" });
    this.rows = h("div", { class: "review-rows" });
    this.node = h("div", { class: "review-panel" }, this.head, this.rows);
    this.#draw();
  }

  /** The moments in the order of the list. */
  get list() { return listed(this.moments, this.#reason, this.#order); }

  /** Go `by` moments on; false when there is none. */
  go(by, frame) {
    const { list } = this;
    const isByTime = this.#order === "time" && !this.current;
    const moment = isByTime ? nearest(list, frame, by) : neighbor(list, this.current ?? this.#last, by);
    if (moment) this.choose(moment);
    return moment !== null;
  }

  choose(moment) {
    this.current = this.#last = moment;
    this.#mark();
    this.rows.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    this.chosen(moment);
  }

  /** Nothing is chosen any more: somebody went elsewhere. */
  release() {
    if (!this.current) return;
    this.current = null;
    this.#mark();
  }

  #draw() {
    const chip = (reason, text, n) => h("button", { type: "button", class: "review-chip", "aria-pressed": String(this.#reason === reason), onclick: () => this.#filter(reason) }, text, h("span", { class: "number" }, n));
    const chips = [chip(null, "All", this.moments.length), ...counted(this.moments).map(([reason, n]) => chip(reason, SHORT[reason] ?? reason, n))];
    const order = h("select", { "aria-label": "Order", onchange: (event) => this.#sort(event.target.value) }, h("option", { value: "severity", selected: this.#order === "severity" }, "most suspicious first"), h("option", { value: "time", selected: this.#order === "time" }, "in the order of time"));
    replace(this.head, h("div", { class: "review-chips" }, chips), h("label", { class: "review-order small soft" }, order));
    const { list } = this;
    const shown = list.slice(0, this.#most);
    const more = list.length > shown.length && h("button", { type: "button", class: "button quiet", onclick: () => { this.#most *= 5; this.#draw(); } }, `${list.length - shown.length} more`);
    const left = this.nLeftOut > 0 && h("p", { class: "small soft review-none" }, `${this.nLeftOut} less severe moments are not listed; markerless outliers --json lists all.`);
    replace(this.rows, list.length ? shown.map((moment) => this.#row(moment)) : nothing(), more, left);
    this.#mark();
  }

  #row(moment) {
    const [time, digits] = [timeOf(moment.worst, this.fps), Math.round(moment.severity * 100)];
    const dots = moment.keypoints.slice(0, 5).map((name) => h("i", { title: name, style: { background: cssColor(this.palette, this.keypoints.indexOf(name)) } }));
    const also = reasonsOf(moment).slice(1).map((reason) => REASONS[reason] ?? reason);
    const node = h(
      "button",
      { type: "button", class: "review-row", onclick: () => this.choose(moment) },
      h("span", { class: "review-row-head" }, h("b", {}, REASONS[moment.reason] ?? moment.reason), h("span", { class: "review-dots" }, dots), h("span", { class: "number soft", title: framesOf(moment) }, time || moment.worst)),
      h("span", { class: "review-words" }, this.individuals.length > 1 && h("b", {}, `${this.individuals[moment.individual]}: `), moment.words),
      also.length > 0 && h("span", { class: "small soft" }, `also: ${also.join(", ").toLowerCase()}`),
      h("span", { class: "review-severity", title: `severity ${digits} of 100` }, h("i", { style: { width: `${digits}%` } })),
    );
    node.moment = moment;
    return node;
  }

  #mark() {
    for (const row of this.rows.children) {
      if (row.moment && row.moment === this.current) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  #filter(reason) {
    this.#reason = reason;
    this.#most = MOST_SHOWN;
    this.#draw();
    this.told();
  }

  #sort(order) {
    this.#order = order;
    this.#draw();
  }
}

function nothing() {
  return h("div", { class: "review-none soft" }, h("h3", {}, "Nothing is suspicious"), h("p", { class: "small" }, "No keypoint is unsure, jumps, or is where it cannot be."));
}
