/* Buttons that copy: `data-copies="id"` the text of an element, in which `data-masked` parts stand for a secret that is shown once. */

const SAID_MS = 2000;

function wholeText(element) {
  const copy = element.cloneNode(true);
  for (const masked of copy.querySelectorAll("[data-masked]")) masked.textContent = document.getElementById(masked.dataset.masked).textContent;
  for (const hint of copy.querySelectorAll("[data-hint]")) hint.remove();
  return copy.textContent.trim();
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea"); // plain http, other than localhost, has no clipboard
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  await copy(wholeText(document.getElementById(button.dataset.copies)));
  const label = button.querySelector("[data-label]");
  const before = label.textContent;
  label.textContent = "Copied";
  button.dispatchEvent(new CustomEvent("copied", { bubbles: true }));
  setTimeout(() => (label.textContent = before), SAID_MS);
});

/* A secret that is shown once: who leaves without having copied or saved it is asked by the browser. */
const guarded = document.querySelector("[data-guarded]");
if (guarded) {
  let kept = false;
  const keep = () => (kept = true);
  guarded.addEventListener("copied", keep);
  guarded.addEventListener("copy", keep);
  guarded.addEventListener("click", (event) => event.target.closest("[data-saves], [data-saved]") && keep());
  window.addEventListener("beforeunload", (event) => kept || event.preventDefault());
}
