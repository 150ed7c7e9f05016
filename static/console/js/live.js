/* Parts marked `data-live="url"` are fetched anew every 5 s while the page is seen. A failed refresh keeps what is there and says of when it
   is. Forms marked `data-inline="id"` answer into the element of that id instead of leaving the page. */
import { part } from "./parts.js";
import { printTimes } from "./times.js";

const EVERY_MS = 5000;
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

function put(element, html) {
  const said = [...element.querySelectorAll("[role=status][id]")].map((status) => [status.id, status.innerHTML]);
  element.innerHTML = html;
  for (const [id, words] of said) {
    const status = document.getElementById(id);
    if (status && words) status.innerHTML = words; // what a test in this row said stays beside it
  }
  element.dataset.asOf = clock.format(new Date());
  printTimes(element);
}

function isBusy(element) {
  return element.querySelector("details[open], :focus-visible, [aria-busy=true]") !== null;
}

async function refresh(element) {
  if (isBusy(element)) return;
  try {
    const html = await part(element.dataset.live);
    if (!isBusy(element)) put(element, html);
    delete element.dataset.stale;
  } catch {
    element.dataset.stale = `as of ${element.dataset.asOf ?? "when this page was opened"}`;
  }
}

setInterval(() => {
  if (document.visibilityState === "visible") document.querySelectorAll("[data-live]").forEach(refresh);
}, EVERY_MS);

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const target = form.dataset.inline && document.getElementById(form.dataset.inline);
  if (!target || event.defaultPrevented || event.submitter?.dataset.leaves !== undefined) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  try {
    put(target, await part(form.action, { method: "POST", body: new FormData(form, event.submitter) }));
    form.dispatchEvent(new CustomEvent("inlined", { bubbles: true }));
  } catch (error) {
    target.textContent = error.message;
  } finally {
    form.removeAttribute("aria-busy");
  }
});
