// Frames of one folder at hand: their pictures, decoded, and what is known of their points; those around the frame in sight
// before they are asked for.
import { isJpeg, unturned } from "./jpeg.js";
import { Prefetch } from "./prefetch.js";

const HEADER_BYTES = 1 << 17; // in which a JPEG has its notes
const WIDEST_COPY = 4096; // of what the server makes for formats that browsers cannot read

export class FrameSource {
  #labels = new Map(); // image -> promise, while it is loading
  #sizes = new Map();

  constructor({ wire, names, store, ledger }) {
    Object.assign(this, { wire, names, store, ledger });
    this.pictures = new Prefetch({ load: (name, signal) => this.#loadPicture(name, signal) });
  }

  /** {bitmap, picture: {width, height}}, at once when it is there: null otherwise. */
  ready(name) {
    const found = this.pictures.ready(name);
    const size = this.#sizes.get(name);
    return found && size ? { bitmap: found.bitmap, picture: size } : null;
  }

  /** The same, loaded when it is not there. */
  async get(name) {
    const [{ bitmap }] = await Promise.all([this.pictures.get(name), this.labels(name)]);
    return { bitmap, picture: this.#sizes.get(name) };
  }

  /** Have the points of a frame in the store; every one is asked for once, and what others change is heard later. */
  labels(name) {
    if (this.#sizes.has(name)) return Promise.resolve();
    if (!this.#labels.has(name)) {
      const loading = this.#loadLabels(name).finally(() => this.#labels.delete(name));
      this.#labels.set(name, loading);
    }
    return this.#labels.get(name);
  }

  /** Get ready for `names`, the first one first. */
  want(names) {
    this.pictures.want(names);
    for (const name of names) this.labels(name).catch(() => {}); // who opens the frame is told
  }

  leave() { this.pictures.clear(); }

  async #loadLabels(name) {
    const asked = this.store.clock;
    const { size, points } = await this.wire.frame(this.names, name);
    this.ledger.load(name, points, asked);
    this.#sizes.set(name, size);
  }

  async #loadPicture(name, signal) {
    const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
    const blob = await asStored(await this.wire.picture(this.names.folder, name, { signal }));
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob, options);
    } catch {
      bitmap = await createImageBitmap(await this.wire.picture(this.names.folder, name, { signal, width: WIDEST_COPY }), options);
    }
    return { bitmap, pixels: bitmap.width * bitmap.height };
  }
}

/** The file with its orientation hidden. Only its beginning is touched: copying a picture of 4k would be felt while placing points. */
async function asStored(blob) {
  const header = new Uint8Array(await blob.slice(0, HEADER_BYTES).arrayBuffer());
  return isJpeg(header) ? new Blob([unturned(header), blob.slice(HEADER_BYTES)]) : blob;
}
