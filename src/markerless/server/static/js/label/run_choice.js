// Which run's predictions are shown as starting points.
import { h } from "../dom.js";
import { NEWEST, NONE } from "./predictions.js";

/** `runs` are names, the newest first; `choose(run)` hears a name, `NEWEST` or `NONE`. */
export function runChoice(runs, chosen, choose) {
  const taken = (event) => {
    choose(event.target.value);
    event.target.blur(); // so that keys are commands again
  };
  const [newest, ...others] = runs;
  const options = [[NEWEST, `${newest}, the newest`], ...others.map((name) => [name, name]), [NONE, "none"]];
  const select = h("select", { "aria-label": "Predictions of", onchange: taken }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  return h("label", { class: "label-run small", title: "The run whose predictions are shown as starting points" }, h("span", { class: "soft" }, "Predictions"), select);
}
