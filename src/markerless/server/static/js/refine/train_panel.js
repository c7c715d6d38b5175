// Step 3: train the last run on with what was corrected.
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { Work } from "../work/work.js";
import { count } from "./words.js";

export async function trainPanel(node, told, place) {
  const { key, go, leave } = place;
  const work = new Work(place);
  leave.push(() => work.leave());
  await work.load();
  work.whenDone((ended) => { if (ended.some(({ kind, state }) => kind === "train" && state === "done")) go("refine", { step: "compare" }); });
  replace(node, work.strip, told.run ? trainOn(told, work, key) : first(key));
}

function first(key) {
  return h("div", { class: "empty" }, h("h2", {}, "No run to train on yet"), h("p", {}, "The first network is trained on the train page; refining begins with its mistakes."), h("a", { class: "button main", href: addressOf(key, "train") }, "Train"));
}

function trainOn(told, work, key) {
  const { run, n_fresh: fresh, n_changed: changed, n_waiting: waiting } = told;
  const news = [fresh && `${count(fresh, "new frame")}`, changed && `${count(changed, "corrected frame")}`].filter(Boolean).join(" and ");
  const known = told.runs.find(({ name }) => name === run);
  const says = news
    ? `${run} does not know ${news} yet. Training begins where ${run} ended and goes over its ${count(known.n_train, "frame")} as well, so that nothing is lost; it takes about three minutes.`
    : `${run} knows all labels as they are now. Correct some frames first; training on the same labels again changes little.`;
  const button = work.button(`Train on from ${run}`, { kind: "train", from: run }, news ? "button main" : "button");
  return h("section", { class: "card refine-stack" }, h("h2", {}, news ? `Train ${run} on` : "Nothing new to learn"), h("p", { class: "lead" }, says),
    waiting > 0 && h("p", { class: "hint" }, `${count(waiting, "picture")} ${waiting === 1 ? "waits" : "wait"} for labels and will not be learned: `, h("a", { href: addressOf(key, "refine", { step: "correct" }) }, "label first")),
    h("div", { class: "row" }, button, h("a", { class: "button quiet", href: addressOf(key, "train", { from: run }) }, "Settings on the train page")));
}
