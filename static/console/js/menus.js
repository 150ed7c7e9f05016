/* The sidebar on phones, menus that close, the theme switch, and the keys that act everywhere: Esc, / and Ctrl K. */

const root = document.documentElement;
const side = document.getElementById("side");
const burger = document.querySelector("[data-opens-menu]");

export const inField = (target) => target.closest?.("input, textarea, select, [contenteditable]") !== null;

function show(open) {
  if (!side || !burger) return;
  side.classList.toggle("open", open);
  burger.setAttribute("aria-expanded", String(open));
  (open ? side.querySelector("a") : burger).focus();
}

burger?.addEventListener("click", () => show(!side.classList.contains("open")));

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (side?.classList.contains("open") && !side.contains(event.target) && !burger.contains(event.target)) show(false);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (side?.classList.contains("open")) show(false);
  }
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !inField(event.target) && !("noSingleKeys" in root.dataset)) {
    const filter = document.querySelector("[data-filter]");
    if (filter) {
      event.preventDefault();
      filter.focus();
      filter.select?.();
    }
  }
});

/* The theme changes at once; the profile remembers it behind that. */
const NEXT = { system: "light", light: "dark", dark: "system" };
document.querySelector("[data-theme-switch]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.elements.theme;
  const chosen = button.value;
  fetch(form.action, { method: "POST", body: new FormData(form, button), redirect: "manual" });
  root.classList.remove("light", "dark");
  if (chosen !== "system") root.classList.add(chosen);
  button.value = NEXT[chosen];
  button.setAttribute("aria-label", `Theme: ${chosen === "system" ? "as the system" : chosen}`);
});
