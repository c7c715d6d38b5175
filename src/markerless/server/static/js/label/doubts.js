// Labels that may be mistakes, as the server finds them. Whoever changes or confirms such a label has looked at it: then it
// is a doubt no longer on this page.

export class Doubts {
  #all = []; // {image, individual, keypoints, message, isOfViews}; without keypoints it is about the whole animal
  #right = new Set(); // what somebody has looked at, and found right

  set(found) { this.#all = found.filter((doubt) => !this.#right.has(JSON.stringify(doubt))); }

  /** Those of a frame. */
  of(image) { return this.#all.filter((doubt) => doubt.image === image); }

  /** How many each frame has: image -> number. */
  counts() {
    const counts = new Map();
    for (const { image } of this.#all) counts.set(image, (counts.get(image) ?? 0) + 1);
    return counts;
  }

  /** Whether a label is to be marked; those by other views have marks of their own, which follow every change. */
  isAbout(image, individual, keypoint) {
    return this.of(image).some((doubt) => !doubt.isOfViews && doubt.individual === individual && (!doubt.keypoints.length || doubt.keypoints.includes(keypoint)));
  }

  /** A label was changed; gives whether that ended a doubt. */
  settle(image, individual, keypoint) {
    const before = this.#all.length;
    this.#all = this.#all.filter((doubt) => !(doubt.image === image && doubt.individual === individual && (!doubt.keypoints.length || doubt.keypoints.includes(keypoint))));
    return this.#all.length < before;
  }

  /** Somebody has looked, and the label is right. */
  dismiss(doubt) {
    this.#right.add(JSON.stringify(doubt));
    this.set(this.#all);
  }
}
