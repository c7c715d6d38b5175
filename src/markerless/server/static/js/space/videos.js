// The videos of the cameras: those that the server found, those that somebody chose, and their frames by moment.

const WIDTHS = [240, 320, 480, 640, 960, 1280, 1920];
const MOST_WIDTH = 4096; // that the server sends

export class Videos {
  chosen = new Map(); // camera -> video
  #widths = new Map(); // key of a panel -> width of its frames
  #loaders = new Map(); // key of a panel -> function; the same one as long as nothing changes

  /** `frameOf(moment, camera)` resolves to a frame of the camera's video. */
  constructor({ api, key, file, frameOf }) { Object.assign(this, { api, key, file, frameOf }); }

  /** Find those that were chosen before again; `told(words)` when one is gone. */
  async load(cameras, told) {
    const before = this.#stored();
    await Promise.all(cameras.filter(({ name }) => before[name]).map(async ({ name }) => {
      try {
        this.chosen.set(name, await this.#about(before[name]));
      } catch (error) {
        told(`The video that was chosen for ${name} cannot be shown: ${error.message}`);
      }
    }));
  }

  /** Take another video for some cameras. */
  async choose(names, path) {
    const video = await this.#about(path);
    const stored = this.#stored();
    for (const name of names) {
      this.chosen.set(name, video);
      stored[name] = path;
    }
    localStorage.setItem(this.#place, JSON.stringify(stored));
  }

  /** Loads the frame of a moment for a panel: {picture, pixels}. */
  loaderOf({ key, video, cameras, size }) {
    if (!this.#loaders.has(key)) {
      this.#loaders.set(key, async (moment, signal) => {
        const frame = await this.frameOf(moment, cameras[0]);
        if (frame < 0) throw new Error("this camera has no frame of this moment");
        if (frame >= video.n_frames) throw new Error(`${video.name} ends at frame ${video.n_frames - 1}`);
        const path = this.api.path("projects", this.key, "space", "frames", frame) + this.api.query({ path: video.path, width: this.#widths.get(key) ?? Math.min(320, size[0]) });
        const answer = await this.api.fetchRaw(path, { signal });
        const picture = await createImageBitmap(await answer.blob());
        return { picture, pixels: picture.width * picture.height };
      });
    }
    return this.#loaders.get(key);
  }

  /** Frames as wide as they are shown, in steps, so that the server can keep them; true when that is another width. */
  fit(key, shownWidth, size) {
    const own = Math.min(size[0], MOST_WIDTH);
    const width = WIDTHS.find((one) => one >= shownWidth && one < own) ?? own;
    if (width === this.#widths.get(key)) return false;
    this.#widths.set(key, width);
    return true;
  }

  /** The frame of a camera's video at a moment, whose numbers are `values`; labeled pictures in a chosen folder have their own order. */
  frame(record, values, moment, { name }, camera) { return this.chosen.get(name)?.frames?.[moment] ?? record.frame(values, camera); }

  #about(path) { return this.api.get(this.api.path("projects", this.key, "space", "video") + this.api.query({ file: this.file, path })); }

  get #place() { return `markerless-space-videos:${this.file}`; }

  #stored() {
    try {
      const stored = JSON.parse(localStorage.getItem(this.#place) ?? "{}");
      return stored && typeof stored === "object" ? stored : {};
    } catch {
      return {};
    }
  }
}
