// Suspicious moments: their names, which are shown, and which comes next.

export const REASONS = {
  confidence: "Low confidence",
  error: "Large expected error",
  missing: "Missing point",
  jump: "Jump",
  swap: "Left and right swapped",
  limb: "Impossible length",
  pose: "Unusual pose",
};

/** In a word. */
export const SHORT = { confidence: "Confidence", error: "Error", missing: "Missing", jump: "Jump", swap: "Swap", limb: "Length", pose: "Pose" };

/** Reasons of a moment, the main one first. */
export const reasonsOf = (moment) => [moment.reason, ...moment.also.map(({ reason }) => reason)];

/** The moments of one reason (null: of any), by "time" or "severity". */
export function listed(moments, reason, order) {
  const kept = moments.filter((moment) => reason === null || reasonsOf(moment).includes(reason));
  const byTime = (a, b) => a.worst - b.worst || b.severity - a.severity;
  return kept.sort(order === "time" ? byTime : (a, b) => b.severity - a.severity || byTime(a, b));
}

/** How many moments have each reason, the main or another one, most first: [[reason, n]]. */
export function counted(moments) {
  const counts = new Map();
  for (const moment of moments) for (const reason of new Set(reasonsOf(moment))) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** The moment `by` (1 or -1) places from one in the list; from its end (or start) when that one is not in it. */
export function neighbor(list, from, by) {
  const place = from ? list.indexOf(from) : -1;
  if (place < 0) return (by > 0 ? list[0] : list.at(-1)) ?? null;
  return list[place + by] ?? null;
}

/** In a list by time, the first moment after a frame, or the last before it. */
export function nearest(list, frame, by) {
  return (by > 0 ? list.find(({ worst }) => worst > frame) : list.findLast(({ worst }) => worst < frame)) ?? null;
}

/** "frame 12" or "frames 12 to 19". */
export function framesOf({ start, stop }) {
  return stop - start === 1 ? `frame ${start}` : `frames ${start} to ${stop - 1}`;
}
