// Step 4: two runs on the same frames.
import { h, replace } from "../dom.js";
import { problem } from "../notices.js";
import { untilDone } from "../slow.js";
import { keypointTable, videoTable } from "./chart.js";
import { legend, pairCard } from "./pairs.js";
import { count, GROUPS, px, signed } from "./words.js";

const MOST_AT_ONCE = 12;
const KINDS = { worse: "Got much worse", better: "Got much better", all: "All frames" };

export async function comparePanel(node, told, place) {
  const { params, go, stopped } = place;
  const names = told.runs.map(({ name }) => name);
  if (names.length < 2) {
    return void replace(node, h("div", { class: "empty" }, h("h2", {}, "Nothing to compare yet"), h("p", {}, "A comparison takes two trained runs: the one before you corrected frames, and the one after.")));
  }
  const after = names.includes(params.after) ? params.after : told.run;
  const before = names.includes(params.before) && params.before !== after ? params.before : otherThan(after, told, names);
  const pick = (which, chosen, other) => h("select", { "aria-label": which, onchange: (event) => go("refine", { step: "compare", before, after, [which]: event.target.value }) },
    names.map((name) => h("option", { value: name, selected: name === chosen, disabled: name === other }, name)));
  const head = h("div", { class: "row" }, h("span", { class: "soft" }, "Before"), pick("before", before, after), h("span", { class: "soft" }, "After"), pick("after", after, before));
  const result = h("div", { class: "refine-stack" });
  replace(node, head, result);
  const path = place.api.path("projects", place.key, "refine", "comparison") + place.api.query({ before, after });
  const found = await untilDone(() => place.api.get(path), { told: (state) => replace(result, waiting(state, before, after)), signal: stopped });
  replace(result, banner(found), groups(found, { ...place, before, after }));
}

function otherThan(after, told, names) {
  if (after === told.run && told.before) return told.before;
  const others = names.filter((name) => name !== after);
  return others[Math.max(0, names.indexOf(after) - 1)] ?? others[0];
}

function waiting({ done, total }, before, after) {
  const share = total ? Math.round((100 * done) / total) : 0;
  return h("div", { class: "card" },
    h("p", {}, total ? `Asking ${before} and ${after} about the labeled frames: ${done} of ${total}` : "The comparison begins …"),
    h("div", { class: "progress", role: "progressbar", "aria-valuenow": share }, h("i", { style: { width: `${share}%` } })));
}

function banner(found) {
  const tone = { better: "good", "partly better": "good", worse: "bad", "partly worse": "bad" }[found.verdict] ?? "";
  const group = found.groups[found.told_by];
  const share = group.before_px > 0 ? Math.round(100 * Math.abs(group.change_px / group.before_px)) : 0;
  return h("section", { class: `card refine-verdict ${tone}` },
    h("div", {}, h("h2", { class: tone }, upper(found.title)), h("p", {}, sentence(found.why)), found.notes.map((note) => h("p", { class: "small soft" }, note))),
    h("div", { class: "refine-figures" },
      figure(px(group.before_px), `px, ${found.before}`), h("span", { class: "soft" }, "→"), figure(px(group.after_px), `px, ${found.after}`),
      figure(`${signed(group.change_px)}`, `px${share ? `, ${share} % ${group.change_px < 0 ? "less" : "more"}` : ""}`, tone)));
}

const figure = (number, says, tone = "") => h("div", { class: "refine-figure" }, h("b", { class: `number ${tone}` }, number), h("span", { class: "small soft" }, says));
const sentence = (words) => `${upper(words)}.`;

/** With a capital, unless it begins with the name of a run. */
const upper = (words) => (/^(no|on|these|how|\d)/.test(words) ? `${words[0].toUpperCase()}${words.slice(1)}` : words);

/** Kinds of frames to choose from, and what is known of the chosen one. */
function groups(found, place) {
  const node = h("div", { class: "refine-stack" });
  const show = (name) => {
    const group = found.groups[name];
    const tabs = Object.entries(GROUPS).map(([id, { title }]) => h("button", {
      class: "button", type: "button", "aria-pressed": String(id === name), disabled: !found.groups[id], onclick: () => show(id),
    }, title, h("span", { class: "tag" }, found.groups[id]?.n_frames ?? 0)));
    const says = [GROUPS[name].says, group.doubt && name !== "seen" && ` ${sentence(group.doubt)}`];
    replace(node,
      h("div", { class: "row" }, tabs), h("p", { class: "small soft" }, says),
      h("section", { class: "card" }, h("h3", {}, "Mean error by keypoint"), keypointTable(group, found)),
      videosOf(group, found),
      framesOf(found, name, place));
  };
  show(found.told_by);
  return node;
}

/** The same by video, where there are several. */
function videosOf(group, found) {
  if (!Object.keys(group.per_video).length) return null;
  const says = "Each by its own frames; the intervals are wider than those above, so that all of them hold together 95 times out of 100.";
  return h("section", { class: "card" }, h("h3", {}, "Mean error by video"), h("p", { class: "small soft" }, says), videoTable(group, found));
}

/** Frames of a group, side by side, those that changed most first. */
function framesOf(found, group, place) {
  const rows = found.frames.filter((row) => row.group === group);
  const sorted = { worse: rows.filter(({ much }) => much === "worse"), better: rows.filter(({ much }) => much === "better").toReversed(), all: rows };
  const list = h("div", { class: "refine-pairs" });
  const more = h("div", { class: "row" });
  const tabs = h("div", { class: "row" });
  let shown = 0;
  const next = async (kind) => {
    const some = sorted[kind].slice(shown, shown + MOST_AT_ONCE);
    shown += some.length;
    const path = place.api.path("projects", place.key, "refine", "comparison", "frames");
    const query = new URLSearchParams([["before", found.before], ["after", found.after], ...some.map(({ image }) => ["image", image])]);
    const { frames } = some.length ? await place.api.get(`${path}?${query}`) : { frames: [] };
    list.append(...frames.map((frame, i) => pairCard(some[i], frame, found, place)));
    const left = sorted[kind].length - shown;
    replace(more, left > 0 && h("button", { class: "button", type: "button", onclick: () => next(kind).catch(problem) }, `Show ${Math.min(left, MOST_AT_ONCE)} more of ${left}`));
  };
  const show = (kind) => {
    shown = 0;
    replace(list);
    replace(tabs, Object.entries(KINDS).map(([id, title]) => h("button", {
      class: "button quiet", type: "button", "aria-pressed": String(id === kind), disabled: !sorted[id].length, onclick: () => show(id),
    }, title, h("span", { class: "tag" }, sorted[id].length))));
    next(kind).catch(problem);
  };
  show(["worse", "better"].find((kind) => sorted[kind].length) ?? "all");
  const hint = `Much: the mean error of the frame changed by more than ${px(found.much_px)} px, 5 % of the animal's size. Click a picture for the whole frame.`;
  return h("section", { class: "refine-stack" },
    h("div", { class: "row apart" }, h("h3", {}, `The same ${count(rows.length, "frame")} before and after`), legend()), tabs, h("p", { class: "small soft" }, hint), list, more);
}
