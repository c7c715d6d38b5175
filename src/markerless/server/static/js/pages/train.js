// Training: what there is to train on, starting, watching, stopping and going on.
import { lineChart } from "../chart.js";
import { confirm } from "../dialogs.js";
import { h, replace } from "../dom.js";
import { notice, problem } from "../notices.js";
import { addressOf } from "../routes.js";

const POLL_MS = 1000;

export async function show(root, { api, key }) {
  const page = new TrainPage(root, api, key);
  await page.open();
  return () => page.close();
}

class TrainPage {
  constructor(root, api, key) {
    Object.assign(this, { root, api, key, base: api.path("projects", key) });
    this.form = h("section", { class: "card stack" });
    this.watch = h("section", { class: "card stack", hidden: true });
    this.runs = h("section", { class: "card" });
    replace(root, h("div", { class: "sheet" }, h("h1", {}, "Train"), h("p", { class: "lead" }, "The network learns your labels on this computer. You may close the page; the training goes on."), this.watch, h("div", { class: "train-parts" }, this.form, this.runs)));
  }

  async open() {
    this.training = await this.api.get(`${this.base}/training`);
    this.#showForm();
    this.#showRuns();
    await this.#poll();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  #showForm() {
    const { frames, points, can_train: canTrain, why_not: whyNot, runs } = this.training;
    if (!canTrain) {
      replace(this.form, h("h2", {}, "Not yet"), h("p", {}, whyNot), frames === 0 && h("a", { class: "button main", href: addressOf(this.key, "label") }, "Label frames"));
      return;
    }
    const minutes = h("input", { type: "number", min: 0.5, max: 10000, step: 0.5, value: 10, required: true });
    const name = h("input", { pattern: "[A-Za-z0-9_][A-Za-z0-9_\\-]{0,23}", placeholder: "run1, run2, …", title: "letters, digits, - and _, at most 24" });
    const from = h("select", {}, h("option", { value: "" }, "pretrained weights"), runs.filter(({ finished }) => finished).map((run) => h("option", { value: run.name }, `${run.name}, adapted to new frames`)));
    const all = h("select", {}, h("option", { value: "" }, "most of them, some kept for the test"), h("option", { value: "all" }, "all of them; errors are then cross-fitted"));
    const submit = (event) => {
      event.preventDefault();
      const job = { kind: "train", minutes: Number(minutes.value), all: all.value === "all" };
      if (name.value) job.run = name.value;
      if (from.value) job.from = from.value;
      this.#start(job).catch(problem);
    };
    const field = (text, input) => h("label", { class: "field" }, h("span", {}, text), input);
    const few = frames < 20 && h("p", { class: "hint" }, "Fewer than 20 labeled frames: the network will learn, but nothing is kept to say how well.");
    replace(this.form, h("h2", {}, "A new training"), h("p", { class: "soft" }, `${frames} labeled frames, ${points} points.`), few, h("form", { class: "stack", onsubmit: submit }, field("Minutes, everything included", minutes), field("Start from", from), field("Train on", all), field("Name of the run", name), h("button", { class: "button main" }, "Start training")));
  }

  async #start(job) {
    await this.api.post(`${this.base}/jobs`, job);
    await this.#poll();
  }

  async #poll() {
    clearTimeout(this.timer);
    const { jobs } = await this.api.get(`${this.base}/jobs`);
    if (this.closed) return;
    const job = jobs.find(({ kind }) => kind === "train");
    const isOver = this.job?.state === "running" && job?.id === this.job.id && job.state !== "running";
    this.job = job;
    if (job) await this.#showJob(job).catch(problem);
    if (isOver) {
      notice(job.state === "done" ? "The training is done." : `The training has ended: ${job.state}.`);
      this.training = await this.api.get(`${this.base}/training`);
      this.#showForm();
      this.#showRuns();
    }
    if (job?.state === "running") this.timer = setTimeout(() => this.#poll().catch((error) => { problem(error); this.timer = setTimeout(() => this.#poll().catch(() => {}), 4 * POLL_MS); }), POLL_MS);
  }

  async #showJob(job) {
    this.watch.hidden = false;
    const isRunning = job.state === "running";
    const share = job.total ? (100 * job.done) / job.total : 0;
    const stop = isRunning && h("button", { class: "button danger", type: "button", onclick: () => this.#stop(job).catch(problem) }, "Stop");
    const again = !isRunning && job.state !== "done" && h("button", { class: "button", type: "button", onclick: () => this.#goOn(job).catch(problem) }, "Go on");
    const log = h("button", { class: "button quiet", type: "button", onclick: () => this.#toggleLog(job).catch(problem) }, this.log ? "Hide log" : "Log");
    const tag = h("span", { class: `tag ${{ done: "good", failed: "bad", lost: "bad", stopped: "warn" }[job.state] ?? ""}` }, job.state);
    const status = [job.status, job.message].filter(Boolean).join(", ") || (isRunning ? "starting: measuring how long a step takes" : "");
    const failed = job.state === "failed" && h("p", { class: "problem" }, (await this.#logOf(job)).trim().split("\n").pop());
    replace(this.watch, h("div", { class: "row apart" }, h("div", { class: "row" }, h("h2", {}, job.title), tag), h("div", { class: "row" }, log, again, stop)), isRunning && h("div", { class: "progress" }, h("i", { style: { width: `${share}%` } })), h("p", { class: "soft number", id: "training-status" }, status), failed, await this.#chart(job), this.log && h("pre", { class: "train-log" }, await this.#logOf(job)));
  }

  async #chart(job) {
    const run = job.title.split(" ")[1] ?? (await this.api.get(`${this.base}/training`)).runs.find(({ finished }) => job.state === "done" || !finished)?.name;
    if (!run) return null;
    try {
      const { step, loss } = await this.api.get(`${this.base}/training/${run}/metrics`);
      return lineChart({ lines: [{ name: "loss", x: step, y: loss, color: "var(--accent)" }], xName: "step", yName: "loss" });
    } catch (error) {
      if (error.status !== 404) problem(error);
      return null;
    }
  }

  async #stop(job) {
    if (!(await confirm("Stop this training? What it has learned is kept, and it can go on later.", { title: "Stop", action: "Stop" }))) return;
    await this.api.post(`${this.base}/jobs/${job.id}/stop`);
    await this.#poll();
  }

  /** The same command goes on with the unfinished run. */
  async #goOn(job) {
    const run = job.title.split(" ")[1];
    await this.#start(run ? { kind: "train", run } : { kind: "train" });
  }

  async #toggleLog(job) {
    this.log = !this.log;
    await this.#showJob(job);
  }

  async #logOf(job) { return (await this.api.get(`${this.base}/jobs/${job.id}/log`)).log; }

  #showRuns() {
    const { runs } = this.training;
    const rows = runs.map(({ name, finished, test_px: px }) => h("tr", {}, h("td", {}, name), h("td", {}, h("span", { class: `tag ${finished ? "good" : "warn"}` }, finished ? "finished" : "unfinished")), h("td", { class: "number" }, px === null ? "–" : `${px.toFixed(2)} px`)));
    replace(this.runs, h("h2", {}, "Networks"), runs.length ? h("table", { class: "table" }, h("thead", {}, h("tr", {}, h("th", {}, "Run"), h("th", {}, "State"), h("th", { class: "number" }, "Mean test error"))), h("tbody", {}, rows)) : h("p", { class: "soft" }, "None yet."));
  }
}
