// Numbers and times as people say them.

/** "just now", "4 s ago", "12 min ago", "3 h ago", else the day. */
export function ago(time, now = Date.now()) {
  const seconds = (now - Date.parse(time)) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString();
}

/** "1 change", "3 changes". */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** What the state of the queue is called; `isReachable` is false when the server does not answer. */
export function saveState({ kind, waits, refused, isKept }, isReachable = true) {
  const wait = waits === 1 ? "1 change waits" : `${waits} changes wait`;
  const unkept = isKept ? "" : "; keep this page open";
  if (kind === "offline") return { tone: "warn", text: `offline: ${wait}${unkept}` };
  if (kind === "saving") return { tone: "busy", text: `saving ${waits}${unkept}` };
  if (kind === "refused") return { tone: "bad", text: `not saved: ${count(refused.length, "change")} refused` };
  return isReachable ? { tone: "good", text: "saved" } : { tone: "warn", text: "offline: nothing waits" };
}

/** How far off a prediction is expected to be: "± 3.2 px". */
export function expected({ error }) {
  if (error === null) return "predicted";
  return `± ${error.toFixed(error < 9.95 ? 1 : 0)} px`;
}

/** Whether an entry of a frame's journal is what a person did: here, or in a project that was merged into this one. */
export function isHistory({ change, did, id }) {
  return ((did ?? change) === "point" && Boolean(id)) || change === "merge conflict";
}

/** One entry of a frame's journal: "nose at 12.3, 45.6". */
export function happening({ change, project, keypoint, individual, to, visibility }, isMany) {
  const what = isMany ? `${keypoint} of ${individual}` : keypoint;
  const where = (project ? `, in ${project}` : "") + (change === "merge conflict" ? ", not taken" : "");
  if (visibility === 3) return `${what} is absent${where}`;
  if (!to) return `removed ${what}${where}`;
  const hidden = visibility === 1 ? ", hidden" : "";
  return `${what} at ${to[0].toFixed(1)}, ${to[1].toFixed(1)}${hidden}${where}`;
}

/** How far a label is from where other views put it: "34 px, 7 ×" of the expected error. */
export const far = (px, times) => `${px.toFixed(px < 9.95 ? 1 : 0)} px, ${times.toFixed(0)} ×`;
