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

const TABLES = { _kinematics: "speeds, lengths and angles in every frame", _kinematics_summary: "speeds, lengths and angles in short", _regions: "time in regions", _visits: "visits of regions" };

/** What a table of measurements is for; undefined for other files. */
export function tableSays(name) {
  const ending = Object.keys(TABLES).sort((a, b) => b.length - a.length).find((one) => name.endsWith(`${one}.csv`));
  return TABLES[ending];
}

const FIGURES = { trajectory: "Path", position: "Position over time", heatmap: "Heat map of position", speed: "Histogram of speeds", confidence: "Confidence", jumps: "Jumps",
  "kinematics-heatmap": "Heat map and regions", "kinematics-speeds": "Histogram of speeds in real units", "kinematics-speed": "Speed over time", "kinematics-acceleration": "Acceleration over time", "kinematics-length": "Lengths over time",
  "kinematics-distance": "Distances over time", "kinematics-angle": "Angles over time", "kinematics-heading": "Heading over time", "kinematics-turning": "Turning over time" };

/** What a figure shows, by its file: "heatmap-mouse1.png" is "Heat map of position, mouse1". */
export function figureName(file) {
  const stem = file.replace(/\.png$/, "");
  const kind = Object.keys(FIGURES).sort((a, b) => b.length - a.length).find((one) => stem === one || stem.startsWith(`${one}-`));
  return kind ? [FIGURES[kind], stem.slice(kind.length + 1)].filter(Boolean).join(", ") : stem;
}

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
