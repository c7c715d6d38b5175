// One queue of changes for each project, which lives as long as the window: leaving the label page does not stop it.
import { Conflicts } from "./conflicts.js";
import { ChangeQueue } from "./queue.js";
import { Waiting } from "./waiting.js";
import { Wire } from "./wire.js";

const open = new Map();

/** {wire, queue, conflicts, listen({state, outcome}) -> stop, isSaved(event)} of a project; the last tells that another tab has saved a change. */
export function savingOf(key) {
  if (!open.has(key)) open.set(key, started(key));
  return open.get(key);
}

function started(key) {
  const wire = new Wire(key);
  const waiting = new Waiting(localStorage, key);
  const conflicts = new Conflicts(localStorage, key);
  const listeners = new Set();
  const told = {
    state: (state) => listeners.forEach((listener) => listener.state(state)),
    outcome: (change, outcome) => settle(conflicts, listeners, change, outcome),
  };
  const queue = new ChangeQueue({ waiting, told, send: (folder, who, changes) => wire.send(folder, who, changes) });
  addEventListener("online", () => queue.flush());
  addEventListener("beforeunload", (event) => {
    if (waiting.size) event.preventDefault();
  });
  addEventListener("pagehide", () => {
    for (const batch of queue.batches()) wire.sendAndForget(batch[0].folder, batch[0].who, batch);
  });
  queue.flush();
  const listen = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const isSaved = ({ key: stored, newValue }) => newValue === null && stored !== null && stored.startsWith(waiting.prefix);
  return { wire, queue, conflicts, listen, isSaved };
}

function settle(conflicts, listeners, change, outcome) {
  const here = [...listeners].filter((listener) => listener.folder === change.folder);
  for (const listener of here) listener.outcome(change, outcome);
  // nobody has that folder open: keep what was refused until somebody does
  if (!here.length && outcome.state === "conflict") conflicts.add(change, change.to, outcome.now);
}
