// The runs of a study with what their evaluation says.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { count, px } from "../refine/words.js";
import { SPLITS } from "./words.js";

export function runsPanel({ runs }, place) {
  const { key } = place;
  const title = h("div", { class: "row apart" }, h("h2", {}, "Runs"), runs.length > 1 && h("a", { class: "small", href: addressOf(key, "refine", { step: "compare" }) }, "Compare two runs"));
  if (!runs.length) {
    return h("section", { class: "results-part" }, title, h("div", { class: "empty" }, h("h2", {}, "No trained run yet"), h("p", {}, "Results begin with a network: label some frames and train one."), h("a", { class: "button main", href: addressOf(key, "train") }, "Train")));
  }
  const report = h("div", {});
  const head = h("tr", {}, ["Run", "Trained on", "Mean error", "95 in 100", "On", ""].map((cell, i) => h("th", { scope: "col", class: i === 1 || i === 2 || i === 3 ? "number" : null }, cell)));
  const rows = runs.map((run) => row(run, place, report));
  return h("section", { class: "results-part" }, title, h("div", { class: "card results-scroll" }, h("table", { class: "table" }, h("thead", {}, head), h("tbody", {}, rows))), report);
}

function row(run, place, report) {
  const { api, key, work } = place;
  const address = `api/${api.path("projects", key, "results", "runs", run.name, "report")}`;
  const pair = run.mean_px_interval;
  const name = h("th", { scope: "row" }, run.name, run.start_from && h("span", { class: "small soft" }, ` from ${run.start_from}`));
  const actions = run.report
    ? [h("button", { class: "button", type: "button", onclick: (event) => showReport(event.currentTarget, report, run, address) }, "Report"),
      h("a", { class: "button quiet", href: address, target: "_blank", rel: "noopener" }, "New tab"),
      h("a", { class: "button quiet", href: `${address}?keep=1`, download: true, title: "Keep the report" }, "↓")]
    : work.button("Evaluate", { kind: "evaluate", run: run.name });
  return h("tr", {}, name,
    h("td", { class: "number" }, count(run.n_train, "frame")),
    h("td", { class: "number" }, h("b", {}, run.mean_px === null ? "–" : `${px(run.mean_px)} px`)),
    h("td", { class: "number soft" }, pair ? `${px(pair[0])} to ${px(pair[1])}` : "–"),
    h("td", { class: "small soft" }, run.split ? [`${run.n_frames ?? ""} ${SPLITS[run.split] ?? run.split}`, run.doubt && h("span", { class: "warn", title: run.doubt }, " · too few to be sure")] : "not evaluated"),
    h("td", {}, h("div", { class: "row results-actions" }, actions)));
}

/** The page of the evaluation in a frame of its own, in which nothing can run. */
function showReport(button, node, run, address) {
  const isOpen = button.getAttribute("aria-expanded") === "true";
  document.querySelectorAll(".results-actions [aria-expanded]").forEach((other) => other.setAttribute("aria-expanded", "false"));
  if (isOpen) return void replace(node);
  button.setAttribute("aria-expanded", "true");
  replace(node, h("iframe", { class: "results-report", sandbox: "", src: address, title: `Evaluation of ${run.name}` }));
}
