/* The attempts of one request on a time axis; the table below them says the same. */
import { el } from "./dom.js";
import { waterfall } from "./waterfall.js";

const place = document.getElementById("drawn");
if (place) {
  const request = JSON.parse(document.getElementById("request").textContent);
  const keys = [["g", "reserve, connect"], ["b", "waiting for the first token"], ["", "streaming"], ["r", "failed"]];
  place.append(waterfall(request, 0), el("div", { class: "row wrap legend" }, ...keys.map(([name, text]) => el("span", { class: "key" }, el("i", { class: name }), text))));
}
