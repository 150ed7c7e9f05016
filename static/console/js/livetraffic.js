/* Live traffic: requests from a socket, a row each, changed in place while it runs. */
import { cut, el, icon, typed } from "./dom.js";
import { inField } from "./menus.js";
import { connect } from "./livesocket.js";
import { rowOf, update } from "./liverow.js";
import { matcher } from "./livefilter.js";
import { detailOf } from "./livedetail.js";
import { printTimes } from "./times.js";

const MOST = 500;
const RATE_S = 10;
const root = document.documentElement;
const card = document.getElementById("live");
const rows = document.getElementById("rows");
const state = document.getElementById("live-state");
const dot = document.getElementById("live-dot");
const held = document.getElementById("held");
const filter = document.getElementById("filter");
const pause = document.getElementById("pause");

const shown = new Map(); // id -> {request, row, detail}
const buffer = new Map(); // what came while the page held still
const processes = new Map();
let arrivals = [];
let rest = 0;
let matches = () => true;
let missed = null;

const is_paused = () => pause.getAttribute("aria-pressed") === "true";
const is_still = () => is_paused() || card.getBoundingClientRect().top < -40 || [...shown.values()].some((one) => one.detail);

function put(request) {
  const known = shown.get(request.id);
  if (known) {
    known.request = request;
    update(known.row, request);
    known.row.hidden = !matches(request);
    if (known.detail) redraw(known);
    return;
  }
  const row = rowOf(request);
  const one = { request, row, detail: null };
  row.hidden = !matches(request);
  row.querySelector(".lnk").addEventListener("click", () => toggle(one));
  shown.set(request.id, one);
  rows.prepend(row);
  if (shown.size > MOST) {
    const oldest = shown.values().next().value;
    shown.delete(oldest.request.id);
    oldest.detail?.remove();
    oldest.row.remove();
  }
}

function redraw(one) {
  const detail = detailOf(one.request, card.dataset);
  one.detail.replaceChildren(detail);
}

function toggle(one) {
  const opens = !one.detail;
  for (const other of shown.values()) if (other.detail) close(other);
  if (!opens) return release();
  one.detail = el("tr", { class: "exp" });
  one.row.after(one.detail);
  one.row.classList.add("sel");
  one.row.querySelector(".lnk").setAttribute("aria-expanded", "true");
  redraw(one);
}

function close(one) {
  one.detail.remove();
  one.detail = null;
  one.row.classList.remove("sel");
  one.row.querySelector(".lnk").setAttribute("aria-expanded", "false");
}

function take(request) {
  if (is_still() && !shown.has(request.id)) {
    buffer.set(request.id, request);
    if (buffer.size > MOST) buffer.delete(buffer.keys().next().value);
  } else put(request);
}

function release() {
  if (is_paused()) return say();
  for (const request of buffer.values()) put(request);
  buffer.clear();
  say();
}

function say() {
  const left_out = rest ? ` ${rest.toLocaleString("en-GB")} more came too fast to be shown.` : "";
  held.hidden = !buffer.size && !rest && !missed;
  held.replaceChildren(icon("info"), el("span", {}, `${buffer.size ? `${buffer.size} new request${buffer.size === 1 ? "" : "s"}: show them.` : ""}${left_out}${missed ? ` What came between ${missed} is in the usage events.` : ""}`));
  document.getElementById("nothing").hidden = shown.size > 0;
  const empty = shown.size > 0 && [...shown.values()].every((one) => one.row.hidden);
  rows.dataset.empty = empty ? "No request matches the filter." : "";
}

function rate(now = Date.now()) {
  arrivals = arrivals.filter((at) => now - at < RATE_S * 1000);
  for (const [name, at] of processes) if (now - at > RATE_S * 1000) processes.delete(name);
  const many = processes.size;
  const reports = many ? ` · ${many} process${many === 1 ? " reports" : "es report"}` : "";
  return `${is_paused() ? "Paused" : "Connected"} · ${(arrivals.length / RATE_S).toFixed(1)} requests a second${reports}`;
}

const link = connect(card.dataset.socket, {
  told(message) {
    processes.set(message.from, Date.now());
    rest += message.rest;
    for (const request of message.requests) {
      if (!shown.has(request.id) && !buffer.has(request.id)) arrivals.push(Date.now());
      take(request);
    }
    printTimes(rows);
    say();
  },
  opened() {
    dot.className = "dot live";
    state.textContent = rate();
    if (link?.since) missed = `${new Date(link.since).toLocaleTimeString("en-GB")} and ${new Date().toLocaleTimeString("en-GB")}`;
    say();
  },
  lost(words) {
    dot.className = "dot bad";
    state.textContent = words;
  },
});

function search() {
  const chips = [...document.querySelectorAll("[data-chip][aria-pressed=true]")].map((chip) => chip.dataset.chip);
  matches = matcher(filter.value, chips);
  for (const one of shown.values()) {
    one.row.hidden = !matches(one.request);
    if (one.detail && one.row.hidden) close(one);
  }
  say();
}

function switchPause() {
  const paused = !is_paused();
  pause.setAttribute("aria-pressed", String(paused));
  pause.querySelector("[data-label]").textContent = paused ? "Go on" : "Pause";
  pause.querySelector("use").setAttribute("href", paused ? "#i-play" : "#i-pause");
  if (!paused) release();
  state.textContent = rate();
}

typed(filter, search);
for (const chip of document.querySelectorAll("[data-chip]")) {
  chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    search();
  });
}
pause.addEventListener("click", switchPause);
held.addEventListener("click", () => {
  rest = 0;
  missed = null;
  for (const one of shown.values()) if (one.detail) close(one);
  if (is_paused()) switchPause();
  scrollTo({ top: 0 });
  for (const request of buffer.values()) put(request);
  buffer.clear();
  say();
});
document.getElementById("clear").addEventListener("click", () => {
  shown.clear();
  buffer.clear();
  rest = 0;
  missed = null;
  rows.replaceChildren();
  say();
});
document.addEventListener("keydown", (event) => {
  const on_control = event.target.closest?.("button, a, summary, [tabindex]:not([tabindex='-1'])");
  if (event.key === " " && !on_control && !inField(event.target) && !("noSingleKeys" in root.dataset)) {
    event.preventDefault();
    switchPause();
  }
  if (event.key === "Escape") for (const one of shown.values()) if (one.detail) close(one), one.row.querySelector(".lnk").focus(), release();
});
setInterval(() => {
  if (link.is_open) state.textContent = rate();
  if (buffer.size && !is_still()) release();
  for (const one of shown.values()) if (one.request.state === "running") update(one.row, one.request);
}, 1000);
document.title = cut(document.title);
say();
