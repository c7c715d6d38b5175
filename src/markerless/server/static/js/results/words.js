// Files, sizes and errors in words.

/** "12 kB", "3.4 MB". */
export function size(n) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = n;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ${units[unit]}`;
}

/** What a file is for, by its suffix. */
export const KINDS = {
  h5: { title: "h5", says: "trajectories as DeepLabCut writes them" },
  csv: { title: "csv", says: "trajectories as a table" },
  nc: { title: "nc", says: "trajectories with expected errors, for movement and xarray" },
  mp4: { title: "mp4", says: "labeled video" },
  html: { title: "html", says: "page" },
  png: { title: "png", says: "figure" },
};

/** "test", as a person would say it. */
export const SPLITS = {
  test: "test frames",
  all: "labeled frames",
  crossfit: "training frames, asked of networks that had not seen them",
  train: "training frames: others will be worse",
};

/** What a result of a video is called. */
export function nameOf({ run, scorer, filtered }) {
  return run ? `${run}${filtered ? ", filtered" : ""}` : scorer.replace(/^[_-]+/, "") || "unnamed";
}

/** "3:07" of seconds. */
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
