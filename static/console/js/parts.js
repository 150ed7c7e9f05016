/* Parts of pages, asked of the server under the session. What did not come is told above the page, in words, until something comes again: who
   is signed out, or looks at a server that is gone, must not take what stands there for the present. Forms that have stood for a while are
   sent only where somebody takes them, so that nothing that was typed is lost. */
import { el, icon } from "./dom.js";

const MOST_MS = 60_000;
const FRESH_MS = 30_000;
const NO_SERVER = "The server does not answer.";
const SIGNED_OUT = "You are signed out.";
const AGAIN_MS = 5000;
const place = document.getElementById("lost");
const here = place?.dataset.here;
let heardAt = performance.now();

/* Its message is a sentence for people. */
export class NoPart extends Error {}

function tell(words, ...more) {
  if (!place || place.dataset.words === words) return;
  place.dataset.words = words;
  place.hidden = false;
  place.replaceChildren(el("span", {}, icon("alert")), el("p", {}, el("b", {}, words), " What stands here is from before; nothing that you typed is lost.", ...more));
}

const signIn = () => [" ", el("a", { href: place?.dataset.signIn ?? "/", target: "_blank" }, "Sign in in another tab"), ", then go on here."];

function heard() {
  heardAt = performance.now();
  if (!place || place.hidden) return;
  place.hidden = true;
  delete place.dataset.words;
  place.replaceChildren();
}

function fail(words, ...more) {
  tell(words, ...more);
  throw new NoPart(words);
}

/* The token of now: that of a page is no good any more once its user has signed in anew. */
export function token() {
  const found = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return found?.slice("csrftoken=".length) || document.querySelector("[name=csrfmiddlewaretoken]")?.value || "";
}

/* The answer to a fetch. Raises NoPart, or what `options.signal` was aborted with. */
export async function answered(url, options = {}) {
  const signal = options.signal ?? AbortSignal.timeout(MOST_MS);
  let answer;
  try {
    answer = await fetch(url, { ...options, signal, headers: { ...options.headers, "X-Part": "1" } });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    return fail(NO_SERVER);
  }
  if (answer.status === 401 || (answer.redirected && new URL(answer.url).pathname.endsWith("/login/"))) return fail(SIGNED_OUT, ...signIn());
  if (answer.status === 503) {
    const said = await answer.json().catch(() => null);
    return fail(said?.detail ?? said?.error?.message ?? "The server is not ready.");
  }
  heard();
  if (answer.ok && !answer.redirected) return answer;
  const said = await answer.json().catch(() => null);
  throw new NoPart(said?.error?.message ?? said?.detail ?? `The server answered ${answer.status}. Reload the page.`);
}

/* The part as HTML, made and escaped by our own server. Raises NoPart. */
export async function part(url, options = {}) {
  return (await answered(url, options)).text();
}

const isOld = () => here && performance.now() - heardAt > FRESH_MS;

const look = () => document.visibilityState === "visible" && answered(here).catch(() => {});

document.addEventListener("visibilitychange", () => isOld() && look());
setInterval(() => place && !place.hidden && look(), AGAIN_MS);

document.addEventListener(
  "submit",
  (event) => {
    const field = event.target.elements.csrfmiddlewaretoken;
    if (field) field.value = token();
  },
  true,
);

window.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.method !== "post" || !isOld()) return;
  event.preventDefault();
  try {
    await answered(here);
    heardAt = performance.now();
    form.requestSubmit(submitter);
  } catch (error) {
    if (!(error instanceof NoPart)) throw error;
    place?.scrollIntoView({ block: "nearest" });
  }
});
