// What has come out of a study: evaluation of runs, trajectories, labeled videos, files to take along; see ../results/.
import { h, replace } from "../dom.js";
import { problem } from "../notices.js";
import { addressOf } from "../routes.js";
import { useStyle } from "../style.js";
import { listPanel } from "../results/list_panel.js";
import { runsPanel } from "../results/runs_panel.js";
import { videoPanel } from "../results/video_panel.js";
import { Work } from "../work/work.js";

export async function show(root, { key, params, go, api }) {
  const load = () => api.get(api.path("projects", key, "results"));
  const work = new Work({ api, key });
  const [first] = await Promise.all([load(), useStyle("results.css"), useStyle("refine.css"), useStyle("work.css"), work.load()]);
  const place = { key, params, go, api, work, hasRun: first.runs.length > 0, leave: [] };
  const parts = { runs: h("div", {}), list: h("div", {}), detail: h("div", { class: "results-detail" }) };
  const leaveDetail = () => place.leave.splice(0).forEach((end) => end());
  const draw = (told) => {
    leaveDetail();
    place.hasRun = told.runs.length > 0;
    const chosen = told.videos.find(({ id }) => id === params.video) ?? told.videos.find(({ results }) => results.length) ?? told.videos[0];
    replace(parts.runs, runsPanel(told, place));
    replace(parts.list, listPanel(told, chosen, place));
    if (chosen) videoPanel(parts.detail, chosen, place).catch(problem);
    else replace(parts.detail, h("div", { class: "empty" }, h("h2", {}, "No video yet"), h("p", {}, "Add the videos that you want to measure to the project."), h("a", { class: "button main", href: addressOf(key, "project") }, "Project")));
  };
  replace(root, h("div", { class: "sheet results-sheet" },
    h("header", {}, h("h1", {}, "Results"), h("p", { class: "lead" }, "How good the networks are, where the animals were, and every file to take along.")),
    work.strip, parts.runs, h("div", { class: "results-body" }, parts.list, parts.detail)));
  draw(first);
  work.whenDone(() => load().then(draw).catch(problem));
  return () => {
    leaveDetail();
    work.leave();
  };
}
