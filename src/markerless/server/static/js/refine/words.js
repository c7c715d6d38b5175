// Numbers of a comparison in words.

/** "1 frame", "12 frames". */
export const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

/** "3.4" or "12"; "–" without a number. */
export function px(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A change with its sign: "−1.20", "+0.35", "0.00". */
export function signed(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = px(Math.abs(value));
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}

/** "−2.0 to −0.4"; "–" without one. */
export const interval = (pair) => (pair ? `${signed(pair[0])} to ${signed(pair[1])}` : "–");

/** What kinds of frames there are, as a person would say it. */
export const GROUPS = {
  unseen: { title: "Unseen frames", says: "Neither run was trained on them. These decide." },
  new: { title: "New frames", says: "Corrected and trained on since: the new run is asked through networks that trained shorter and had not seen them." },
  seen: { title: "Trained on", says: "Frames that one or both runs learned by heart. They show what was learned or lost, and decide nothing." },
};

/** How sure it is, in a word for a table: {text, tone}. */
export function verdictOf({ verdict }) {
  if (verdict === "better") return { text: "better", tone: "good" };
  if (verdict === "worse") return { text: "worse", tone: "bad" };
  return { text: "no clear difference", tone: "" };
}

/** Where a person is in the loop: "find", "correct", "train" or "compare". */
export function currentStep({ run, before, n_waiting, n_fresh, n_changed }) {
  if (!run) return "train";
  if (n_waiting > 0) return "correct";
  if (n_fresh + n_changed > 0) return "train";
  return before ? "compare" : "find";
}

/** State of every step: {id, title, state: "done" | "now" | "open", says}. */
export function steps(told) {
  const { run, before, n_waiting, n_fresh, n_changed } = told;
  const now = currentStep(told);
  const corrected = n_fresh + n_changed;
  const says = {
    find: run ? "Frames where the network is unsure" : "After the first training",
    correct: n_waiting ? `${count(n_waiting, "picture")} to label` : corrected ? `${corrected} new or corrected since ${run}` : "Nothing waits",
    train: !run ? "The first training" : corrected ? `${run} does not know ${count(corrected, "frame")} yet` : `${run} is up to date`,
    compare: before ? `${before} and ${run}` : "After the second training",
  };
  const titles = { find: "Find", correct: "Correct", train: "Train", compare: "Compare" };
  const isDone = {
    find: Boolean(run) && n_waiting + corrected > 0,
    correct: Boolean(run) && !n_waiting && corrected > 0,
    train: Boolean(run) && !corrected && !n_waiting && Boolean(before),
    compare: false,
  };
  return Object.keys(titles).map((id) => ({ id, title: titles[id], state: id === now ? "now" : isDone[id] ? "done" : "open", says: says[id] }));
}
