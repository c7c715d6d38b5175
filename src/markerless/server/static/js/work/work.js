// Starting work that takes minutes, and how far it is. The server's jobs do it; a server that has none is told to the
// user, with the command that does the same in a terminal.
import { dialog } from "../dialogs.js";
import { h, replace } from "../dom.js";
import { notice, problem } from "../notices.js";
import { commandOf, titleOf } from "./commands.js";

const POLL_MS = 1000;
const BUSY = new Set(["waiting", "running"]);

export class Work {
  constructor({ api, key }) {
    Object.assign(this, { api, key });
    this.path = api.path("projects", key, "jobs");
    this.jobs = [];
    this.hasJobs = true;
    this.folder = "";
    this.ended = () => {};
    this.strip = h("div", { class: "work-strip", role: "status" });
  }

  /** What is being done now. */
  async load() {
    const session = await this.api.get("session");
    this.folder = session.recent.find(({ key }) => key === this.key)?.folder ?? this.key;
    await this.poll();
  }

  leave() {
    clearTimeout(this.timer);
    this.left = true;
  }

  /** `run` is called when a job of this project has ended. */
  whenDone(run) {
    this.ended = run;
  }

  button(label, job, className = "button") {
    const node = h("button", { class: className, type: "button" }, label);
    node.addEventListener("click", async () => {
      node.disabled = true;
      await this.start(job).catch(problem);
      node.disabled = false;
    });
    return node;
  }

  async start(job) {
    if (!this.hasJobs) return this.tellCommand(job);
    await this.api.post(this.path, job);
    notice(`Started: ${titleOf(job)}`);
    return this.poll();
  }

  async poll() {
    clearTimeout(this.timer);
    const before = new Set(this.jobs.filter(({ state }) => BUSY.has(state)).map(({ id }) => id));
    try {
      this.jobs = (await this.api.get(this.path)).jobs;
    } catch (error) {
      this.hasJobs = error.status !== 404;
      if (this.hasJobs) problem(error);
      return;
    }
    if (this.left) return;
    this.draw();
    if (this.jobs.some(({ id, state }) => before.has(id) && !BUSY.has(state))) this.ended();
    if (this.jobs.some(({ state }) => BUSY.has(state))) this.timer = setTimeout(() => this.poll(), POLL_MS);
  }

  draw() {
    replace(this.strip, this.jobs.filter(({ state }) => BUSY.has(state)).map((job) => {
      const share = job.total ? Math.round((100 * job.done) / job.total) : 0;
      return h("div", { class: "card work-job" }, h("div", { class: "row apart" }, h("span", {}, job.title), h("span", { class: "small soft number" }, job.total ? `${share} %` : job.state)),
        h("div", { class: "progress", role: "progressbar", "aria-valuenow": share }, h("i", { style: { width: `${share}%` } })));
    }));
  }

  async tellCommand(job) {
    const command = commandOf(job, this.folder);
    const code = h("code", { class: "work-command" }, command);
    const body = [h("p", {}, "Run this in a terminal on the computer that the app runs on; then load this page again."), code];
    const copy = await dialog({ title: `${titleOf(job)[0].toUpperCase()}${titleOf(job).slice(1)}`, body, action: "Copy" });
    if (copy) await navigator.clipboard?.writeText(command).then(() => notice("Copied"));
  }
}
