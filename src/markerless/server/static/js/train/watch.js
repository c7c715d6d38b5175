// One run: how far it is, how it learns, and what can be done with it.
import { chart } from "../chart.js";
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { examplesPanel } from "./examples.js";
import { logPanel } from "./log.js";
import { count, headlineOf, lasting, px, stageOf, stateOf, when } from "./words.js";

/** `{node, draw(run, isMeasured), drawCourse(course), keys, leave()}`; `acts` holds `stop(job)`, `resume(run)`, `evaluate(run)`. */
export function watchPanel({ api, key, acts }) {
  const head = h("header", { class: "card train-head" });
  const loss = chart({ title: "Loss", xName: "step", log: true, empty: "The loss appears after ten steps", onPick: (step) => examples.go(step) });
  const error = chart({ title: "Error on validation frames (px)", xName: "step", unit: "px", onPick: (step) => examples.go(step) });
  const charts = h("div", { class: "train-charts" }, h("section", { class: "card" }, loss.node), h("section", { class: "card" }, error.node));
  const examples = examplesPanel({ api, key, onMove: (step) => { loss.mark(step); error.mark(step); } });
  const log = logPanel({ api, key });
  const node = h("div", { class: "train-watch" }, head, charts, examples.node, log.node);
  const title = error.node.querySelector("h3");
  return {
    node,
    draw: (run, isMeasured) => {
      replace(head, headOf({ ...run, isMeasured }, key, acts));
      error.say(run.state === "finished" ? "The error was not measured on the way" : "The error appears after the first look");
      log.draw(run.job);
      charts.hidden = run.state === "damaged";
    },
    drawCourse: (course) => {
      replace(title, course.examples?.part === "train" ? "Error on frames that it trains on (px)" : "Error on validation frames (px)");
      loss.draw(course.lossSeries(), course.total);
      error.draw(course.errorSeries(), course.total);
      examples.draw(course);
    },
    keys: [
      { keys: ["ArrowLeft"], does: "earlier in the training", run: () => examples.move(-1) },
      { keys: ["ArrowRight"], does: "later in the training", run: () => examples.move(1) },
      { keys: ["Space"], does: "plays how it learned", run: () => examples.play() },
    ],
    leave: () => { loss.leave(); error.leave(); examples.leave(); },
  };
}

function headOf(run, key, acts) {
  const { text, tone } = stateOf(run);
  const frames = run.frames.train ? `${count(run.frames.train, "frame")} train` : "";
  const facts = [run.start_from && `from ${run.start_from}`, frames, when(run.job?.started_s ?? run.written)].filter(Boolean).join(" · ");
  const title = h("div", { class: "row apart" }, h("div", { class: "row" }, h("h2", {}, run.name), h("span", { class: `tag ${tone}` }, text), h("span", { class: "small soft" }, facts)), h("div", { class: "row" }, buttons(run, key, acts)));
  return [title, run.job?.state === "running" ? progress(run.job) : outcome(run)];
}

function buttons(run, key, acts) {
  const button = (label, act, className = "button") => h("button", { class: className, type: "button", onclick: (event) => { event.currentTarget.disabled = true; act(); } }, label);
  if (run.job?.state === "running") return h("button", { class: "button", type: "button", disabled: run.job.stopping, onclick: () => acts.stop(run.job) }, "Stop");
  if (run.state === "unfinished") return button("Resume", () => acts.resume(run), "button main");
  if (run.state !== "finished") return null;
  if (run.isMeasured) return h("button", { class: "button", type: "button", disabled: true }, "Measuring …");
  return [button(headlineOf(run.evaluation) ? "Measure again" : "Measure the errors", () => acts.evaluate(run)),
    run.start_from && h("a", { class: "button", href: addressOf(key, "refine", { step: "compare", before: run.start_from, after: run.name }) }, `Compare with ${run.start_from}`),
    h("a", { class: "button main", href: addressOf(key, "review") }, "Analyze and review videos")];
}

function progress(job) {
  const { text, share } = stageOf(job);
  const left = !job.stopping && share !== null && share < 1 && job.left_s !== null ? `about ${lasting(job.left_s)} left` : "";
  return h("div", { class: "stack train-progress" },
    h("div", { class: "row apart" }, h("span", { class: "number" }, text), h("b", { class: "number train-left" }, left)),
    h("div", { class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": share === null ? null : Math.round(100 * share) }, h("i", { class: share === null ? "train-waiting" : null, style: { width: `${100 * (share ?? 1)}%` } })),
    h("p", { class: "small soft" }, "You can close this page: the training goes on, and the page finds it again."));
}

function outcome(run) {
  if (run.state === "damaged") return h("p", { class: "problem" }, run.problem);
  const { job } = run;
  if (run.state === "training") return h("p", { class: "soft" }, "A command in a terminal trains this run. It can be watched here, and stopped there.");
  if (run.state === "unfinished") {
    const where = run.total ? ` after step ${run.step.toLocaleString("en-US")} of ${run.total.toLocaleString("en-US")}` : "";
    const failed = job && ["failed", "lost"].includes(job.state) && h("p", { class: "problem" }, job.error);
    return [failed, h("p", { class: "soft" }, `Interrupted${where}. Nothing is lost: it goes on where it was saved last and ends as if it had never stopped.`)];
  }
  const found = headlineOf(run.evaluation);
  if (!found) return h("p", { class: "soft" }, "Finished. The errors have not been measured yet.");
  const range = found.mean_px_interval ? `; with other frames the mean would be ${px(found.mean_px_interval[0])} to ${px(found.mean_px_interval[1])} px, 95 times out of 100` : "";
  return h("div", { class: "row train-result" }, h("b", { class: "train-number number" }, `${px(found.mean_px)} px`),
    h("div", {}, h("div", {}, `mean error on ${found.n_frames} ${found.on}`), h("div", { class: "small soft number" }, `half of the points are within ${px(found.median_px)} px${range}`), found.doubt && h("div", { class: "small warn" }, found.doubt)));
}
