// The list of runs; the chosen one is shown beside it.
import { h, replace } from "../dom.js";
import { headlineOf, px, stateOf, when } from "./words.js";

/** `{node, draw(runs, chosen)}`; `choose(name)` is called when one is clicked. */
export function runsPanel({ choose }) {
  const list = h("div", { class: "train-runs" });
  const node = h("section", { class: "card", hidden: true }, h("h2", {}, "Runs"), list);
  return {
    node,
    draw: (runs, chosen) => {
      node.hidden = runs.length === 0;
      const focused = list.contains(document.activeElement) ? document.activeElement.dataset.run : null;
      replace(list, runs.map((run) => item(run, run.name === chosen, choose)));
      if (focused) [...list.children].find(({ dataset }) => dataset.run === focused)?.focus();
    },
  };
}

function item(run, isChosen, choose) {
  const { text, tone } = stateOf(run);
  const found = headlineOf(run.evaluation);
  const isRunning = run.job?.state === "running";
  const [done, total] = isRunning ? [run.job.done, run.job.total] : [run.step, run.state === "finished" ? 0 : run.total];
  const share = total ? `${Math.floor((100 * done) / total)} %` : "";
  return h("button", { class: "train-run", type: "button", dataset: { run: run.name }, "aria-pressed": String(isChosen), onclick: () => choose(run.name) },
    h("span", { class: "row apart" }, h("b", {}, run.name), h("span", { class: `tag ${tone}` }, text)),
    h("span", { class: "row apart small soft" }, h("span", {}, [run.start_from && `from ${run.start_from}`, when(isRunning ? run.job.started_s : run.written)].filter(Boolean).join(" · ")), h("span", { class: "number" }, found && !isRunning ? `${px(found.mean_px)} px` : share)));
}
