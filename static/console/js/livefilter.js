/* The filter of live traffic: words, `provider:groq`, `-client:ci`, `took>2s`, and the chips. Everything must hold. */
const SLOW_MS = 2000;
const TOOK = /^took([<>])(\d+(?:\.\d+)?)(ms|s)?$/;

const texts = {
  provider: (request) => request.hops.map((hop) => hop.provider),
  model: (request) => [request.asked, ...request.hops.map((hop) => hop.model)],
  client: (request) => [request.client_name || "playground"],
  strategy: (request) => [request.strategy],
  outcome: (request) => [request.state, ...request.hops.map((hop) => hop.kind)],
};
const CHIPS = {
  failed: (request) => ["failed", "refused"].includes(request.state),
  "fell-back": (request) => request.hops.some((hop) => hop.outcome === "error") && request.hops.length > 1,
  slow: (request) => (request.took_ms ?? Date.now() - request.at * 1000) > SLOW_MS,
  running: (request) => request.state === "running",
};

function test(word) {
  if (word.startsWith("-") && word.length > 1) {
    const inner = test(word.slice(1));
    return (request) => !inner(request);
  }
  const took = word.match(TOOK);
  if (took) {
    const ms = Number(took[2]) * (took[3] === "ms" ? 1 : 1000);
    return (request) => request.took_ms !== null && (took[1] === ">" ? request.took_ms > ms : request.took_ms < ms);
  }
  const [field, ...rest] = word.split(":");
  const read = rest.length && Object.hasOwn(texts, field) ? texts[field] : null;
  const wanted = read ? rest.join(":") : word;
  const of = read ?? ((request) => [request.told, ...Object.values(texts).flatMap((each) => each(request))]);
  return (request) => of(request).some((text) => text.toLowerCase().includes(wanted));
}

export function matcher(text, chips) {
  const tests = [...text.toLowerCase().split(/\s+/).filter(Boolean).map(test), ...chips.map((name) => CHIPS[name])];
  return (request) => tests.every((holds) => holds(request));
}
