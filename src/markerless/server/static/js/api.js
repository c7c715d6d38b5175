// Talking to the server. Every address is relative, so that the app also works below a proxy's prefix.

/** What went wrong, in the server's words; `status` 0 when it cannot be reached. */
export class ApiError extends Error {
  constructor(status, message, body = null) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

export const get = (path, options) => call("GET", path, undefined, options);
export const post = (path, body = {}, options) => call("POST", path, body, options);
export const put = (path, body = {}, options) => call("PUT", path, body, options);
export const del = (path, body, options) => call("DELETE", path, body, options);

/** The answer of `api/<path>` as it came, for pictures and binary data. */
export async function fetchRaw(path, { signal, method = "GET", body, keepalive = false } = {}) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const text = body === undefined ? undefined : JSON.stringify(body);
  let response;
  try {
    response = await fetch(`api/${path}`, { method, headers, body: text, signal, keepalive, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "the server cannot be reached; is 'markerless app' still running?");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** A path below `api/` of parts that may hold any character: `path("projects", key, "videos", name)`. */
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

/** `?a=1&b=2`, without what is undefined or null. */
export function query(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
}

async function call(method, path, body, options = {}) {
  const response = await fetchRaw(path, { ...options, method, body });
  return response.status === 204 ? null : response.json();
}

async function problemOf(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // a proxy's page, perhaps; the status has to do
  }
  const message = typeof body?.error === "string" ? body.error : `the server answered ${response.status}`;
  return new ApiError(response.status, message, body);
}
