// The keypoints of a study: named, ordered, colored, joined by lines and paired as left and right; labels go along.
import { confirm } from "../dialogs.js";
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { Draft } from "../skeleton/draft.js";
import { drawing, places } from "../skeleton/drawing.js";

export async function show(root, { api, key, go }) {
  const editor = new Editor(await api.get(api.path("projects", key)), {
    save: async (body) => {
      const done = await api.put(api.path("projects", key, "skeleton"), body);
      notice(done.n_frames ? `Saved; ${done.n_frames} labeled frames went along.` : "Saved.");
      for (const note of done.notes) notice(note);
      if (done.runs.length) notice(`Renamed in ${done.runs.join(", ")} too; evaluate again for reports with the new names.`);
      go("project");
    },
    back: addressOf(key, "project"),
  });
  replace(root, editor.node);
  const stop = shortcuts([{ keys: ["Escape"], does: "lets go of the chosen keypoint", run: () => editor.choose(null) }]);
  const warn = (event) => { if (editor.draft.isChanged && !editor.isSaved) event.preventDefault(); };
  addEventListener("beforeunload", warn);
  return () => { stop(); removeEventListener("beforeunload", warn); };
}

class Editor {
  constructor(study, { save, back }) {
    this.draft = new Draft(study);
    this.study = study;
    this.save = save;
    this.mode = "edge";
    this.selected = null;
    this.isSaved = false;
    this.spare = new Map(study.keypoints.map((name, k) => [name, study.palette[k]]));
    this.list = h("ol", { class: "keypoints-list" });
    this.stage = h("div", { class: "keypoints-stage" });
    this.told = h("div", { class: "keypoints-told" });
    this.saving = h("button", { class: "button main", type: "button", onclick: () => this.#save() }, "Save");
    const name = h("input", { placeholder: "New keypoint", "aria-label": "New keypoint", maxlength: "100" });
    const add = h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); if (name.value.trim()) { this.draft.add(name.value); name.value = ""; this.#paint(); name.focus(); } } }, name, h("button", { class: "button" }, "Add"));
    const modes = [["edge", "Lines", "Click two keypoints to draw a line between them, or to take it away."], ["pair", "Left and right", "Click the left one and the right one of the animal; flipped pictures exchange them in training."]];
    this.hint = h("p", { class: "soft small" });
    this.modes = modes.map(([mode, text, hint]) => h("button", { class: "button", type: "button", dataset: { mode, hint }, onclick: () => { this.mode = mode; this.choose(null); } }, text));
    this.node = h("div", { class: "sheet" },
      h("div", { class: "row apart" }, h("div", {}, h("h1", {}, "Keypoints"), h("span", { class: "soft small" }, "Labels go along with names and order. Nothing changes before you save.")), h("div", { class: "row" }, h("a", { class: "button", href: back }, "Cancel"), this.saving)),
      h("div", { class: "keypoints-parts" }, h("div", { class: "stack" }, h("section", { class: "card" }, h("h2", {}, "Names and order"), this.list, add), this.told), h("section", { class: "card" }, h("div", { class: "row" }, this.modes), this.hint, this.stage)));
    this.#paint();
  }

  /** Choose a keypoint of the drawing; the second one makes or removes a line or pair. */
  choose(k) {
    if (k !== null && this.selected !== null && k !== this.selected) {
      const [one, other] = [this.draft.rows[this.selected], this.draft.rows[k]];
      if (this.mode === "edge") this.draft.toggleEdge(one, other);
      else this.draft.togglePair(one, other);
      this.selected = null;
    } else {
      this.selected = k === this.selected ? null : k;
    }
    this.#paint();
  }

  async #save() {
    const lost = this.draft.removed.reduce((sum, row) => sum + row.labeled, 0);
    if (lost && !(await confirm(`${this.draft.removed.map((row) => row.was).join(", ")}: ${lost} labels leave the tables. They stay in the journal, and come back when a keypoint of that name is added.`, { title: "Remove keypoints?", action: "Remove", danger: true }))) return;
    this.saving.disabled = true;
    try {
      this.isSaved = true;
      await this.save(this.draft.body());
    } catch (error) {
      this.isSaved = false;
      problem(error);
      this.saving.disabled = false;
    }
  }

  #paint() {
    const { draft } = this;
    replace(this.list, draft.rows.map((row, k) => this.#row(row, k)));
    this.#paintDrawing();
    this.#paintChanges();
  }

  #paintDrawing() {
    const { draft } = this;
    const pose = this.study.pose && draft.rows.map((row) => (row.was === null ? null : this.study.pose[this.study.keypoints.indexOf(row.was)]));
    for (const button of this.modes) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
      if (button.dataset.mode === this.mode) replace(this.hint, button.dataset.hint);
    }
    const edges = draft.edgeIndices();
    replace(this.stage, drawing({ keypoints: draft.rows.map((row) => row.name), palette: draft.rows.map((row) => this.#rgb(row)), edges, pairs: this.mode === "pair" ? draft.pairIndices() : [], at: places(pose, draft.rows.length), selected: this.selected, chosen: (k) => this.choose(k) }));
    this.stage.dataset.mode = this.mode;
  }

  #paintChanges() {
    const wrong = this.draft.problem();
    this.saving.disabled = Boolean(wrong) || !this.draft.isChanged;
    const changes = this.draft.changes();
    replace(this.told, wrong ? h("p", { class: "problem" }, wrong) : changes.length > 0 && h("section", { class: "card" }, h("h2", {}, "What saving will do"), h("ul", {}, changes.map((text) => h("li", {}, text)))));
  }

  #row(row, k) {
    const rows = this.draft.rows;
    const move = (by, text, mark) => h("button", { class: "button quiet", type: "button", title: text, "aria-label": `${text}: ${row.name}`, disabled: k + by < 0 || k + by >= rows.length, onclick: () => { this.draft.move(row, k + by); this.selected = null; this.#paint(); } }, mark);
    const color = h("input", { type: "color", value: hex(this.#rgb(row)), title: "Color", "aria-label": `Color of ${row.name}`, onchange: () => { row.color = color.value; this.#paint(); } });
    const name = h("input", { value: row.name, "aria-label": `Name of ${row.was ?? row.name}`, maxlength: "100", oninput: () => { this.draft.rename(row, name.value); this.#paintDrawing(); this.#paintChanges(); } });
    return h("li", {}, color, name, h("span", { class: "soft small number" }, row.was === null ? "new" : `${row.labeled} labeled`), h("span", { class: "keypoints-moves" }, move(-1, "Up", "↑"), move(1, "Down", "↓"), h("button", { class: "button quiet", type: "button", title: "Remove", "aria-label": `Remove ${row.name}`, onclick: () => { this.draft.remove(row); this.selected = null; this.#paint(); } }, "✕")));
  }

  #rgb(row) {
    if (row.color) return [1, 3, 5].map((i) => parseInt(row.color.slice(i, i + 2), 16));
    return this.spare.get(row.was) ?? [140, 148, 160];
  }
}

function hex(rgb) { return `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`; }
