/* Markdown as elements. Everything is made node by node out of text, so that no answer can bring markup with it; images and links of
   anybody are never fetched: an image is its words, a link opens when it is clicked. */
import { el } from "./dom.js";

const INLINE = /(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)|\*\*([\s\S]+?)\*\*|__([\s\S]+?)__|\*([^*\s][^*]*?)\*|(?<![\w])_([^_\s][^_]*?)_(?![\w])|~~([\s\S]+?)~~|!\[([^\]]*)\]\(([^)\s]*)[^)]*\)|\[([^\]]+)\]\(([^)\s]*)[^)]*\)/g;
const MOST_DEPTH = 6;
const MOST_INLINE = 4_000; // longer ones stay as they are: looking for marks in them takes the square of their length
const MOST_CHARACTERS = 200_000;
const LIST = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;

function link(label, address, depth) {
  if (!/^https?:\/\//i.test(address)) return [label];
  return [el("a", { href: address, rel: "noreferrer noopener nofollow", target: "_blank" }, ...inline(label, depth + 1))];
}

function inline(text, depth = 0) {
  if (depth > MOST_DEPTH || text.length > MOST_INLINE) return [text];
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) nodes.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const [, , code, strong, strong2, weak, weak2, struck, alt, image, label, address] = found;
    if (code !== undefined) nodes.push(el("code", {}, code));
    else if (strong ?? strong2) nodes.push(el("strong", {}, ...inline(strong ?? strong2, depth + 1)));
    else if (weak ?? weak2) nodes.push(el("em", {}, ...inline(weak ?? weak2, depth + 1)));
    else if (struck) nodes.push(el("s", {}, ...inline(struck, depth + 1)));
    else if (label) nodes.push(...link(label, address, depth));
    else nodes.push(...link(alt || image || found[0], image ?? "", depth));
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

function lines(text) {
  const parts = text.split("\n").flatMap((line, at) => (at ? [el("br"), ...inline(line)] : inline(line)));
  return parts;
}

function codeBlock(source, at) {
  const [, fence, language] = source[at].match(/^\s*(```+|~~~+)\s*([\w+#.-]*)/);
  const body = [];
  let next = at + 1;
  while (next < source.length && !source[next].trim().startsWith(fence)) body.push(source[next++]);
  return [el("div", { class: "code" }, el("pre", { tabindex: "0", "data-language": language || null }, body.join("\n"))), next + 1];
}

function list(source, at) {
  const ordered = /\d/.test(source[at].match(LIST)[2]);
  const made = el(ordered ? "ol" : "ul");
  const indent = source[at].match(LIST)[1].length;
  let next = at;
  while (next < source.length) {
    const found = source[next].match(LIST);
    if (!found || found[1].length < indent || (found[1].length === indent && /\d/.test(found[2]) !== ordered)) break;
    if (found[1].length > indent && made.lastChild) {
      const [inner, after] = list(source, next);
      made.lastChild.append(inner);
      next = after;
      continue;
    }
    const words = [found[3]];
    next++;
    while (next < source.length && source[next].trim() && !LIST.test(source[next]) && /^\s{2,}/.test(source[next])) words.push(source[next++].trim());
    made.append(el("li", {}, ...lines(words.join("\n"))));
  }
  return [made, next];
}

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

function table(source, at) {
  const heads = cells(source[at]);
  const body = el("tbody");
  let next = at + 2;
  while (next < source.length && source[next].includes("|") && source[next].trim()) {
    const row = cells(source[next++]);
    body.append(el("tr", {}, ...heads.map((_, place) => el("td", {}, ...inline(row[place] ?? "")))));
  }
  const head = el("thead", {}, el("tr", {}, ...heads.map((cell) => el("th", { scope: "col" }, ...inline(cell)))));
  return [el("div", { class: "tw", tabindex: "0", role: "region", "aria-label": "Table" }, el("table", {}, head, body)), next];
}

const opens = (line, next) => /^\s*(```|~~~)/.test(line) || /^#{1,6}\s/.test(line) || LIST.test(line) || /^\s*>/.test(line) || /^\s*([-*_])(\s*\1){2,}\s*$/.test(line) || (line.includes("|") && /^[\s|:-]*-[\s|:-]*$/.test(next ?? ""));

function block(source, at, depth) {
  const line = source[at];
  const heading = line.match(/^(#{1,6})\s+(.*?)\s*#*$/);
  if (/^\s*(```|~~~)/.test(line)) return codeBlock(source, at);
  if (heading) return [el("p", { class: "mdh" }, ...inline(heading[2])), at + 1];
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) return [el("hr"), at + 1];
  if (LIST.test(line)) return list(source, at);
  if (line.includes("|") && /^[\s|:-]*-[\s|:-]*$/.test(source[at + 1] ?? "")) return table(source, at);
  if (/^\s*>/.test(line) && depth < MOST_DEPTH) {
    let next = at;
    while (next < source.length && /^\s*>/.test(source[next])) next++;
    return [el("blockquote", {}, ...blocks(source.slice(at, next).map((quoted) => quoted.replace(/^\s*> ?/, "")), depth + 1)), next];
  }
  let next = at + 1;
  while (next < source.length && source[next].trim() && !opens(source[next], source[next + 1])) next++;
  const paragraph = source.slice(at, next).join("\n");
  return [paragraph.length > MOST_INLINE ? el("p", { class: "plain" }, paragraph) : el("p", {}, ...lines(paragraph)), next];
}

function blocks(source, depth = 0) {
  const made = [];
  for (let at = 0; at < source.length; ) {
    if (!source[at].trim()) {
      at++;
      continue;
    }
    const [element, next] = block(source, at, depth);
    made.push(element);
    at = next;
  }
  return made;
}

/* A fragment. What is too long to be looked through, or odd beyond what this foresaw, stays as it was written. */
export function markdown(text) {
  const made = document.createDocumentFragment();
  try {
    if (text.length > MOST_CHARACTERS) throw new RangeError("too long");
    for (const element of blocks(text.replaceAll("\r\n", "\n").split("\n"))) made.append(element);
  } catch {
    made.replaceChildren(el("p", { class: "plain" }, text));
  }
  return made;
}
