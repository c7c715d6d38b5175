// "Let the computer choose": from which videos and which part of them, how, and how many; and how far it has come.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";

const POLL_MS = 400;
const METHODS = [
  ["kmeans", "different pictures", "Pictures are compared, and one of each kind is taken. A good start."],
  ["uniform", "even in time", "The same stretch of time between any two."],
  ["motion", "where much moves", "The liveliest moments, apart from each other."],
  ["model", "where the network is unsure", "What the newest trajectories of a video are least sure of, in different poses."],
];

export class Choosing {
  /** `wanted()` -> {video, fps, time}: what is shown; `done(results)` hears what was extracted. */
  constructor({ api, key, base, names, wanted, done }) {
    Object.assign(this, { api, base, names, wanted, done });
    this.from = h("select", {}, h("option", { value: "one" }, "this video"), names.length > 1 && h("option", { value: "all" }, `all ${names.length} videos`));
    this.hint = h("p", { class: "soft small" });
    this.method = h("select", { onchange: () => this.#explain() }, METHODS.map(([value, text]) => h("option", { value }, text)));
    this.n = h("input", { type: "number", min: 1, max: 2000, value: 20, required: true });
    this.analyze = h("a", { href: addressOf(key, "results") }, "Analyze a video first");
    [this.start, this.stop] = ["beginning", "end"].map((word) => h("input", { type: "number", min: 0, step: "any", placeholder: word }));
    const here = (input) => h("button", { class: "button quiet small", type: "button", title: "Take the time that is shown", onclick: () => { input.value = secondsBefore(this.wanted().time); } }, "here");
    this.part = h("details", { class: "extract-part" }, h("summary", { class: "small" }, "Only a part of it"), h("div", { class: "extract-times" }, field("From, s", this.start), here(this.start), field("To, s", this.stop), here(this.stop)));
    this.go = h("button", { class: "button main" }, "Choose frames");
    this.bar = h("i");
    this.said = h("p", { class: "soft small" });
    this.state = h("div", { class: "stack", hidden: true, role: "status" }, h("div", { class: "progress" }, this.bar), this.said);
    this.trouble = h("div", { class: "stack" });
    this.node = h("form", { class: "card stack", onsubmit: (event) => this.#submit(event) }, h("h2", {}, "Let the computer choose"), field("Videos", this.from), field("Frames that show", this.method), this.hint, field("How many of each video", this.n), this.part, this.go, this.state, this.trouble);
    this.#explain();
  }

  /** Follow work that is going on already, begun on another page perhaps. */
  async resume() {
    if ((await this.api.get(`${this.base}/extract`)).state === "running") await this.#watch();
  }

  /** Pictures have no times, of which a part could be taken. */
  setHasTimes(hasTimes) { this.part.hidden = !hasTimes; }

  close() { this.isClosed = true; }

  #explain() {
    const [, , hint] = METHODS.find(([value]) => value === this.method.value);
    replace(this.hint, hint, this.method.value === "model" && [" ", this.analyze, "."]);
  }

  async #submit(event) {
    event.preventDefault();
    const seconds = (input) => (input.value === "" || this.part.hidden ? null : Number(input.value));
    const body = { videos: this.from.value === "all" ? this.names : [this.wanted().video], method: this.method.value, n: Number(this.n.value), start_s: seconds(this.start), stop_s: seconds(this.stop) };
    try {
      await this.api.post(`${this.base}/extract`, body);
      await this.#watch();
    } catch (error) {
      this.#tellTrouble([error.message]);
    }
  }

  async #watch() {
    if (this.isWatching) return;
    this.isWatching = this.go.disabled = true;
    this.state.hidden = false;
    replace(this.trouble);
    try {
      let task = await this.api.get(`${this.base}/extract`);
      while (task.state === "running" && !this.isClosed) {
        this.bar.style.width = `${task.total ? (100 * task.done) / task.total : 4}%`;
        replace(this.said, task.total ? `${task.message}, ${task.done} of ${task.total}` : "opening …");
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        task = await this.api.get(`${this.base}/extract`);
      }
      if (this.isClosed) return;
      const results = task.result ?? [];
      this.#tellTrouble([task.error, ...results.map(({ error }) => error)].filter(Boolean));
      await this.done(results.filter(({ error }) => !error));
    } finally {
      this.isWatching = this.go.disabled = false;
      this.state.hidden = true;
    }
  }

  #tellTrouble(messages) { replace(this.trouble, messages.map((message) => h("p", { class: "problem small", role: "alert" }, message))); }
}

/** A time in four digits, a little before the frame that is shown then, and after the one before it: what begins there begins
 * with that frame. A little, as the same moment may come out different in the last digit here and in the video's own times. */
export function secondsBefore(time) { return Math.max(0, Math.floor(1e4 * time - 1e-3) / 1e4); }

function field(name, input) { return h("label", { class: "field" }, h("span", {}, name), input); }
