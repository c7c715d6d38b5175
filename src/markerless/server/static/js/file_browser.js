// Choosing files and folders on the server's disk, which may be another machine than the one with this page.
import * as api from "./api.js";
import { dialog } from "./dialogs.js";
import { h, replace } from "./dom.js";

/** Paths of the chosen videos; empty when the user chooses none. */
export async function chooseVideos() {
  const chosen = new Map();
  const view = browser((listing, name) => [listing.path, name].join("/"), chosen, "videos");
  await view.open("");
  const answer = await dialog({ title: "Choose videos", body: [view.node], action: "Take them" });
  return answer ? [...chosen.keys()] : [];
}

/** Path of one file: a "video" or a "result" (netCDF); null when the user chooses none. */
export async function chooseFile(kind, title) {
  const chosen = new Map();
  const view = browser((listing, name) => [listing.path, name].join("/"), chosen, kind);
  await view.open("");
  const answer = await dialog({ title, body: [view.node], action: "Take it" });
  return answer ? ([...chosen.keys()][0] ?? null) : null;
}

/** Path of a project, or of a folder when `kind` is "folders"; null when the user chooses none. */
export async function chooseFolder(kind = "projects") {
  const chosen = new Map();
  const view = browser((listing, name) => [listing.path, name].join("/"), chosen, kind);
  await view.open("");
  const answer = await dialog({ title: kind === "projects" ? "Open a project" : "Choose a folder", body: [view.node], action: kind === "projects" ? "Open" : "Use this folder" });
  if (!answer) return null;
  return [...chosen.keys()][0] ?? (kind === "folders" ? view.path : null);
}

function browser(pathOf, chosen, kind) {
  const node = h("div", { class: "files" });
  const view = { node, path: "", open };
  async function open(path) {
    let listing;
    try {
      listing = await api.get(`browse${api.query({ path })}`);
    } catch (error) {
      replace(node, h("p", { class: "problem" }, error.message));
      return;
    }
    view.path = listing.path;
    const up = listing.parent && row("↑", "..", () => open(listing.parent));
    const folders = listing.folders.map((name) => row("▸", name, () => open(pathOf(listing, name))));
    const projects = listing.projects.map((name) => (kind === "projects" ? choice(listing, name) : row("▸", name, () => open(pathOf(listing, name)))));
    const names = kind.startsWith("video") ? listing.videos : kind === "result" ? listing.results : null;
    const files = (names ?? []).map((name) => choice(listing, name));
    const rows = [up, ...projects, ...folders, ...files].filter(Boolean);
    const empty = names?.length === 0 && h("p", { class: "soft small" }, `No ${kind === "result" ? "results" : "videos"} in this folder.`);
    const more = listing.more > 0 && h("p", { class: "soft small" }, `${listing.more} more are not shown.`);
    replace(node, h("p", { class: "mono small files-path" }, listing.path), h("div", { class: "files-list" }, rows), empty, more);
  }
  function choice(listing, name) {
    const path = pathOf(listing, name);
    const input = h("input", { type: kind === "videos" ? "checkbox" : "radio", name: "file", checked: chosen.has(path), onchange: () => { if (kind !== "videos") chosen.clear(); if (input.checked) chosen.set(path, true); else chosen.delete(path); } });
    return h("label", { class: "file" }, input, name);
  }
  return view;
}

function row(sign, name, run) {
  return h("button", { class: "file", type: "button", onclick: run }, h("span", { class: "soft" }, sign), name);
}
