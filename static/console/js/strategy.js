/* The strategy editor: what the server says of the clauses comes while somebody types; colours, and names completed by Ctrl Space. The form
   works the same without it. */
import { coloured } from "./expressions.js";
import { completing } from "./completing.js";
import { part } from "./parts.js";

const WAIT_MS = 300;
const form = document.getElementById("strategy");
let waiting = 0;
let asked = 0;
let dirty = false;

function decorate(area) {
  if (area.parentElement.classList.contains("hlbox")) return;
  const box = document.createElement("div");
  box.className = "hlbox";
  const shown = document.createElement("div");
  shown.className = "hl";
  shown.setAttribute("aria-hidden", "true");
  area.before(box);
  box.append(shown, area);
  area.draw = () => shown.replaceChildren(...coloured(area.value), "\u200b");
  area.draw();
  completing(area, box);
}

const decorateAll = () => form.querySelectorAll("textarea.expr").forEach(decorate);

function put(html) {
  const answer = document.createElement("template");
  answer.innerHTML = html; // made and escaped by our own server
  for (const part of answer.content.querySelectorAll("[data-for]")) {
    const place = document.getElementById(part.dataset.for);
    if (!place || place.innerHTML === part.innerHTML) continue;
    const open = [...place.querySelectorAll("details")].map((one) => one.open);
    place.replaceChildren(...part.childNodes);
    [...place.querySelectorAll("details")].forEach((one, at) => (one.open = open[at] ?? one.open));
  }
  for (const note of answer.content.querySelectorAll('[data-for^="note-"]')) {
    const area = document.getElementById(note.dataset.for.replace("note-", "when-"));
    if (area) note.hasAttribute("data-bad") ? area.setAttribute("aria-invalid", "true") : area.removeAttribute("aria-invalid");
  }
  const json = document.getElementById("json");
  if (document.activeElement !== json) json.value = answer.content.querySelector("[data-json]").textContent;
  decorateAll();
  return answer.content.querySelector("[data-json-error]").textContent;
}

async function ask(act) {
  const mine = ++asked;
  const data = new FormData(form);
  data.set("act", act);
  try {
    const html = await part(form.action || location.href, { method: "POST", body: data });
    return mine === asked ? put(html) : null;
  } catch (error) {
    document.getElementById("strategy-preview").dataset.stale = `${error.message} This is from before.`;
    return null;
  }
}

function soon() {
  dirty = true;
  clearTimeout(waiting);
  waiting = setTimeout(() => ask("preview"), WAIT_MS);
}

form.addEventListener("input", (event) => {
  event.target.draw?.();
  if (event.target.id !== "json") soon();
});

document.addEventListener("submit", async (event) => {
  if (event.target !== form) return;
  const act = event.submitter?.value ?? "preview";
  if (act === "save") return void (dirty = false);
  if (act === "json") return; // a mistake in it is told on the whole page
  event.preventDefault();
  const [what, section] = act.split(":");
  await ask(act);
  if (what === "add") [...form.querySelectorAll(`[name=${section}_when]`)].at(-1)?.focus();
  else if (what === "use") document.getElementById(`when-${section[0]}${act.split(":")[2]}`)?.focus();
  if (what !== "preview") dirty = true;
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    document.querySelector("[data-save]:not([disabled])")?.click();
  }
});

window.addEventListener("beforeunload", (event) => dirty && event.preventDefault());
form.addEventListener("submit", (event) => event.submitter?.value === "json" && (dirty = false));
decorateAll();
const changed = (field) => field.id !== "json" && field.defaultValue !== undefined && field.value !== field.defaultValue;
if ([...form.elements].some(changed)) soon(); // typed before this script was there, or put back by the browser
