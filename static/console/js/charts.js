/* A tip over each column of a chart, by pointer and by arrow keys, made of the table behind it; a click or Enter goes where the row of the
   table leads. Without this module the table says and does the same. */

const rowsOf = (chart) => chart.nextElementSibling?.querySelectorAll("tbody tr") ?? [];

function show(chart, number) {
  const rows = rowsOf(chart);
  const columns = chart.querySelectorAll(".hit");
  const at = Math.max(0, Math.min(rows.length - 1, number));
  if (!rows.length) return;
  chart.dataset.at = at;
  columns.forEach((column, place) => column.classList.toggle("on", place === at));
  const names = [...chart.nextElementSibling.querySelectorAll("thead th")].slice(1).map((name) => name.textContent);
  const cells = [...rows[at].cells].map((cell) => cell.textContent);
  const tip = chart.querySelector(".tip");
  const head = document.createElement("b");
  head.textContent = cells[0];
  const list = document.createElement("dl");
  names.forEach((name, place) => {
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = name;
    value.textContent = cells[place + 1];
    list.append(term, value);
  });
  tip.replaceChildren(head, list);
  tip.hidden = false;
  const width = chart.querySelector(".plotbox").clientWidth;
  const middle = ((at + 0.5) / rows.length) * width;
  const left = middle + 12 + tip.offsetWidth > width ? middle - 12 - tip.offsetWidth : middle + 12;
  tip.style.left = `${Math.max(0, left)}px`;
}

function hide(chart) {
  chart.querySelector(".tip").hidden = true;
  chart.querySelectorAll(".hit.on").forEach((column) => column.classList.remove("on"));
}

function follow(chart) {
  rowsOf(chart)[Number(chart.dataset.at)]?.querySelector("a")?.click();
}

const chartOf = (event) => event.target.closest?.("[data-chart]");

document.addEventListener("pointermove", (event) => {
  const chart = chartOf(event);
  if (!chart) return;
  const place = [...chart.querySelectorAll(".hit")].indexOf(event.target);
  if (place >= 0 && (String(place) !== chart.dataset.at || chart.querySelector(".tip").hidden)) show(chart, place);
});
document.addEventListener("pointerout", (event) => {
  const chart = chartOf(event);
  if (chart && !chart.contains(event.relatedTarget)) hide(chart);
});
document.addEventListener("focusout", (event) => chartOf(event) && hide(chartOf(event)));
document.addEventListener("click", (event) => event.target.matches?.(".hit") && follow(chartOf(event)));
document.addEventListener("keydown", (event) => {
  const chart = chartOf(event);
  if (!chart || event.target !== chart) return;
  const last = rowsOf(chart).length - 1;
  const at = Number(chart.dataset.at ?? last);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
  if (to !== undefined) show(chart, chart.querySelector(".tip").hidden ? at : to);
  else if (event.key === "Enter") return follow(chart);
  else if (event.key === "Escape") return hide(chart);
  else return;
  event.preventDefault();
});
