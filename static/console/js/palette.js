/* Ctrl K: search and jump. The server finds and escapes; this only asks, and moves along the answer. */
import { part } from "./parts.js";

const palette = document.getElementById("palette");
const found = document.getElementById("found");
const field = palette?.querySelector("input");
const WAIT_MS = 120;
let waiting = 0;
let asked = 0;

async function ask() {
  const mine = ++asked;
  const html = await part(`${field.form.action}?part=1&q=${encodeURIComponent(field.value)}`).catch((error) => error);
  if (mine !== asked) return;
  if (html instanceof Error) found.textContent = html.message;
  else found.innerHTML = html;
  choose(found.querySelector("a"));
}

function choose(link) {
  for (const other of found.querySelectorAll("a[aria-selected]")) other.removeAttribute("aria-selected");
  if (!link) return field.removeAttribute("aria-activedescendant");
  link.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", link.id);
  link.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const links = [...found.querySelectorAll("a")];
  if (!links.length) return;
  const at = links.findIndex((link) => link.hasAttribute("aria-selected"));
  choose(links[(at + step + links.length) % links.length]);
}

function open() {
  if (palette.open) return;
  palette.showModal();
  field.select();
  ask();
}

if (palette) {
  document.querySelector('[data-opens="palette"]').addEventListener("click", (event) => {
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, WAIT_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    }
  });
  field.form.addEventListener("submit", (event) => {
    const chosen = found.querySelector("a[aria-selected]");
    if (chosen) {
      event.preventDefault();
      chosen.click();
    }
  });
  palette.addEventListener("click", (event) => {
    if (event.target === palette) palette.close();
  });
}
