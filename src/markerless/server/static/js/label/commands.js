// Everything that keys and buttons do, by name: {keys, does, run}. `does` is what `?` shows.

const FINE_PX = 0.1;
const ZOOM_STEP = 1.4;
const DIGITS = 9;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** `desk` is the page; see desk.js. */
export function commandsOf(desk) {
  return { ...frameCommands(desk), ...pointCommands(desk), ...viewCommands(desk), ...undoCommands(desk) };
}

function frameCommands(desk) {
  return {
    next: { keys: ["D", ".", "PageDown"], does: "next frame", run: () => desk.goBy(1) },
    previous: { keys: ["A", ",", "PageUp"], does: "previous frame", run: () => desk.goBy(-1) },
    nextUnlabeled: { keys: ["N"], does: "next frame with something to label", run: () => desk.goUnlabeled(1) },
    previousUnlabeled: { keys: ["Shift+N"], does: "the one before", run: () => desk.goUnlabeled(-1) },
    copyPrevious: { keys: ["C"], does: "copies what is open here from the previous frame", run: () => desk.copyPrevious() },
    acceptSuggestions: { keys: ["Shift+P"], does: "accepts all suggestions of other views", run: () => desk.acceptSuggestions() },
    nextView: { keys: ["V"], does: "the same moment in the next view", run: () => desk.goView(1) },
    previousView: { keys: ["Shift+V"], does: "in the view before", run: () => desk.goView(-1) },
    acceptAll: { keys: ["P"], does: "accepts all predictions of this frame", run: () => desk.acceptAll() },
  };
}

function pointCommands({ session, data, status }) {
  const many = data.individuals.length > 1;
  return {
    nextKeypoint: { keys: ["S"], does: "next keypoint", run: () => session.step(1) },
    previousKeypoint: { keys: ["W"], does: "previous keypoint", run: () => session.step(-1) },
    skip: { keys: ["E"], does: "skips this keypoint for now", run: () => session.skip() },
    absent: { keys: ["X"], does: "absent: looked for, and not in the picture", run: () => session.toggleAbsent() },
    empty: { keys: ["Shift+X"], does: "no animal in this frame: all keypoints are absent; again takes that back", run: () => tellEmpty(status, session.toggleEmpty()) },
    hidden: { keys: ["O"], does: "occluded: placed, but hidden (also Shift and click)", run: () => session.toggleHidden() || status.say("Nothing is selected: Shift and a click places a keypoint as occluded.") },
    remove: { keys: ["Delete", "Backspace"], does: "removes the selected keypoint (also right-click)", run: () => session.remove() },
    ...Object.fromEntries(Object.entries(ARROWS).flatMap(([key, [dx, dy]], i) => nudges(session, key, dx, dy, i === 0))),
    ...Object.fromEntries(Array.from({ length: DIGITS }, (_, k) => [`keypoint${k + 1}`, { keys: [String(k + 1)], does: k ? "" : "takes the first keypoint; 2 to 9 the next ones", run: () => session.choose(k) }])),
    ...(many ? { nextAnimal: { keys: ["I"], does: "next animal", run: () => session.stepIndividual(1) }, previousAnimal: { keys: ["Shift+I"], does: "previous animal", run: () => session.stepIndividual(-1) } } : {}),
    unselect: { keys: ["Escape"], does: "lets go", run: () => session.unselect() },
  };
}

function tellEmpty(status, isEmpty) {
  if (isEmpty) status.say("No animal in this frame: every keypoint is absent. Ctrl Z takes it back.");
}

function nudges(session, key, dx, dy, isFirst) {
  const nudge = (px) => () => session.nudge(dx * px, dy * px);
  return [
    [key, { keys: [key], does: isFirst ? "moves the selected keypoint by 1 px; so do the other arrows" : "", run: nudge(1) }],
    [`fine${key}`, { keys: [`Shift+${key}`], does: isFirst ? `moves it by ${FINE_PX} px` : "", run: nudge(FINE_PX) }],
  ];
}

function viewCommands({ stage, settings }) {
  return {
    fit: { keys: ["0"], does: "the whole picture", run: () => stage.fit() },
    zoomIn: { keys: ["+", "="], does: "larger (also the wheel)", run: () => stage.zoom(ZOOM_STEP) },
    zoomOut: { keys: ["-"], does: "smaller", run: () => stage.zoom(1 / ZOOM_STEP) },
    ghost: { keys: ["G"], does: "labels of the previous frame as a ghost", run: () => settings.toggle("ghost") },
    lens: { keys: ["L"], does: "magnifier", run: () => settings.toggle("lens") },
    names: { keys: ["T"], does: "names beside all marks", run: () => settings.toggle("names") },
    lines: { keys: ["K"], does: "lines of the skeleton", run: () => settings.toggle("lines") },
    beams: { keys: ["B"], does: "the line on which another view sees the keypoint", run: () => settings.toggle("beams") },
    larger: { keys: ["]"], does: "larger marks", run: () => settings.add("size", 1) },
    smaller: { keys: ["["], does: "smaller marks", run: () => settings.add("size", -1) },
  };
}

function undoCommands(desk) {
  return {
    undo: { keys: ["Ctrl+Z"], does: "undoes, also in other frames", run: () => desk.travel("undo") },
    redo: { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], does: "makes it again", run: () => desk.travel("redo") },
  };
}
