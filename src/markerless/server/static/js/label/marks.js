// What is drawn over the picture, as canvas positions: labels, predictions, the previous frame's labels, what a conflict is
// about, and the skeleton's lines. Drawing them is `paint.js`.
import { toCanvas } from "../coords.js";
import { OCCLUDED, isPlaced } from "./points.js";

/** Labels of all animals: {at, i, k, isHidden, isSelected, isArmed, isOwn, isDragged}; the animal in hand last, on top. */
export function labelMarks(session, view) {
  const marks = [];
  session.points.forEach((row, i) => row.forEach((point, k) => {
    if (isPlaced(point)) marks.push(labelMark(session, view, point, i, k));
  }));
  return marks.sort((a, b) => a.isOwn - b.isOwn || a.isSelected - b.isSelected);
}

function labelMark(session, view, point, i, k) {
  const isOwn = i === session.individual;
  return {
    at: toCanvas(point.xy, view),
    i,
    k,
    isHidden: point.visibility === OCCLUDED,
    isOwn,
    isSelected: isOwn && k === session.selected,
    isArmed: isOwn && k === session.armed,
    isDragged: session.draft?.i === i && session.draft.k === k,
  };
}

/** Predictions that nobody has decided on: {at, radius, i, k}; the radius is that of the expected error. */
export function predictionMarks(session, view) {
  const marks = [];
  session.predictions?.forEach((row, i) => row.forEach((_, k) => {
    const predicted = session.draft?.i === i && session.draft.k === k ? null : session.prediction(i, k);
    if (predicted) marks.push({ at: toCanvas(predicted.xy, view), radius: (predicted.error ?? 0) * view.scale, i, k, isOwn: i === session.individual });
  }));
  return marks;
}

/** Where the points of another frame would lie in this one: {at, k}. */
export function ghostMarks(points, view) {
  return points.flatMap((row, i) => row.flatMap((point, k) => (isPlaced(point) ? [{ at: toCanvas(point.xy, view), i, k }] : [])));
}

/** Pairs of canvas positions, for the lines of each animal: {from, to, isOwn}. */
export function lines(marks, edges) {
  const at = new Map(marks.map((mark) => [`${mark.i}/${mark.k}`, mark]));
  const animals = [...new Set(marks.map(({ i }) => i))];
  return animals.flatMap((i) => edges.flatMap(([a, b]) => {
    const [from, to] = [at.get(`${i}/${a}`), at.get(`${i}/${b}`)];
    return from && to ? [{ from: from.at, to: to.at, isOwn: from.isOwn ?? true }] : [];
  }));
}

/** Both sides of conflicts in this frame: {mine, theirs, k}, canvas positions or null. */
export function conflictMarks(conflicts, names, view) {
  const at = (side) => (isPlaced(side) ? toCanvas(side.xy, view) : null);
  return conflicts.map(({ mine, theirs, keypoint }) => ({ mine: at(mine), theirs: at(theirs), k: names.keypoints.indexOf(keypoint) }));
}
