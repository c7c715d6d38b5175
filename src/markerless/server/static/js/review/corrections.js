// A correction: the frame becomes a labeled one. Its predicted points become labels, the moved one where it was put.

const NOTHING = { xy: null, visibility: 0 };
const VISIBLE = 2;

/**
 * Changes that make labels of a frame. Where somebody has labeled in it, only the moved point changes.
 *
 * `known` is points[individual][keypoint] -> {xy, visibility} as the server has them, `predicted` is
 * [{individual, keypoint, xy}], `moved` one of these where it was put, `size` [width, height] of the picture.
 */
export function changesFor({ picture, known, predicted, moved, size, newId }) {
  const isDecided = Object.values(known).some((points) => Object.values(points).some(({ visibility }) => visibility > 0));
  const same = (one) => one.individual === moved.individual && one.keypoint === moved.keypoint;
  const placed = isDecided ? [moved] : [...predicted.filter((one) => !same(one) && one.xy && isInside(one.xy, size)), moved];
  return placed.map(({ individual, keypoint, xy }) => {
    const { xy: before, visibility } = known[individual]?.[keypoint] ?? NOTHING;
    const to = { xy: clamped(xy, size), visibility: visibility === 1 ? 1 : VISIBLE };
    return { id: newId(), picture, individual, keypoint, was: { xy: before, visibility }, to };
  });
}

/** Whether a picture has the size of the video's frames; else it was cropped or scaled, and its labels with it. */
export function isWhole(size, frameSize) {
  return size[0] === frameSize[0] && size[1] === frameSize[1];
}

/** Refuse a picture whose pixels are not those of the video's frames. */
export function requireWhole(image, size, frameSize) {
  if (isWhole(size, frameSize)) return;
  const sizes = `the ${frameSize.join(" x ")} px of the video's frames, got ${size.join(" x ")} px`;
  const what = "it was cropped or scaled, so nothing was changed; label it on the Label page";
  throw new Error(`expected ${image} to have ${sizes}: ${what}`);
}

/** The changes that take others back. */
export function takenBack(changes, newId) {
  return changes.map(({ picture, individual, keypoint, was, to }) => ({ id: newId(), picture, individual, keypoint, was: to, to: was })).reverse();
}

/** An id that no other change has. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isInside([x, y], [width, height]) {
  return x >= -0.5 && y >= -0.5 && x <= width - 0.5 && y <= height - 0.5;
}

function clamped([x, y], [width, height]) {
  return [Math.min(Math.max(x, -0.5), width - 0.5), Math.min(Math.max(y, -0.5), height - 0.5)];
}
