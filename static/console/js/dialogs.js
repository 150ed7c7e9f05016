/* Links marked `data-dialog` lead to a page that asks; here it opens above the one that is there. Focus goes in, and comes back. */
import { part } from "./parts.js";
import { printTimes } from "./times.js";

let dialog;

function made() {
  const element = document.createElement("dialog");
  element.className = "dialog small";
  document.body.append(element);
  element.addEventListener("click", (event) => {
    if (event.target === element || event.target.closest("[data-closes]")) {
      event.preventDefault();
      element.close();
    }
  });
  return element;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const html = await part(link.href).catch(() => null);
  if (html === null) return location.assign(link.href);
  dialog ??= made();
  dialog.innerHTML = html;
  printTimes(dialog);
  dialog.setAttribute("aria-label", dialog.querySelector("h2")?.textContent ?? "");
  if (!dialog.open) dialog.showModal();
});
