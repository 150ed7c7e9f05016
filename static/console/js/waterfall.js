/* A request on a time axis: what FreeAI did before it, and each attempt from its begin to its end. */
import { cut, duration, el, svg } from "./dom.js";

const TICKS = 4;
const percent = (part, whole) => `${Math.min(100, Math.max(0, whole ? (100 * part) / whole : 0)).toFixed(2)}%`;
const failed = (hop) => !["running", "success"].includes(hop.outcome);

function lane(bars, total) {
  const lines = Array.from({ length: TICKS + 1 }, (_, at) => svg("line", { class: "gl", x1: `${(100 * at) / TICKS}%`, x2: `${(100 * at) / TICKS}%`, y1: 0, y2: 18 }));
  const shapes = bars.filter(([, from, until]) => until > from).map(([name, from, until]) => svg("rect", { class: name, x: percent(from, total), width: percent(until - from, total), y: 3, height: 12, rx: 2 }));
  return svg("svg", { "aria-hidden": "true" }, ...lines, ...shapes);
}

function bars(hop, total) {
  const end = hop.latency_ms === null ? total : hop.started_ms + hop.latency_ms;
  if (failed(hop)) return [["e", hop.started_ms, end]];
  const connected = hop.started_ms + (hop.connect_ms ?? 0);
  const first = hop.ttfb_ms === null ? null : hop.started_ms + hop.ttfb_ms;
  const before = ["w", hop.started_ms, connected];
  return first === null ? [before, ["c", connected, end]] : [before, ["c", connected, first], ["s", first, end]];
}

export const sentence = (hop) => `${hop.provider}/${hop.model}: ${hop.outcome === "running" ? (hop.ttfb_ms === null ? "waiting" : "streaming") : (hop.kind || hop.outcome).replaceAll("_", " ")}${hop.status ? `, ${hop.status}` : ""}`;

/* `request`: a Seen of the server. `now_ms`: how old it is, where it still runs. */
export function waterfall(request, now_ms, narrow = false) {
  const ends = request.hops.map((hop) => hop.started_ms + (hop.latency_ms ?? 0));
  const total = Math.max(1, request.took_ms ?? now_ms, ...ends);
  const axis = el("div", { class: "ax" }, ...[0, 0.5, 1].map((part) => el("span", {}, part ? duration(part * total) : "0")));
  const before = request.hops.length ? request.hops[0].started_ms : total;
  const rows = [el("div"), axis, el("div"), el("div", { class: "wfl" }, narrow ? "rank" : "FreeAI: check, read, rank"), lane([["w", 0, before]], total), el("div", { class: "r nw" }, duration(before))];
  request.hops.forEach((hop, at) => {
    const status = hop.status && !narrow ? [" ", el("span", { class: failed(hop) ? "bad" : "ok" }, String(hop.status))] : [];
    rows.push(
      el("div", { class: "wfl clip", title: sentence(hop) }, el("b", {}, narrow ? cut(hop.provider, 40) : `${at + 1} · ${cut(hop.provider, 40)}`), ...status),
      lane(bars(hop, total), total),
      el("div", { class: "r nw" }, hop.latency_ms === null ? "…" : duration(hop.latency_ms)),
    );
  });
  return el("div", { class: `wf${narrow ? " nar" : ""}` }, ...rows);
}
