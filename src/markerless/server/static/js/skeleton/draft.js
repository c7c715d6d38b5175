// The keypoints of a study while somebody edits them: nothing is saved before it is asked for. No DOM here.

const NAME = /^(?! )[^,\p{C}]{1,100}(?<! )$/u;

/** A keypoint of the draft; it stays the same object when it is renamed or moved. `was` is null for a new one. */
class Row {
  constructor(name, was, color, labeled) {
    Object.assign(this, { name, was, color, labeled });
  }
}

export class Draft {
  /** `study` is what the server says of a project. */
  constructor(study) {
    this.rows = study.keypoints.map((name) => new Row(name, name, study.colors[name] ?? null, study.labeled[name] ?? 0));
    this.removed = [];
    const rowsOf = ([a, b]) => [this.rows[a], this.rows[b]];
    this.edges = study.edges.map(rowsOf);
    const at = (name) => study.keypoints.indexOf(name);
    this.pairs = study.mirror_pairs.map(([a, b]) => rowsOf([at(a), at(b)]));
    this.guessed = study.guessed;
    this.gone = study.removed ?? { edges: [], mirror_pairs: [], colors: {} };
    this.revision = study.revision;
    this.before = JSON.stringify(this.body());
  }

  get isChanged() { return JSON.stringify(this.body()) !== this.before; }

  /** A new keypoint at the end; one of the same name that was removed, just now or long ago, comes back as it was. */
  add(name) {
    const back = this.removed.find((row) => row.was === name.trim());
    if (back) {
      this.removed = this.removed.filter((row) => row !== back);
      back.name = back.was;
      this.rows.push(back);
      return back;
    }
    const row = new Row(name.trim(), null, this.gone.colors[name.trim()] ?? null, 0);
    this.rows.push(row);
    this.edges.push(...this.#comingBack(this.gone.edges, row).filter(([one, other]) => !this.edges.some((pair) => isPair(pair, one, other))));
    const isFree = (pair) => !this.#shown(this.pairs).some((other) => other.some((end) => pair.includes(end)));
    if (!this.guessed) this.pairs.push(...this.#comingBack(this.gone.mirror_pairs, row).filter(isFree));
    return row;
  }

  /** Pairs of rows, from pairs of names as they were saved, of which `row` is one. */
  #comingBack(pairs, row) {
    const rowOf = (name) => (name === row.name ? row : this.rows.find((other) => (other.was ?? other.name) === name));
    return pairs.filter((pair) => pair.includes(row.name)).map((pair) => pair.map(rowOf)).filter((pair) => pair.every(Boolean));
  }

  remove(row) {
    this.rows = this.rows.filter((other) => other !== row);
    if (row.was !== null) this.removed.push(row);
  }

  rename(row, name) { row.name = name.trim(); }

  /** Put `row` at place `to` among the others. */
  move(row, to) {
    const others = this.rows.filter((other) => other !== row);
    others.splice(Math.max(0, Math.min(to, others.length)), 0, row);
    this.rows = others;
  }

  /** Draw a line between two keypoints, or no more. */
  toggleEdge(one, other) { this.edges = toggled(this.#shown(this.edges), one, other); }

  /** Make two keypoints the left and right of the animal, or no more; a keypoint has one twin at most. */
  togglePair(one, other) {
    this.guessed = false;
    const pairs = this.#shown(this.pairs);
    const isThere = pairs.some((pair) => isPair(pair, one, other));
    const free = pairs.filter((pair) => !pair.includes(one) && !pair.includes(other));
    this.pairs = isThere ? free : [...free, [one, other]];
  }

  /** Lines and pairs between keypoints that are still there, as indices. */
  edgeIndices() { return this.#indices(this.edges); }
  pairIndices() { return this.#indices(this.pairs); }

  /** What is wrong with the names, in words; "" when they will do. */
  problem() {
    if (this.rows.length === 0) return "At least one keypoint is needed.";
    for (const { name } of this.rows) {
      if (name === "") return "A keypoint has no name.";
      if (!NAME.test(name)) return `“${name}” cannot be a name: no commas, at most 100 characters.`;
      if (this.rows.filter((row) => row.name === name).length > 1) return `Two keypoints are called “${name}”.`;
    }
    return "";
  }

  /** What saving will do, one sentence each. */
  changes() {
    const said = [];
    for (const row of this.rows) {
      if (row.was === null) said.push(`“${row.name}” is new.`);
      else if (row.was !== row.name) said.push(`“${row.was}” becomes “${row.name}”.`);
    }
    for (const row of this.removed) said.push(`“${row.was}” goes${row.labeled ? `; its ${row.labeled} labels stay in the journal, and come back when you add it again` : ""}.`);
    const kept = this.rows.filter((row) => row.was !== null);
    const before = JSON.parse(this.before);
    const order = before.keypoints.map(({ was }) => was).filter((name) => kept.some((row) => row.was === name));
    if (kept.some((row, i) => row.was !== order[i])) said.push("The order changes.");
    const now = this.body();
    const told = ({ keypoints }) => keypoints.map(({ was, color }) => [was, color]).filter(([, color]) => color !== null).map(String).sort().join();
    if (this.#named(now.edges) !== this.#named(this.#renamed(before.edges))) said.push("Lines change.");
    if (this.#named(now.mirror_pairs ?? []) !== this.#named(this.#renamed(before.mirror_pairs ?? [])) && !this.guessed) said.push("Mirror pairs change.");
    if (told(now) !== told(before)) said.push("Colors change.");
    return said;
  }

  /** What the server is sent. */
  body() {
    const names = (pairs) => this.#shown(pairs).map((pair) => pair.map((row) => row.name));
    return {
      keypoints: this.rows.map(({ name, was, color }) => ({ name, was, color })),
      edges: names(this.edges),
      mirror_pairs: this.guessed ? null : names(this.pairs),
      revision: this.revision,
    };
  }

  #shown(pairs) { return pairs.filter((pair) => pair.every((row) => this.rows.includes(row))); }
  #indices(pairs) { return this.#shown(pairs).map((pair) => pair.map((row) => this.rows.indexOf(row))); }
  #renamed(pairs) {
    const now = new Map(this.rows.filter((row) => row.was !== null).map((row) => [row.was, row.name]));
    return pairs.filter((pair) => pair.every((name) => now.has(name))).map((pair) => pair.map((name) => now.get(name)));
  }
  #named(pairs) { return pairs.map((pair) => [...pair].sort().join("\n")).sort().join("\n\n"); }
}

function isPair(pair, one, other) { return pair.includes(one) && pair.includes(other) && one !== other; }

function toggled(pairs, one, other) {
  if (one === other) return pairs;
  const left = pairs.filter((pair) => !isPair(pair, one, other));
  return left.length < pairs.length ? left : [...pairs, [one, other]];
}
