/* The probe of a custom provider, call by call: the list of models first, then each test of the first few that are ticked, one request each,
   so that every call is seen when it ends. What a call proves is ticked; all of it stays the reader's to change. Without this module the
   button does the same in one answer. */
import { part } from "./parts.js";

const MOST_MODELS = 3;
const form = document.querySelector("[data-probes-server]");
const byId = (id) => document.getElementById(id);

async function ask(fields) {
  const body = new FormData(form);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return part(form.action, { method: "POST", body });
}

function note(row, test, isProven) {
  const box = row.querySelector(`input[value="${test}"]`);
  const cell = row.querySelector(`[data-shows-proof="${test}"]`);
  if (box) box.checked = isProven;
  if (cell) {
    cell.textContent = isProven ? "yes" : "no";
    cell.className = isProven ? "cv ok" : "cv dim";
  }
}

async function prove(row, test, sums) {
  byId("calls").insertAdjacentHTML("beforeend", await ask({ act: "test", model: row.dataset.model, test }));
  const call = byId("calls").lastElementChild;
  const isProven = call.dataset.proven === "yes";
  sums.calls += 1;
  sums.tokens += Number(call.dataset.tokens);
  note(row, test, isProven);
  return isProven;
}

async function probe() {
  const state = byId("probe-state");
  const sums = { calls: 0, tokens: 0 };
  byId("probed").innerHTML = await ask({ act: "list" });
  byId("calls").replaceChildren();
  const rows = [...byId("probed").querySelectorAll("[data-model]")].filter((row) => row.querySelector("[name^=use-]").checked && row.querySelector("[name^=can-]"));
  byId("calls-card").hidden = rows.length === 0;
  for (const row of rows.slice(0, MOST_MODELS)) {
    state.textContent = `asking ${row.dataset.model} …`;
    for (const test of form.dataset.probesServer.split(" ")) {
      if (!(await prove(row, test, sums)) && test === "answers") break; // what does not answer is asked nothing else
    }
  }
  state.textContent = `${sums.calls} calls, ${sums.tokens.toLocaleString("en")} tokens spent`;
}

form?.addEventListener("submit", async (event) => {
  if (event.submitter?.dataset.probes === undefined) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true" || !form.elements.base_url.reportValidity()) return;
  form.setAttribute("aria-busy", "true");
  event.submitter.disabled = true;
  try {
    await probe();
  } catch (error) {
    byId("probe-state").textContent = error.message;
    byId("calls-card").hidden = false;
  } finally {
    form.removeAttribute("aria-busy");
    event.submitter.disabled = false;
  }
});
