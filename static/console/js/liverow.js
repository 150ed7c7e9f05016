/* A row of live traffic. Every cell is text: names come from others. */
import { count, cut, duration, el, icon } from "./dom.js";
import { sentence } from "./waterfall.js";

const ENDS = {
  ok: () => el("span", { class: "ok row" }, icon("check"), "ok"),
  failed: (request) => el("span", { class: "bad row" }, icon("badc"), String(request.hops.at(-1)?.status ?? "failed")),
  cancelled: () => el("span", { class: "dim row" }, icon("x"), "client left"),
  refused: () => el("span", { class: "bad row" }, icon("badc"), "refused"),
  running: (request) => el("span", { class: "row dim" }, el("span", { class: "dot live", "aria-hidden": "true" }), request.ttft_ms === null ? "waiting" : "streaming"),
};
const LIMITED = new Set(["rate_limited"]);
const CUT_OFF = new Set(["cancelled", "interrupted"]);

function hop(one) {
  if (one.outcome === "running") return el("span", { class: "hop win", title: sentence(one) }, icon("bolt"), cut(one.provider, 40));
  if (one.outcome === "success") return el("span", { class: "hop win", title: sentence(one) }, icon("check"), cut(one.provider, 40));
  if (CUT_OFF.has(one.outcome)) return el("span", { class: "hop", title: sentence(one) }, icon("x"), cut(one.provider, 40));
  const limited = LIMITED.has(one.kind);
  return el("span", { class: `hop ${limited ? "wait" : "lost"}`, title: sentence(one) }, icon(limited ? "clock" : "x"), `${cut(one.provider, 40)} ${one.status ?? ""}`.trim());
}

export function route(request) {
  const hops = request.hops.flatMap((one, at) => (at ? [icon("right"), hop(one)] : [hop(one)]));
  if (request.skipped) hops.push(el("span", { class: "dim" }, `and ${request.skipped} more`));
  return el("span", { class: "route" }, ...(hops.length ? hops : [el("span", { class: "dim" }, "no upstream was asked")]));
}

const CELLS = [
  ["Client key", "s-l nw clip", (request) => (request.client_name ? cut(request.client_name, 60) : el("span", { class: "dim" }, "playground"))],
  ["Asked for", "hide-s clip", (request) => el("span", { class: "mono nw", title: request.asked }, cut(request.asked, 60))],
  ["Strategy", "hide-s hide-m nw muted clip", (request) => cut(request.strategy, 60) || (request.hops.length ? "pinned" : "–")],
  ["Route", "s-full", route],
  ["Ended", "s-tr nw", (request) => ENDS[request.state](request)],
  ["First token", "r nw hide-s", (request) => (request.ttft_ms === null ? "–" : duration(request.ttft_ms))],
  ["Took", "r s-r nw", (request) => (request.took_ms === null ? "…" : duration(request.took_ms))],
  ["Tokens", "r nw hide-s hide-m", (request) => (request.state === "running" ? "–" : `${count(request.tokens_in)} / ${count(request.tokens_out)}`)],
];

export function rowOf(request) {
  const when = el("time", { datetime: new Date(request.at * 1000).toISOString(), "data-as": "clock", class: "nw" }, "");
  const opener = el("button", { type: "button", class: "lnk", "aria-expanded": "false", title: "Show the route" }, icon("right", "dim"), when);
  const row = el("tr", { class: "hov", role: "row" }, el("td", { role: "cell", class: "hd", "data-l": "Time" }, el("div", { class: "cv" }, opener)));
  for (const [label, classes] of CELLS) row.append(el("td", { role: "cell", class: classes, "data-l": label }, el("div", { class: "cv" })));
  update(row, request);
  return row;
}

export function update(row, request) {
  CELLS.forEach(([, , content], at) => {
    const cell = row.cells[at + 1].firstElementChild;
    const made = el("div", {}, content(request));
    if (made.innerHTML !== cell.innerHTML) cell.replaceChildren(...made.childNodes);
  });
}
