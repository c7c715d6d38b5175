// Training: start one, watch it learn, stop it and go on. Trainings are jobs of the server and need no page; see ../train/.
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { notice, problem } from "../notices.js";
import { useStyle } from "../style.js";
import { Course } from "../train/course.js";
import { formPanel } from "../train/form.js";
import { runsPanel } from "../train/runs.js";
import { watchPanel } from "../train/watch.js";

const RUNNING_MS = 1000;
const RESTING_MS = 5000;

export async function show(root, context) {
  await Promise.all([useStyle("train.css"), useStyle("chart.css")]);
  const page = new TrainPage(root, context);
  await page.load();
  page.poll();
  const stop = shortcuts(page.watch.keys);
  return () => { stop(); page.leave(); };
}

class TrainPage {
  constructor(root, { api, key, params }) {
    Object.assign(this, { api, key, chosen: params.run ?? null, told: null, jobs: [], course: new Course(), left: false, troubled: false });
    const acts = { stop: (job) => this.act(`${job.id}/stop`), resume: (run) => this.resume(run), evaluate: (run) => this.start({ kind: "evaluate", run: run.name }) };
    this.form = formPanel({ key, from: params.from, start: (job) => this.start(job) });
    this.runs = runsPanel({ choose: (name) => this.choose(name) });
    this.watch = watchPanel({ api, key, acts });
    this.watch.node.hidden = true;
    this.nothing = h("div", { class: "empty", hidden: true }, h("h2", {}, "Nothing trained yet"), h("p", {}, "A first training takes about ten minutes on an ordinary computer. Here you will see how the errors become smaller, and example frames on which the network gets better."));
    replace(root, h("div", { class: "sheet train" }, h("div", {}, h("h1", {}, "Train"), h("p", { class: "lead" }, "A network learns from your labels to find the keypoints in every frame.")),
      h("div", { class: "train-parts" }, h("div", { class: "train-side" }, this.form.node, this.runs.node), h("div", {}, this.nothing, this.watch.node))));
  }

  leave() {
    this.left = true;
    clearTimeout(this.timer);
    this.watch.leave();
  }

  path(...parts) {
    return this.api.path("projects", this.key, ...parts);
  }

  get run() {
    return this.told.runs.find(({ name }) => name === this.chosen) ?? null;
  }

  /** Everything anew: after something has been started or has ended. */
  async load() {
    [this.told, { jobs: this.jobs }] = await Promise.all([this.api.get(this.path("training")), this.api.get(this.path("jobs"))]);
    const isKnown = this.told.runs.some(({ name }) => name === this.chosen);
    const running = this.told.runs.find(({ job }) => job?.state === "running");
    if (!isKnown) this.take(running?.name ?? this.told.runs[0]?.name ?? null);
    this.draw();
    await this.loadCourse();
  }

  take(name) {
    this.chosen = name;
    this.course = new Course();
  }

  async choose(name) {
    this.take(name);
    this.draw();
    this.watch.drawCourse(this.course);
    await this.loadCourse().catch(problem);
  }

  async loadCourse() {
    const { chosen, course, run } = this;
    if (!chosen || run.state === "damaged") return;
    const answer = await this.api.get(`${this.path("training", chosen)}?since=${course.since}`).catch((error) => {
      if (error.status === 404) return null; // it has not made its folder yet
      throw error;
    });
    if (this.left || course !== this.course) return;
    if (answer) Object.assign(this.run, { step: answer.run.step, total: answer.run.total, frames: answer.run.frames });
    if (answer) course.take(answer);
    this.watch.drawCourse(course);
  }

  draw() {
    const { told, run } = this;
    const training = told.runs.find(({ job, state }) => job?.state === "running" || state === "training");
    const busy = told.busy ? `${told.busy} of another project has to end first.` : training ? `${training.name} has to end first.` : "";
    this.form.draw(told, busy);
    this.runs.draw(told.runs, this.chosen);
    this.nothing.hidden = run !== null;
    this.watch.node.hidden = run === null;
    if (run) this.watch.draw(run, this.jobs.some((job) => job.kind === "evaluate" && job.run === run.name && job.state === "running"));
  }

  poll() {
    clearTimeout(this.timer);
    const isRunning = this.jobs.some(({ state }) => state === "running") || this.told.runs.some(({ state }) => state === "training");
    this.timer = setTimeout(async () => {
      try {
        await this.look();
        this.troubled = false;
      } catch (error) {
        if (!this.troubled) problem(error); // said once, not every second
        this.troubled = true;
      }
      if (!this.left) this.poll();
    }, isRunning ? RUNNING_MS : RESTING_MS);
  }

  /** What is new: jobs every time, all of it when a job has begun or ended. */
  async look() {
    if (document.hidden) return;
    const { jobs } = await this.api.get(this.path("jobs"));
    if (this.left) return;
    const before = new Map(this.jobs.map(({ id, state }) => [id, state]));
    const news = jobs.filter(({ id, state }) => before.get(id) !== state);
    this.jobs = jobs;
    for (const { kind, title, state, error } of news) {
      if (kind !== "train" && ["failed", "lost"].includes(state)) problem({ status: 1, message: `${title}: ${error}` });
    }
    if (news.length) return void (await this.load());
    for (const run of this.told.runs) run.job = jobs.find(({ kind, run: name }) => kind === "train" && name === run.name) ?? run.job;
    if (this.run && (this.run.job?.state === "running" || this.run.state === "training")) await this.loadCourse();
    this.draw();
  }

  async start(job) {
    try {
      const started = await this.api.post(this.path("jobs"), job);
      if (job.kind === "train") this.take(started.run);
      notice(`Started: ${started.title}.`);
    } catch (error) {
      problem(error);
    }
    await this.again();
  }

  async resume(run) {
    if (!run.job) return this.start({ kind: "train", run: run.name });
    this.take(run.name);
    return this.act(`${run.job.id}/resume`);
  }

  async act(what) {
    await this.api.post(this.path("jobs") + `/${what}`).catch(problem);
    await this.again();
  }

  async again() {
    await this.load().catch(problem);
    this.poll();
  }
}
