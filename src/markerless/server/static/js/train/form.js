// A new training: plain words, good defaults; what few people change is behind "More".
import { h, replace } from "../dom.js";
import { addressOf } from "../routes.js";
import { labelsInWords } from "./words.js";

const TIMES = [["", null], ["5 minutes", 5], ["10 minutes", 10], ["20 minutes", 20], ["30 minutes", 30], ["1 hour", 60], ["2 hours", 120], ["8 hours", 480]];

/** `{node, draw(told, isBusy)}`; `from` is the run that is offered to begin with; `start(job)` is called with what is to be trained. */
export function formPanel({ key, from = "", start }) {
  const node = h("section", { class: "card train-form" });
  let drawn = "";
  return {
    node,
    draw: (told, busy) => {
      // a form is not taken away from under the user's hands: only news of these draw it anew
      const state = JSON.stringify([told.labels, told.machine, told.next_run, told.runs.filter(({ state }) => state === "finished").map(({ name }) => name), busy]);
      if (state === drawn) return;
      drawn = state;
      const values = node.querySelector("form") ? new FormData(node.querySelector("form")) : null;
      replace(node, h("h2", {}, "New training"), content(told, busy, key, start));
      const form = node.querySelector("form");
      refill(form, values ?? [["from", from]]);
      form?.elements.from?.dispatchEvent(new Event("change")); // the usual time depends on it
    },
  };
}

function content(told, busy, key, start) {
  const { labels, machine } = told;
  if (machine.missing.length) {
    return h("div", { class: "hint" }, h("p", {}, `Training needs ${machine.missing.join(", ")}, which this installation does not have. Install it, then start the app again:`), h("code", {}, machine.install));
  }
  if (!labels.frames) {
    return [h("p", {}, "A network learns from frames that you have labeled, and there are none yet. 50 to 200 frames are a good number."), h("a", { class: "button main", href: addressOf(key, "label") }, "Label frames")];
  }
  if (labels.problem) return [h("p", { class: "problem" }, labels.problem), h("a", { class: "button main", href: addressOf(key, "label") }, "Label frames")];
  return form(told, busy, start);
}

function form(told, busy, start) {
  const finished = told.runs.filter(({ state }) => state === "finished").map(({ name }) => name);
  const node = h("form", { class: "stack" });
  const usual = () => `As usual: at most ${node.elements.from?.value ? told.minutes.from : told.minutes.new} minutes`;
  const times = h("select", { name: "minutes" }, TIMES.map(([text, minutes]) => h("option", { value: minutes ?? "" }, text)));
  const from = h("select", { name: "from", onchange: () => { times.options[0].textContent = usual(); } },
    h("option", { value: "" }, "A pretrained network"), finished.map((name) => h("option", { value: name }, `${name}, and learn new frames`)));
  node.append(
    h("p", { class: "small soft" }, labelsInWords(told.labels)),
    h("label", { class: "field" }, h("span", {}, "Begin with"), from),
    h("label", { class: "field" }, h("span", {}, "Train for"), times),
    more(told),
    h("div", { class: "row" }, h("button", { class: "button main", disabled: Boolean(busy) }, "Start training"), busy && h("span", { class: "small soft" }, busy)));
  times.options[0].textContent = usual();
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    start(jobOf(new FormData(node)));
  });
  return node;
}

function more({ next_run: next, machine }) {
  const option = (value, text) => h("option", { value }, text);
  return h("details", { class: "train-more" }, h("summary", { class: "small" }, "More"), h("div", { class: "stack" },
    h("label", { class: "field" }, h("span", {}, "Name of the run"), h("input", { name: "run", placeholder: next, pattern: "[A-Za-z0-9_\\-]{1,24}", title: "1 to 24 letters, digits, _ or -", autocomplete: "off" })),
    h("label", { class: "field" }, h("span", {}, "Labeled frames"), h("select", { name: "split" }, option("default", "Keep some for the test"), option("all", "Train on all"))),
    h("label", { class: "field" }, h("span", {}, "Network"), h("select", { name: "size" }, option("", "By the size of the animal"), option("small", "Small: several times faster"), option("large", "Large: a bit more accurate"))),
    machine.variants.length > 1 && h("label", { class: "field" }, h("span", {}, "Family"), h("select", { name: "variant" }, machine.variants.map((name, i) => option(i ? name : "", `EfficientNet-${name[0].toUpperCase()}${name.slice(1)}${i ? ", slower" : ""}`)))),
    h("label", { class: "field" }, h("span", {}, "Expected errors"), h("select", { name: "crossfits" }, option("", "Learn them"), option("0", "Leave them out: more steps"))),
    h("label", { class: "field" }, h("span", {}, "Steps, instead of a time"), h("input", { name: "steps", type: "number", min: 1, max: 10000000, placeholder: "what fits into the time" })),
    h("label", { class: "field" }, h("span", {}, "Seed of chance"), h("input", { name: "seed", type: "number", min: 0, max: 2147483647, placeholder: "0" }))));
}

/** The request of a filled form; what was left alone is left out. */
export function jobOf(values) {
  const text = (name) => String(values.get(name) ?? "").trim();
  const number = (name) => (text(name) === "" ? undefined : Number(text(name)));
  const choices = { size: text("size") || undefined, variant: text("variant") || undefined, crossfits: number("crossfits"), steps: number("steps"), seed: number("seed") };
  return { kind: "train", run: text("run") || undefined, from: text("from") || undefined, minutes: number("minutes"), split: text("split") || "default", choices };
}

function refill(node, values) {
  if (!node) return;
  for (const [name, value] of values) {
    const field = node.elements[name];
    if (field && name !== "run" && (!field.options || [...field.options].some((option) => option.value === value))) field.value = value;
  }
}
