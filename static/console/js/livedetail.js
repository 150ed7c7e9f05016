/* An opened request: its facts, its attempts on a time axis and in words, and where there is more of it. */
import { count, cut, duration, el, icon } from "./dom.js";
import { waterfall } from "./waterfall.js";

const KEYS = [["w", "reserve, connect"], ["b", "waiting for the first token"], ["", "streaming"], ["r", "failed"]];
const tag = (text) => el("span", { class: "tag" }, text);
const decisions = new Map(); // what the server said of a request, by id
const asked = new Set();
const MOST_KEPT = 50;
const AGAIN_MS = 1500;

function words(hop) {
  if (hop.outcome === "running") return hop.ttfb_ms === null ? "Waiting for its first words." : "Streaming.";
  if (hop.outcome === "success") return hop.ttfb_ms === null ? "Answered in one piece." : "Streamed.";
  return hop.kind ? `${hop.kind.replaceAll("_", " ")}.` : `${hop.outcome}.`;
}

function attempts(request) {
  const body = el("tbody");
  request.hops.forEach((hop, at) => {
    const tone = hop.outcome === "success" ? "ok" : hop.kind === "rate_limited" ? "warn" : hop.outcome === "error" ? "bad" : "dim";
    const cells = [
      ["#", "", String(at + 1)],
      ["Attempt", "clip", el("span", { title: `${hop.provider}/${hop.model}` }, el("b", {}, cut(hop.provider, 40)), ` / ${cut(hop.model)}`)],
      ["Ended as", "nw", el("span", { class: tone }, `${hop.kind || hop.outcome}${hop.status ? ` · ${hop.status}` : ""}`)],
      ["What happened", "", words(hop)],
      ["First token", "r", duration(hop.ttfb_ms)],
      ["Took", "r", duration(hop.latency_ms)],
    ];
    body.append(el("tr", { role: "row" }, ...cells.map(([label, classes, content]) => el("td", { role: "cell", class: classes, "data-l": label }, el("div", { class: "cv" }, content)))));
  });
  const heads = [["#", ""], ["Attempt", ""], ["Ended as", ""], ["What happened", ""], ["First token", "r"], ["Took", "r"]];
  return el("div", { class: "tw", tabindex: "0", role: "region", "aria-label": "Attempts" }, el("table", { class: "cards inner", role: "table" }, el("thead", {}, el("tr", {}, ...heads.map(([head, classes]) => el("th", { scope: "col", class: classes }, head)))), body));
}

/* It is written a moment after the request, so it is asked for a few times. */
async function fetchDecision(url, id, tries = 3) {
  const answer = await fetch(url, { headers: { "X-Part": "1" } }).catch(() => null);
  if (answer?.status === 200 && !answer.redirected) {
    if (decisions.size >= MOST_KEPT) decisions.delete(decisions.keys().next().value);
    decisions.set(id, await answer.text());
  } else if (tries > 1) setTimeout(() => fetchDecision(url, id, tries - 1), AGAIN_MS);
  else decisions.set(id, "");
  for (const place of document.querySelectorAll(`[data-decided="${id}"]`)) place.innerHTML = decisions.get(id) ?? ""; // made and escaped by our own server
}

function decision(request, data) {
  const place = el("div", { class: "decided", "data-decided": request.id, "aria-live": "polite" });
  if (decisions.has(request.id)) place.innerHTML = decisions.get(request.id); // made and escaped by our own server
  else if (request.state !== "running" && !asked.has(request.id)) {
    asked.add(request.id);
    if (asked.size > MOST_KEPT) asked.delete(asked.values().next().value);
    fetchDecision(`${data.request.replace("0".repeat(32), request.id)}decision/`, request.id);
  }
  return place;
}

export function detailOf(request, data) {
  const copy = el("button", { type: "button", class: "btn quiet sm", "data-copies": `id-${request.id}` }, icon("copy"), el("span", { "data-label": true }, "Copy id"));
  const head = el(
    "div",
    { class: "row wrap" },
    el("b", {}, "Route of this request"),
    el("code", { id: `id-${request.id}`, class: "any" }, cut(request.told, 64)),
    copy,
    el("span", { class: "grow" }),
    el("a", { class: "btn sm", href: data.request.replace("0".repeat(32), request.id) }, "Open it"),
    el("a", { class: "btn sm", href: `${data.events}?q=${encodeURIComponent(request.told)}` }, request.hops.length < 2 ? "Its usage event" : `${request.hops.length} usage events`),
  );
  const facts = el("div", { class: "row wrap" }, tag(request.endpoint), ...(request.stream ? [tag("stream")] : []), tag(`asked for ${cut(request.asked, 60)}`), ...(request.state === "running" ? [] : [tag(`${count(request.tokens_in)} tokens in`), tag(`${count(request.tokens_out)} out`)]), tag(`by ${cut(request.client_name, 60) || "the playground"}`));
  const legend = el("div", { class: "row wrap legend" }, ...KEYS.map(([name, text]) => el("span", { class: "key" }, el("i", { class: name === "w" ? "g" : name }), text)));
  const box = el("div", { class: "routebox" }, head, facts);
  if (request.hops.length) box.append(waterfall(request, Date.now() - request.at * 1000), legend, attempts(request));
  else box.append(el("p", { class: "muted" }, "It was refused before any attempt: no upstream was asked."));
  box.append(decision(request, data));
  return el("td", { colspan: "9", role: "cell" }, box);
}
