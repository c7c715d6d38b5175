// Answers that take seconds: the server works them out while the page asks how far it is.

const FIRST_MS = 60;
const LONGEST_MS = 700;

/**
 * The answer of `ask()`, which gives `{state, done, total, value}`, once it is done.
 * `told({done, total})` hears how far it is; `signal` ends the asking, and the promise is then rejected with AbortError.
 */
export async function untilDone(ask, { told = () => {}, signal = null, wait = waited } = {}) {
  for (let pause = FIRST_MS; ; pause = Math.min(LONGEST_MS, pause * 1.5)) {
    const answer = await ask();
    if (signal?.aborted) throw new DOMException("nobody waits any more", "AbortError");
    if (answer.state === "done") return answer.value;
    told(answer);
    await wait(pause);
    if (signal?.aborted) throw new DOMException("nobody waits any more", "AbortError");
  }
}

function waited(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
