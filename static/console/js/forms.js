/* Small help with forms: show a password, open and close dialogs, ask once, filter a list while typing. */
import { typed } from "./dom.js";

document.addEventListener("click", (event) => {
  const eye = event.target.closest("[data-shows]");
  if (eye) {
    const field = document.getElementById(eye.dataset.shows);
    field.type = field.type === "password" ? "text" : "password";
    eye.setAttribute("aria-pressed", String(field.type === "text"));
  }
  const opener = event.target.closest("[data-opens-dialog]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.opensDialog).showModal();
  }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
});

for (const field of document.querySelectorAll("[data-finds]")) {
  typed(field, () => {
    const wanted = field.value.trim().toLowerCase();
    for (const item of document.querySelectorAll(field.dataset.finds)) item.hidden = !item.dataset.words.toLowerCase().includes(wanted);
  });
}

for (const control of document.querySelectorAll("[data-submits]")) {
  control.addEventListener("change", () => control.form.requestSubmit());
}

document.addEventListener("click", (event) => {
  const all = event.target.closest("[data-clicks]");
  if (all) for (const button of document.querySelectorAll(all.dataset.clicks)) button.click();
});

/* A key that looks like another provider's is said to, before anything is sent. */
const known = document.getElementById("key-prefixes");
const keyField = known && document.querySelector("#key-form [name=key]");

function tellShape() {
  const prefixes = Object.entries(JSON.parse(known.textContent));
  const here = new URLSearchParams(location.search).get("provider");
  const key = keyField.value.trim();
  const fits = (ours) => ours.some((prefix) => key.startsWith(prefix));
  const owner = prefixes.find(([name, ours]) => name !== here && fits(ours));
  const own = prefixes.find(([name]) => name === here)?.[1] ?? [];
  const hint = document.querySelector("[data-shape]");
  hint.className = "";
  hint.textContent = "";
  if (!key) return;
  if (fits(own)) {
    hint.className = "ok";
    hint.textContent = `Looks right (${own.find((prefix) => key.startsWith(prefix))}…, ${key.length} characters).`;
  } else if (owner) {
    hint.className = "warn";
    const link = document.createElement("a");
    link.href = `?provider=${encodeURIComponent(owner[0])}`;
    link.textContent = `This looks like a key of ${owner[0]}. Add it there?`;
    hint.append(link);
  }
}

if (keyField) typed(keyField, tellShape);

/* What is wrong with a field is told to who cannot see that it is red. */
for (const error of document.querySelectorAll(".field .err[id]")) {
  const control = document.getElementById(error.id.replace(/_error$/, ""));
  control?.setAttribute("aria-invalid", "true");
  control?.setAttribute("aria-describedby", [control.getAttribute("aria-describedby"), error.id].filter(Boolean).join(" "));
}

/* A key that was tested is at the third step, whichever way the answer came. */
document.getElementById("key-form")?.addEventListener("inlined", () => {
  if (!document.querySelector("#tested .pill")) return;
  const [, key, save] = document.querySelectorAll(".steps > li");
  key.removeAttribute("aria-current");
  key.classList.add("done");
  save.setAttribute("aria-current", "step");
});
