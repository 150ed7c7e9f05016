/* An expression in colours: strings, numbers, operators. What it means is the server's to say. */
const TOKENS = /("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(\b\d[\w.]*)|(&&|\|\||[!<>=]=?|\bin\b|[?:])|(\btrue\b|\bfalse\b)/g;
const CLASSES = ["str", "lit", "k", "lit"];

export function coloured(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(TOKENS)) {
    if (found.index > at) nodes.push(text.slice(at, found.index));
    const span = document.createElement("span");
    span.className = CLASSES[found.slice(1).findIndex((group) => group !== undefined)];
    span.textContent = found[0];
    nodes.push(span);
    at = found.index + found[0].length;
  }
  nodes.push(text.slice(at));
  return nodes;
}
