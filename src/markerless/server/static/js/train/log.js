// What a job printed, read when somebody wants to see it.
import { h, replace } from "../dom.js";
import { problem } from "../notices.js";

const MOST_CHARACTERS = 200_000;

/** `{node, draw(job)}`; text is fetched while the log is open. */
export function logPanel({ api, key }) {
  const text = h("pre", { class: "train-log mono small", tabindex: 0 });
  const command = h("code", { class: "small" });
  const node = h("details", { class: "card train-details", hidden: true }, h("summary", {}, "Log"), h("p", { class: "small soft" }, "The same in a terminal: ", command), text);
  let job = null;
  let next = 0;
  const read = async () => {
    if (!node.open || !job) return;
    const of = job.id;
    const news = await api.get(api.path("projects", key, "jobs", of, "log") + api.query({ since: next }));
    if (job?.id !== of || news.next === next) return;
    next = news.next;
    const isAtEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
    text.textContent = (text.textContent + news.text).slice(-MOST_CHARACTERS);
    if (isAtEnd) text.scrollTop = text.scrollHeight;
  };
  node.addEventListener("toggle", () => read().catch(problem));
  return {
    node,
    draw: (newest) => {
      if (newest?.id !== job?.id) {
        next = 0;
        text.textContent = "";
      }
      job = newest;
      node.hidden = !job;
      if (job) replace(command, job.command);
      read().catch(() => {}); // a poll that fails is told once, by the page
    },
  };
}
