/* The request as code, ready to paste; the key is yours to put in. */
const quoted = (text) => `'${text.replaceAll("'", `'"'"'`)}'`;
const python = (value, indent = "") => {
  const deeper = `${indent}    `;
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const parts = Array.isArray(value) ? value.map((one) => python(one, deeper)) : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${python(one, deeper)}`);
  if (!parts.length) return open + close;
  const flat = `${open}${parts.join(", ")}${close}`;
  return flat.length < 72 && !flat.includes("\n") ? flat : `${open}\n${parts.map((part) => `${deeper}${part},\n`).join("")}${indent}${close}`;
};
const OWN = ["strategy", "preferred_provider", "fallback"];

/* Files are left out: what they hold is long, and yours. */
function withoutFiles(body) {
  return JSON.parse(JSON.stringify(body, (name, value) => (typeof value === "string" && (value.startsWith("data:") || (name === "data" && value.length > 400)) ? "…" : value)));
}

export function curl(base, body) {
  return [`curl ${base}/chat/completions \\`, '  -H "Authorization: Bearer $FREEAI_KEY" \\', '  -H "Content-Type: application/json" \\', `  -d ${quoted(JSON.stringify(withoutFiles(body), null, 2))}`].join("\n");
}

export function asPython(base, body) {
  const known = Object.entries(withoutFiles(body)).filter(([name]) => !OWN.includes(name));
  const own = Object.fromEntries(Object.entries(body).filter(([name]) => OWN.includes(name)));
  const fields = known.map(([name, value]) => `    ${name}=${python(value, "    ")},\n`).join("");
  const extra = Object.keys(own).length ? `    extra_body=${python(own, "    ")},\n` : "";
  const read = body.stream ? 'for chunk in answer:\n    for choice in chunk.choices:\n        print(choice.delta.content or "", end="", flush=True)' : "print(answer.choices[0].message.content)";
  return `import os\n\nfrom openai import OpenAI\n\nclient = OpenAI(base_url=${JSON.stringify(base)}, api_key=os.environ["FREEAI_KEY"])\nanswer = client.chat.completions.create(\n${fields}${extra})\n${read}`;
}
