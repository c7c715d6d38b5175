// Addresses of pages: "#/" is the start page, "#/KEY/label?video=m4s1" a page of a project.

const NAME = /^[a-z]+$/;

/** The key, page and parameters of an address; the project page when only a key is given. */
export function parseAddress(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [key = "", name = ""] = path.split("/").map(decodeURIComponent);
  const params = Object.fromEntries(new URLSearchParams(search));
  return { key, name: key ? (NAME.test(name) ? name : "project") : "home", params };
}

/** The inverse of `parseAddress`. */
export function addressOf(key, name, params = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = kept.length ? `?${new URLSearchParams(kept)}` : "";
  return key ? `#/${encodeURIComponent(key)}/${name}${search}` : "#/";
}
