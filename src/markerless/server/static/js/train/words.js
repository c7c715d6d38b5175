// What the train page says, in words.

/** "1 frame", "1,240 frames". */
export const count = (n, what) => `${n.toLocaleString("en-US")} ${what}${n === 1 ? "" : "s"}`;

/** "2.31", "12.5", "140"; "–" without a number. */
export function px(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A time that need not be exact: "a few seconds", "40 seconds", "6 minutes", "2 h 10 min". */
export function lasting(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 90) return `${Math.round(seconds / 10) * 10} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} minutes`;
  const rest = Math.round((minutes % 60) / 10) * 10;
  const hours = Math.floor(minutes / 60) + (rest === 60 ? 1 : 0);
  return rest % 60 ? `${hours} h ${rest} min` : `${hours} h`;
}

/** What labels there are and what becomes of them: "104 labeled frames in 3 videos: 84 train, 10 validate, 10 test." */
export function labelsInWords({ frames, videos, split }) {
  const n = Object.keys(videos).length;
  const head = `${count(frames, "labeled frame")} in ${count(n, "video")}`;
  if (!split.train) return `${head}.`;
  if (!split.validation && !split.test) return `${head}. All of them train: with fewer than 20, none can be spared to test the network.`;
  return `${head}: ${split.train} train, ${split.validation} are looked at on the way, ${split.test} test the result.`;
}

/** The state of a run for a tag: {text, tone}. A job says more than the files of its run. */
export function stateOf({ state, job }) {
  if (job?.state === "running") return job.stopping ? { text: "stopping", tone: "warn" } : { text: "training", tone: "good" };
  if (state === "finished") return { text: "finished", tone: "" };
  if (state === "training") return { text: "trained in a terminal", tone: "good" };
  if (state === "damaged") return { text: "damaged", tone: "bad" };
  if (job?.state === "failed") return { text: "failed", tone: "bad" };
  if (job?.state === "stopped") return { text: "stopped", tone: "warn" };
  return { text: "interrupted", tone: "warn" };
}

/** What a running job does now: {text, share}, the share in 0..1 or null while nothing can be said. */
export function stageOf(job) {
  if (job.stopping) return { text: "Stopping: what was learned is kept …", share: shareOf(job) };
  if (!job.total) return { text: "Getting ready: reading the pictures and measuring how fast this computer is …", share: null };
  if (job.stage === "evaluating") return { text: "Measuring the errors …", share: 1 };
  if (job.done >= job.total) return { text: "Writing the network …", share: 1 };
  const steps = `Step ${job.done.toLocaleString("en-US")} of ${job.total.toLocaleString("en-US")}`;
  const doing = job.message.startsWith("calibrating") ? ", learning how far off points may be" : "";
  return { text: `${steps}${doing}`, share: shareOf(job) };
}

const shareOf = ({ done, total }) => (total ? Math.min(done / total, 1) : null);

/** The part of an evaluation that tells most, and its errors; null when nothing was measured. */
export function headlineOf(evaluation) {
  for (const [part, on] of [["test", "test frames"], ["crossfit", "frames asked of networks that had not seen them"], ["validation", "validation frames"], ["train", "frames that it was trained on"]]) {
    if (evaluation[part]?.mean_px !== undefined && evaluation[part].mean_px !== null) return { part, on, ...evaluation[part] };
  }
  return null;
}

/** "today 14:03", "3 Mar 14:03". */
export function when(seconds, now = Date.now()) {
  if (!Number.isFinite(seconds)) return "";
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const day = date.toDateString() === new Date(now).toDateString() ? "today" : date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day} ${time}`;
}
