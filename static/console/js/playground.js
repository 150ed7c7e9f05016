/* The playground: builds a request of /v1, sends it under the session, and shows the answer, the decision and the attempts as they come. */
import { cut, duration, el, icon } from "./dom.js";
import { markdown } from "./markdown.js";
import { attachments, takeAttachments } from "./attachments.js";
import { addExampleTool, bodyOf } from "./playrequest.js";
import { asPython, curl } from "./takeaway.js";
import { answered, token } from "./parts.js";
import { events } from "./sse.js";
import { waterfall } from "./waterfall.js";

const play = document.getElementById("play");
const options = document.getElementById("options");
const log = document.getElementById("log");
const field = document.getElementById("message");
const by = (id) => document.getElementById(id);
const MOST_FRAMES = 400;

const history = [];
let frames = [];
let under_way = null;
let shown = null;

/* ---------- the request ---------- */
function complain(text) {
  const error = by("options-error");
  error.hidden = !text;
  error.replaceChildren(...(text ? [icon("badc"), el("span", {}, text)] : []));
  if (text) options.closest("details").open = true;
}

function draft() {
  const text = field.value.trim();
  const parts = attachments();
  return { role: "user", content: parts.length ? [{ type: "text", text }, ...parts] : text };
}

function takeAway(body) {
  by("take-curl").textContent = curl(play.dataset.base, body);
  by("take-python").textContent = asPython(play.dataset.base, body);
}

/* ---------- the conversation ---------- */
function say(message, thumbs) {
  by("blank")?.remove();
  const text = typeof message.content === "string" ? message.content : message.content[0].text;
  log.append(el("div", { class: "msg user" }, el("span", { class: "who" }, el("b", {}, "You")), el("div", { class: "row at" }, ...thumbs, el("p", { class: "txt plain" }, text))));
}

function answering() {
  const who = el("span", { class: "who" });
  const text = el("div", { class: "txt plain" });
  const end = el("div", { class: "end" });
  const element = el("div", { class: "msg", "aria-busy": "true" }, who, text, end);
  text.append(el("span", { class: "cursor", "aria-hidden": "true" }));
  log.append(element);
  return { element, who, text, end, words: "", calls: [], request: null, usage: null, error: null, began: performance.now() };
}

function headline(answer) {
  const { request } = answer;
  const last = request?.hops.at(-1);
  if (!last) return;
  const lost = request.hops.slice(0, -1).filter((hop) => hop.outcome !== "success");
  const first = request.ttft_ms === null ? "" : ` · first token ${duration(request.ttft_ms)}`;
  answer.who.replaceChildren(el("b", { title: last.model }, cut(last.model)), " ", el("span", { class: "dim" }, `${last.provider}${first}`));
  if (lost.length) answer.who.append(" ", el("span", { class: "pill warn" }, icon("route"), `after ${lost.map((hop) => hop.provider).join(", ")} failed`));
}

function pill(tone, name, words) {
  by("state").replaceChildren(el("span", { class: `pill ${tone}` }, icon(name), words));
}

function attempts(answer) {
  const { request } = answer;
  if (!request) return;
  const running = request.state === "running";
  by("attempts").replaceChildren(request.hops.length ? waterfall(request, performance.now() - answer.began, true) : el("span", { class: "muted" }, "No upstream was asked."));
  by("attempt-count").textContent = request.hops.length ? `${request.hops.length} ${running ? "so far" : request.hops.length === 1 ? "attempt" : "attempts"}` : "";
}

function spend(answer) {
  const tokens = answer.usage ? `${answer.usage.total_tokens.toLocaleString("en-GB")} tokens${answer.usage.estimated ? " (estimated)" : ""} · ` : "";
  by("spent").textContent = `${tokens}${duration(performance.now() - answer.began)}`;
}

/* New words are followed, unless somebody has scrolled up. */
function follow(change) {
  const at_end = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  change();
  if (at_end) log.scrollTop = log.scrollHeight;
}

/* ---------- what comes ---------- */
function delta(answer, part) {
  const text = part?.content ?? "";
  for (const call of part?.tool_calls ?? []) {
    const known = (answer.calls[call.index ?? answer.calls.length] ??= { name: "", arguments: "" });
    known.name += call.function?.name ?? "";
    known.arguments += call.function?.arguments ?? "";
  }
  if (!text) return;
  answer.words += text;
  answer.text.insertBefore(document.createTextNode(text), answer.text.lastChild);
}

const HEARD = {
  decision(answer, data) {
    by("decision").innerHTML = data.html; // made and escaped by our own server
    answer.id = data.id;
  },
  request(answer, data) {
    answer.request = data;
    headline(answer);
    attempts(answer);
    if (data.state === "running") pill("ok", "pulse", data.ttft_ms === null ? "waiting" : "answering");
  },
  head(answer, data) {
    answer.retry_s = Number(data.headers["Retry-After"]) || null;
    by("take-headers").textContent = [`HTTP ${data.status}`, ...Object.entries(data.headers).map(([name, value]) => `${name}: ${value}`)].join("\n");
  },
  whole(answer, data) {
    answer.usage = data.usage;
    delta(answer, data.choices?.[0]?.message);
  },
  message(answer, data) {
    if (data.error) answer.error = data.error.message;
    if (data.usage) answer.usage = data.usage;
    for (const choice of data.choices ?? []) if (!choice.index) delta(answer, choice.delta);
  },
};

