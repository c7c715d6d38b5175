// The frames of a folder as rows of a list: {name, decided, suspicions}.

export const FILTERS = { all: "All", unlabeled: "Unlabeled", suspicious: "Doubtful" };

/** True while somebody still has to decide on a keypoint. With many animals, those that were begun have to be finished. */
export function isUnlabeled(row, names) {
  const each = names.keypoints.length;
  return names.individuals.length > 1 ? row.decided === 0 || row.decided % each !== 0 : row.decided < each;
}

/** Names of the rows that a filter shows. */
export function filtered(rows, filter, names) {
  const keep = { all: () => true, unlabeled: (row) => isUnlabeled(row, names), suspicious: (row) => row.suspicions > 0 }[filter];
  return rows.filter(keep).map(({ name }) => name);
}

/** The frames to get ready when `current` is in sight: the next ones first, then the one before. */
export function ahead(shown, current, places) {
  const here = places.get(current) ?? 0;
  const behind = shown.findIndex((name) => places.get(name) > here);
  const next = behind < 0 ? [] : shown.slice(behind, behind + 3);
  const before = shown.findLast((name) => places.get(name) < here);
  return [current, ...next.slice(0, 1), ...(before ? [before] : []), ...next.slice(1)];
}

/** "12 of 60 frames labeled", and the share for a bar. */
export function progress(rows, names) {
  const done = rows.filter((row) => !isUnlabeled(row, names)).length;
  return { text: `${done} of ${rows.length} labeled`, share: rows.length ? done / rows.length : 0 };
}
