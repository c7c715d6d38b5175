// Work that takes minutes, as a person would start it in a terminal.

const PLAIN = /^[A-Za-z0-9_./:@%+=,-]+$/;

/** A word of a command line, in quotes where it needs them. */
export const quoted = (word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/**
 * The command of a job: `{kind: "train", from}`, `{kind: "evaluate", run}`, `{kind: "analyze", videos, run}`,
 * `{kind: "render" | "plot", video, tracks}`. `folder` is the project's, videos and tracks are paths.
 */
export function commandOf({ kind, run = null, from = null, videos = [], video = null, tracks = null }, folder) {
  const options = { "--from": from, "--run": run, "--tracks": tracks };
  const what = video ? [video] : [folder, ...videos];
  const more = Object.entries(options).filter(([, value]) => value).flat();
  return ["markerless", kind, ...what, ...more].map(quoted).join(" ");
}

/** A job in words. */
export function titleOf({ kind, run = null, from = null, videos = [], video = null }) {
  const name = (path) => path.split(/[\\/]/).pop();
  const what = {
    train: from ? `training on from ${from}` : "training",
    evaluate: `evaluating ${run}`,
    analyze: `analyzing ${videos.length === 1 ? name(videos[0]) : `${videos.length} videos`}`,
    render: `drawing the labeled video of ${name(video ?? "")}`,
    plot: `drawing figures of ${name(video ?? "")}`,
  };
  return what[kind] ?? kind;
}
