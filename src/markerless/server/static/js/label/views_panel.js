// The other views of the same moment, above the list of keypoints: where to go, what they suggest, what does not fit them.
import { h, replace } from "../dom.js";
import { cssColor } from "../colors.js";
import { count, far } from "./words.js";

const MOST_FAR = 6;

export class ViewsPanel {
  #drawn = "";

  /** `commands` by name, see commands.js; `go(view)` opens a view's frame, `extract()` makes missing pictures, `choose(i, k)` takes a keypoint. */
  constructor({ data, commands, go, extract, choose }) {
    Object.assign(this, { data, commands, go, extract, choose });
    this.node = h("section", { class: "label-views", hidden: true, "aria-label": "Other views of this moment" });
  }

  /** `views` OtherViews; `nSuggested` keypoints can be accepted; `far` see OtherViews; `showsBeams` lines are drawn. */
  draw({ views, nSuggested, far: off, showsBeams }) {
    const state = JSON.stringify([views.views, views.answer?.note, nSuggested, showsBeams, off.map(({ i, k, px, times }) => [i, k, px.toFixed(0), times.toFixed(0)])]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.node.hidden = !views.views.length;
    if (this.node.hidden) return void replace(this.node);
    replace(this.node, this.#head(views, showsBeams), views.isOnePicture ? null : this.#list(views), nSuggested ? this.#accept(nSuggested) : null, this.#far(off), views.answer.note ? h("p", { class: "hint small" }, views.answer.note) : null);
  }

  #head(views, showsBeams) {
    const title = views.isOnePicture ? `Views ${views.views.map(({ name }) => name).join(", ")}` : "Same moment";
    const { does, run } = this.commands.beams;
    const line = h("button", { class: "button quiet", type: "button", title: does, "aria-pressed": String(showsBeams), dataset: { command: "beams" }, onclick: run, onmousedown: keepFocus }, "Line", h("kbd", {}, "B"));
    return h("div", { class: "label-views-head small" }, h("span", { class: "soft" }, title, views.isOnePicture ? null : h("kbd", {}, "V")), line);
  }

  #list({ views }) {
    const missing = views.filter(({ canExtract }) => canExtract);
    const button = (view) => h("button", {
      class: "label-view", type: "button", "aria-current": view.isHere ? "true" : null, disabled: view.picture === null,
      title: view.picture === null ? `No picture of this moment in ${view.folder} yet` : `${view.folder}/${view.picture}`,
      onclick: () => { if (!view.isHere) this.go(view); }, onmousedown: keepFocus,
    }, view.name);
    const make = h("button", { class: "button quiet small", type: "button", title: `Make pictures of this moment for ${missing.map(({ name }) => name).join(", ")}`, dataset: { command: "extractViews" }, onclick: () => this.extract(), onmousedown: keepFocus },
      `Extract in ${count(missing.length, "other view")}`);
    return h("div", { class: "label-views-list" }, views.map(button), missing.length ? make : null);
  }

  #accept(nSuggested) {
    const { does, run } = this.commands.acceptSuggestions;
    return h("button", { class: "button", type: "button", title: does, dataset: { command: "acceptSuggestions" }, onclick: run, onmousedown: keepFocus }, `Accept ${count(nSuggested, "suggestion")}`, h("kbd", {}, "⇧ P"));
  }

  #far(off) {
    if (!off.length) return null;
    const many = this.data.individuals.length > 1;
    const row = ({ i, k, px, times, views }) => h("button", { class: "label-far small", type: "button", title: `Far from where ${views.join(", ")} put it: one of the labels is probably wrong`, onclick: () => this.choose(i, k), onmousedown: keepFocus },
      h("i", { class: "label-dot", style: { "--mark": cssColor(this.data.palette, k) } }),
      h("span", {}, many ? `${this.data.keypoints[k]} of ${this.data.individuals[i]}` : this.data.keypoints[k]), h("b", { class: "number" }, far(px, times)));
    const more = off.length > MOST_FAR ? h("p", { class: "soft small" }, `and ${count(off.length - MOST_FAR, "more label")}`) : null;
    return h("div", { class: "label-fars" }, h("p", { class: "small" }, "Does not fit the other views:"), off.slice(0, MOST_FAR).map(row), more);
  }
}

const keepFocus = (event) => event.preventDefault();
