// The label page on one folder: the desk, the server it speaks to, the keys, and its dialogs.
import { confirm, dialog } from "../dialogs.js";
import { h, replace } from "../dom.js";
import { shortcuts } from "../keys.js";
import { problem } from "../notices.js";
import { who, whoAsked } from "../who.js";
import { Desk } from "./desk.js";
import { isUnlabeled } from "./rows.js";
import { savingOf } from "./saving.js";
import { Sync } from "./sync.js";
import { ago, count, happening, isHistory, saveState } from "./words.js";

const MOST_HISTORY = 200;

/** Work on `data`, a folder as wire.js gives it, from `frame` on. Returns a function that ends it. */
export async function work(root, { key, go }, { folders, data, frame }) {
  const saving = savingOf(key);
  const name = () => who() || data.scorer || "unknown";
  const dialogs = { state: () => stateDialog(saving, sync), history: (image) => historyDialog(saving, data, image) };
  const desk = new Desk({ key, saving, data, folders, who: name, goFolder: (video, frame) => go("label", { video, frame }), dialogs });
  const drawState = () => desk.toolbar.drawState(saveState(saving.queue.state, sync.isReachable));
  const sync = new Sync({
    ask: async (sequence, signal) => {
      const answer = await saving.wire.since(data, sequence, signal);
      desk.takeListing(answer.listing).catch(problem);
      desk.views.take(answer.views);
      return answer;
    },
    clock: () => desk.store.clock,
    take: (changes, asked) => desk.takeOthers(changes, asked),
    told: (isReachable) => { if (isReachable) saving.queue.flush(); drawState(); },
    sequence: data.sequence,
  });
  const outcome = (change, answer) => {
    desk.outcome(change, answer);
    if (!sync.isReachable) sync.poll(); // it has just answered
  };
  const stopListening = saving.listen({ folder: data.folder, state: drawState, outcome });
  const stopKeys = keys(desk);
  const elsewhere = (event) => { if (saving.isSaved(event)) sync.poll(); }; // in another tab: heard at once
  addEventListener("storage", elsewhere);
  replace(root, desk.node);
  drawState();
  if (!who()) whoAsked();
  await desk.open(firstFrame(data, frame)).catch(problem);
  desk.lookForMistakes();
  return () => {
    stopKeys();
    removeEventListener("storage", elsewhere);
    desk.leave();
    stopListening();
    sync.stop();
  };
}

function firstFrame({ frames, ...names }, asked) {
  return (frames.find(({ name }) => name === asked) ?? frames.find((row) => isUnlabeled(row, names)) ?? frames[0]).name;
}

/** Take the keys; gives them back when called. */
function keys(desk) {
  const run = (command) => (event) => Promise.resolve(command.run(event)).catch(problem);
  const table = Object.values(desk.commands).map((command) => ({ ...command, run: run(command) }));
  const pan = { keys: ["Space"], does: "held: dragging moves the picture (also the middle button)", run: () => setPanning(desk, true) };
  const stop = shortcuts([...table, pan]);
  const up = (event) => {
    if (event.key === " ") setPanning(desk, false);
    else if (event.key.startsWith("Arrow") && !desk.pointer.isBusy) desk.session.settle();
  };
  const away = () => {
    setPanning(desk, false);
    if (!desk.pointer.isBusy) desk.session.settle();
  };
  addEventListener("keyup", up);
  addEventListener("blur", away);
  addEventListener("pagehide", away);
  return () => {
    stop();
    removeEventListener("keyup", up);
    removeEventListener("blur", away);
    removeEventListener("pagehide", away);
  };
}

function setPanning(desk, isPanning) {
  if (desk.isPanning === isPanning) return;
  desk.isPanning = isPanning;
  desk.changed();
}

async function stateDialog(saving, sync) {
  const state = saving.queue.state;
  const { text } = saveState(state, sync.isReachable);
  const rows = state.refused.map(({ change, why }) => h("li", {}, `${change.keypoint} in ${change.image}: ${why}`));
  const body = [
    h("p", {}, { saved: "Every change is on the server's disk.", saving: "Changes are on their way.", refused: "The server does not take these changes:", offline: "The server does not answer. Go on labeling: changes wait in this browser, also across a reload, and are sent once it is back." }[state.kind]),
    state.why && state.kind === "offline" ? h("p", { class: "problem" }, state.why) : null,
    rows.length ? h("ul", {}, rows) : null,
  ];
  const canRetry = state.kind === "offline" || state.kind === "refused";
  const isAgain = await dialog({ title: text, body, action: canRetry ? "Send again" : null });
  if (isAgain) return saving.queue.again();
  if (state.refused.length && await confirm(`Give up ${count(state.refused.length, "change")} that the server refused?`, { action: "Give up", danger: true })) saving.queue.discardRefused();
  return null;
}

async function historyDialog(saving, data, image) {
  try {
    const entries = (await saving.wire.history(data.folder, image)).filter(isHistory);
    const rows = entries.toReversed().slice(0, MOST_HISTORY).map((entry) => h("tr", {},
      h("td", {}, entry.who), h("td", {}, happening(entry, data.individuals.length > 1)), h("td", { class: "soft", title: entry.time }, ago(entry.time))));
    const table = rows.length ? h("table", { class: "table" }, h("tbody", {}, rows)) : h("p", { class: "soft" }, "Nobody has changed this frame in the app yet.");
    await dialog({ title: `History of ${image}`, body: [table] });
  } catch (error) {
    problem(error);
  }
}
