// Starting work that takes minutes, and how far it is. The server's jobs do it; a server that has none is told to the
// user, with the command that does the same in a terminal.
import { dialog } from "../dialogs.js";
import { h, replace } from "../dom.js";
import { notice, problem } from "../notices.js";
import { commandOf, titleOf } from "./commands.js";

const POLL_MS = 1000;
const isBusy = ({ state }) => state === "running";

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

  /** `run` is called with the jobs of this project that have ended. */
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
    const before = new Set(this.jobs.filter(isBusy).map(({ id }) => id));
    try {
      this.jobs = (await this.api.get(this.path)).jobs;
    } catch (error) {
      this.hasJobs = error.status !== 404;
      if (this.hasJobs) problem(error);
    }
    if (this.left || !this.hasJobs) return;
    this.draw();
    const ended = this.jobs.filter((job) => before.has(job.id) && !isBusy(job));
    ended.forEach((job) => this.tellEnd(job));
    if (ended.length) this.ended(ended);
    if (this.jobs.some(isBusy)) this.timer = setTimeout(() => this.poll(), POLL_MS);
  }

  tellEnd({ title, state, error }) {
    if (state === "done") return void notice(`Done: ${title}`);
    if (state === "stopped") return void notice(`Stopped: ${title}`);
    problem({ status: 1, message: `${title}: ${error}` });
  }

  draw() {
    replace(this.strip, this.jobs.filter(isBusy).map((job) => {
      const share = job.total ? Math.round((100 * job.done) / job.total) : 0;
      const stop = h("button", { class: "button quiet", type: "button", onclick: () => this.stop(job).catch(problem) }, "Stop");
      const says = [job.status, job.message].filter(Boolean).join(", ");
      return h("div", { class: "card work-job" }, h("div", { class: "row apart" }, h("span", { class: "row" }, h("b", {}, job.title), h("span", { class: "small soft number" }, says)), stop),
        h("div", { class: "progress", role: "progressbar", "aria-label": job.title, "aria-valuenow": share }, h("i", { style: { width: `${share}%` } })));
    }));
  }

  async stop({ id }) {
    await this.api.post(`${this.path}/${id}/stop`);
    await this.poll();
  }

  async tellCommand(job) {
    const command = commandOf(job, this.folder);
    const code = h("code", { class: "work-command" }, command);
    const body = [h("p", {}, "Run this in a terminal on the computer that the app runs on; then load this page again."), code];
    const copy = await dialog({ title: `${titleOf(job)[0].toUpperCase()}${titleOf(job).slice(1)}`, body, action: "Copy" });
    if (copy) await navigator.clipboard?.writeText(command).then(() => notice("Copied"));
  }
}