function hear(answer, { name, data }) {
  if (frames.length < MOST_FRAMES && name !== "decision") frames.push(name === "message" ? `data: ${data}` : `event: ${name}\ndata: ${data}`);
  if (data === "[DONE]") return;
  HEARD[name]?.(answer, JSON.parse(data));
}

function finish(answer, stopped) {
  answer.element.removeAttribute("aria-busy");
  answer.text.classList.remove("plain");
  answer.text.replaceChildren(markdown(answer.words));
  for (const call of answer.calls.filter(Boolean)) answer.text.append(el("code", { class: "toolcall" }, `${call.name}(${call.arguments})`));
  if (answer.error) {
    if (!answer.id) by("decision").replaceChildren(el("div", { class: "pad muted" }, "It was refused before anything was ranked."));
    answer.end.append(el("span", { class: "err" }, icon("badc"), el("span", {}, answer.error)));
    if (answer.retry_s) answer.end.append(el("div", { class: "gapt" }, waiter(answer.retry_s)));
  } else if (stopped) answer.end.append(el("span", { class: "muted row" }, icon("stop"), "Stopped. The call upstream was closed."));
  pill(...(answer.error ? ["bad", "badc", "failed"] : stopped ? ["", "stop", "stopped"] : ["ok", "check", "answered"]));
  if (answer.words || answer.calls.length) history.push({ role: "assistant", content: answer.words || "(a tool call)" });
  by("take-frames").textContent = frames.join("\n\n");
  spend(answer);
}

function waiter(seconds) {
  const button = el("button", { type: "button", class: "btn sm" }, icon("clock"), `Wait for it: ${Math.ceil(seconds)} s`);
  button.addEventListener("click", () => {
    button.disabled = true;
    setTimeout(() => under_way ?? run(), seconds * 1000);
  });
  return button;
}

/* ---------- doing it ---------- */
function busy(is_busy) {
  by("send").hidden = is_busy;
  by("stop").hidden = !is_busy;
}

const post = (url, body, signal) => answered(url, { method: "POST", body: JSON.stringify(body), signal, headers: { "Content-Type": "application/json", "X-CSRFToken": token() } });

async function run() {
  const body = complete(history);
  if (!body) return;
  frames = [];
  const mine = (under_way = new AbortController());
  const answer = (shown = answering());
  log.scrollTop = log.scrollHeight;
  by("decision").replaceChildren(el("div", { class: "pad muted" }, "Nothing is decided yet."));
  by("attempts").replaceChildren(el("span", { class: "muted" }, "None yet."));
  by("attempt-count").textContent = by("take-headers").textContent = "";
  pill("", "clock", "asking");
  busy(true);
  const ticking = setInterval(() => (attempts(answer), spend(answer)), 250);
  try {
    const came = await post(play.dataset.chat, body, mine.signal);
    for await (const event of events(came)) follow(() => hear(answer, event));
  } catch (error) {
    if (!mine.signal.aborted) answer.error = error.message;
  } finally {
    clearInterval(ticking);
    if (under_way === mine) under_way = null;
    if (answer === shown) {
      busy(false);
      attempts(answer);
      follow(() => finish(answer, mine.signal.aborted));
      field.focus({ preventScroll: true });
    }
  }
}

function send() {
  if (under_way || !(field.value.trim() || attachments().length)) return field.focus();
  const message = draft();
  const thumbs = takeAttachments();
  history.push(message);
  say(message, thumbs);
  field.value = "";
  run();
}

function complete(messages) {
  try {
    const body = bodyOf(messages);
    complain("");
    takeAway(body);
    return body;
  } catch (error) {
    complain(error.message);
    return null;
  }
}

async function explainOnly() {
  const is_typed = field.value.trim() || attachments().length;
  const body = complete(is_typed ? [...history, draft()] : history.length ? history : [{ role: "user", content: "Hello" }]);
  if (!body) return;
  try {
    const answer = await post(play.dataset.explain, body);
    by("decision").innerHTML = await answer.text(); // made and escaped by our own server
    pill(...(by("decision").querySelector("[data-refused]") ? ["bad", "badc", "refused"] : ["acc", "eye", "nothing was sent"]));
  } catch (error) {
    by("decision").replaceChildren(el("div", { class: "pad" }, el("span", { class: "err" }, icon("badc"), el("span", {}, error.message))));
    pill("bad", "badc", "refused");
  }
}

by("composer").addEventListener("submit", (event) => (event.preventDefault(), send()));
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    send();
  }
});
by("stop").addEventListener("click", () => under_way?.abort());
by("explain-only").addEventListener("click", explainOnly);
by("new-chat").addEventListener("click", () => location.assign(location.pathname));
options.addEventListener("submit", (event) => event.preventDefault());
options.elements.wants_schema.addEventListener("change", (event) => (by("schema-field").hidden = !event.target.checked));
by("add-tool").addEventListener("click", addExampleTool);
for (const button of document.querySelectorAll("[data-try]")) button.addEventListener("click", () => ((field.value = button.dataset.try), send()));

const hints = new Map([...by("models").options].map((option) => [option.value, option.textContent]));
const hint = () => (by("model-hint").textContent = hints.get(options.elements.model.value.trim()) ?? "a name of your own");
options.elements.model.addEventListener("input", hint);
hint();
if (matchMedia("(max-width: 1280px)").matches) options.closest("details").open = false;
takeAway(bodyOf([{ role: "user", content: "Hello!" }]));
for (const button of document.querySelectorAll("[data-wakes]")) button.disabled = false; // before, a click would have gone nowhere
