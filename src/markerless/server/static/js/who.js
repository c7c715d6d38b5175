// Who labels: a name kept in this browser and sent with every change of a label.
import { ask } from "./dialogs.js";

const KEY = "markerless-who";

export const who = () => localStorage.getItem(KEY) ?? "";

/** Take the name that somebody gave elsewhere, when none is known yet: it is not asked for twice. */
export function setWho(name) {
  if (who() || !name) return;
  localStorage.setItem(KEY, name.slice(0, 60));
  document.dispatchEvent(new Event("who"));
}

/** The name, asked for the first time; "" when the user does not give one. */
export async function whoAsked(force = false) {
  if (who() && !force) return who();
  const name = await ask("Your name or initials; kept with every label you place", { title: "Who labels?", value: who() });
  if (name) localStorage.setItem(KEY, name.slice(0, 60));
  document.dispatchEvent(new Event("who"));
  return who();
}
