// How a person likes to see the page; kept in this browser, for all projects.

const KEY = "markerless-label-view";
const USUAL = { size: 6, ghost: false, lens: true, names: false, lines: true, beams: false, brightness: 100, contrast: 100 };

export const LIMITS = { size: [3, 16], brightness: [30, 300], contrast: [30, 300] };

export class ViewSettings {
  #values;

  constructor(storage, changed) {
    this.storage = storage;
    this.changed = changed;
    this.#values = read(storage);
  }

  get(name) { return this.#values[name]; }

  set(name, value) {
    this.#values[name] = valid(name, value) ? value : USUAL[name];
    try {
      this.storage.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // kept while the page is open
    }
    this.changed(name);
  }

  toggle(name) { this.set(name, !this.get(name)); }

  /** `by` more, within the limits. */
  add(name, by) {
    const [least, most] = LIMITS[name];
    this.set(name, Math.min(Math.max(this.get(name) + by, least), most));
  }

  reset() {
    for (const name of Object.keys(LIMITS)) this.set(name, USUAL[name]);
  }
}

function read(storage) {
  let kept = {};
  try {
    kept = JSON.parse(storage.getItem(KEY) ?? "{}") ?? {};
  } catch {
    // damaged: as if nothing had been kept
  }
  return Object.fromEntries(Object.entries(USUAL).map(([name, usual]) => [name, valid(name, kept[name]) ? kept[name] : usual]));
}

function valid(name, value) {
  if (typeof value !== typeof USUAL[name]) return false;
  const [least, most] = LIMITS[name] ?? [-Infinity, Infinity];
  return typeof value === "boolean" || (value >= least && value <= most);
}
