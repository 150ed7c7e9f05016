/* Elements out of names, attributes and text. What comes from elsewhere is text, never markup. */
const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);
export const icon = (name, classes = "") => svg("svg", { class: `ico ${classes}`.trim(), "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
export const cut = (text, most = 200) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/* Heeds what somebody types into a field, before this script was there too, and what the browser put back into it. */
export function typed(field, heed) {
  field.addEventListener("input", heed);
  if (field.value !== field.defaultValue) heed();
}

/* Figures as the server prints them: 380 ms under a second, 2.14 s above; 1,842 up to ten thousand, then 231 k. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

export function count(number) {
  if (number === null || number === undefined) return "–";
  if (number < 10_000) return number.toLocaleString("en-GB");
  const [size, unit] = number < 1_000_000 ? [1000, "k"] : [1_000_000, "M"];
  return `${Number((number / size).toPrecision(3))} ${unit}`;
}
