// The list of frames beside the picture: folder, filter, and rows, of which only those in sight exist as elements.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { scrolledTo, windowOf } from "./list_window.js";
import { FILTERS, filtered, isUnlabeled, progress } from "./rows.js";

const ROW_PX = 30;

export class FramePanel {
  #drawn = "";
  #nodes = new Map(); // name -> element, of the rows that exist

  /** `folders` [{name}]; `go(name)` opens a frame, `goFolder(name)` a folder; `lookAgain()` asks for suspicions anew. */
  constructor({ key, folders, data, go, goFolder, lookAgain }) {
    Object.assign(this, { names: data, rows: data.frames, go, lookAgain });
    this.places = new Map(this.rows.map(({ name }, place) => [name, place]));
    this.filter = "all";
    this.current = null;
    this.select = h("select", { "aria-label": "Folder of frames", onchange: () => goFolder(this.select.value) });
    this.#setFolders(folders);
    this.tabs = h("div", { class: "label-tabs", role: "group", "aria-label": "Which frames" });
    this.sheet = h("div", { class: "label-rows-sheet" });
    this.list = h("div", { class: "label-rows", onscroll: () => this.#draw() }, this.sheet);
    this.count = h("span", { class: "soft small number" });
    this.bar = h("i");
    this.next = h("a", { class: "button main", href: addressOf(key, "train"), hidden: true }, data.runs.length ? "Train with these labels" : "Train a network");
    const foot = h("div", { class: "label-progress" }, this.count, h("div", { class: "progress" }, this.bar), this.next);
    this.node = h("aside", { class: "label-frames" }, h("div", { class: "label-panel-head" }, this.select, this.tabs), this.list, foot);
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.list);
    this.choose("all");
  }

  leave() { this.observer.disconnect(); }

  choose(filter) {
    this.filter = filter;
    if (filter === "suspicious") this.lookAgain();
    this.#filter();
    if (this.current) this.show(this.current);
  }

  /** Mark the frame in sight, and scroll to it. */
  show(name) {
    this.current = name;
    const row = this.shown.indexOf(name);
    if (row >= 0) this.list.scrollTop = scrolledTo(row, this.list.scrollTop, this.list.clientHeight, ROW_PX);
    this.#draw(true);
  }

  /** Labels that may be mistakes: image -> how many. */
  setSuspicions(counts) {
    for (const row of this.rows) row.suspicions = counts.get(row.name) ?? 0;
    this.#drawTabs();
    this.#draw(true);
  }

  /** Pictures have come or gone: {come, gone}, how many. What is known here of a frame that stays is kept. */
  setFrames(frames, folders) {
    const before = new Map(this.rows.map((row) => [row.name, row]));
    this.rows = frames.map((row) => before.get(row.name) ?? row);
    const come = frames.filter(({ name }) => !before.has(name)).length;
    this.places = new Map(this.rows.map(({ name }, place) => [name, place]));
    this.#setFolders(folders);
    this.#filter();
    return { come, gone: before.size + come - frames.length };
  }

  /** A frame's count has changed. */
  setDecided(name, decided) {
    const row = this.rows[this.places.get(name)];
    if (!row || row.decided === decided) return;
    const before = isUnlabeled(row, this.names);
    row.decided = decided;
    if (isUnlabeled(row, this.names) !== before) this.#drawTabs();
    const node = this.#nodes.get(name); // one row, and not the list: this happens at every click
    if (node) this.#nodes.set(name, replaced(node, this.#row(name, this.shown.indexOf(name))));
  }

  #filter() {
    this.shown = filtered(this.rows, this.filter, this.names);
    this.sheet.style.setProperty("height", `${this.shown.length * ROW_PX}px`);
    this.#drawTabs();
    this.#draw(true);
  }

  #setFolders(folders) {
    const shown = folders.filter(({ name, pictures }) => pictures > 0 || name === this.names.folder);
    replace(this.select, shown.map(({ name }) => h("option", { value: name, selected: name === this.names.folder }, name)));
  }

  #drawTabs() {
    const usual = Object.keys(FILTERS).filter((filter) => filter !== "suspicious" || this.filter === filter || this.rows.some((row) => row.suspicions > 0));
    const tab = (filter) => {
      const pressed = String(filter === this.filter);
      return h("button", { type: "button", "aria-pressed": pressed, onclick: () => this.choose(filter), onmousedown: (event) => event.preventDefault() },
        FILTERS[filter], h("span", { class: "number" }, filtered(this.rows, filter, this.names).length));
    };
    replace(this.tabs, usual.map(tab));
    const { text, share } = progress(this.rows, this.names);
    replace(this.count, text);
    this.bar.style.setProperty("width", `${100 * share}%`);
    this.next.hidden = share < 1;
  }

  #draw(isStale = false) {
    const [first, end] = windowOf(this.list.scrollTop, this.list.clientHeight, ROW_PX, this.shown.length);
    const drawn = `${first} ${end}`;
    if (!isStale && drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#nodes = new Map(this.shown.slice(first, end).map((name, i) => [name, this.#row(name, first + i)]));
    replace(this.sheet, this.shown.length ? [...this.#nodes.values()] : this.#nothing());
  }

  #row(name, place) {
    const row = this.rows[this.places.get(name)];
    const state = row.decided === 0 ? "open" : isUnlabeled(row, this.names) ? "part" : "done";
    const each = this.names.keypoints.length;
    const count = this.names.individuals.length > 1 ? String(row.decided || "") : row.decided ? `${row.decided}/${each}` : "";
    const node = h("button", {
      class: "label-row", type: "button", title: name, tabindex: "-1", "aria-current": name === this.current ? "true" : null, dataset: { state },
      onclick: () => this.go(name), onmousedown: (event) => event.preventDefault(),
    }, h("i"), h("span", {}, name), row.suspicions ? h("span", { class: "tag warn", title: "Labels that may be mistakes" }, `${row.suspicions} ?`) : null, h("span", { class: "soft small number" }, count));
    node.style.setProperty("top", `${place * ROW_PX}px`);
    return node;
  }

  #nothing() {
    return h("p", { class: "soft small label-rows-none" }, this.filter === "unlabeled" ? "Every frame is labeled." : "No frame here.");
  }
}

function replaced(node, next) {
  node.replaceWith(next);
  return next;
}
