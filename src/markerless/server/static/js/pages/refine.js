// The loop that makes a network better: find suspicious frames, correct them, train on, compare; see ../refine/.
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { useStyle } from "../style.js";
import { comparePanel } from "../refine/compare_panel.js";
import { correctPanel } from "../refine/correct_panel.js";
import { findPanel } from "../refine/find_panel.js";
import { trainPanel } from "../refine/train_panel.js";
import { currentStep, steps } from "../refine/words.js";

const PANELS = { find: findPanel, correct: correctPanel, train: trainPanel, compare: comparePanel };

export async function show(root, { key, params, go, api }) {
  const [told] = await Promise.all([api.get(api.path("projects", key, "refine")), useStyle("refine.css"), useStyle("work.css")]);
  const ends = new AbortController();
  const chosen = PANELS[params.step] ? params.step : currentStep(told);
  const panel = h("div", { class: "refine-panel" });
  replace(root, h("div", { class: "sheet" },
    h("header", {}, h("h1", {}, "Refine"), h("p", { class: "lead" }, "Label where the network is unsure, train the last run on, and see on the same frames whether it helped.")),
    path(told, chosen, key), panel));
  const place = { key, params, go, api, stopped: ends.signal, leave: [] };
  Promise.resolve(PANELS[chosen](panel, told, place)).catch((error) => {
    if (error.name === "AbortError") return;
    problem(error);
    panel.append(h("p", { class: "problem" }, error.message));
  });
  const order = Object.keys(PANELS);
  const move = (by) => go("refine", { step: order[(order.indexOf(chosen) + by + order.length) % order.length] });
  const stopKeys = shortcuts([
    { keys: ["ArrowRight"], does: "next step", run: () => move(1) },
    { keys: ["ArrowLeft"], does: "previous step", run: () => move(-1) },
  ]);
  return () => {
    ends.abort();
    stopKeys();
    place.leave.forEach((end) => end());
  };
}

/** The four steps and how far the study is. */
function path(told, chosen, key) {
  const items = steps(told).map(({ id, title, state, says }, i) => h("li", { class: `refine-step ${state}` },
    h("a", { href: addressOf(key, "refine", { step: id }), "aria-current": id === chosen ? "step" : null },
      h("span", { class: "refine-number", "aria-hidden": "true" }, state === "done" ? "✓" : i + 1),
      h("span", {}, h("b", {}, title), h("span", { class: "small soft" }, says)))));
  return h("nav", { "aria-label": "Steps" }, h("ol", { class: "refine-path" }, items));
}
