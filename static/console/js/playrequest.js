/* A request of /v1 from what is chosen in the playground. */
const options = document.getElementById("options");
const EXAMPLE_TOOL = { type: "function", function: { name: "get_weather", description: "The weather of a city.", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } };

function json(name, what) {
  const text = options.elements[name].value.trim();
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is not JSON: ${error.message}`);
  }
}

function number(name, what) {
  const text = options.elements[name].value.trim();
  if (!text) return null;
  if (!Number.isFinite(Number(text))) throw new Error(`${what} must be a number.`);
  return Number(text);
}

/* Raises Error with what is wrong. */
export function bodyOf(messages) {
  const { model, strategy, preferred_provider: preferred, stream, fallback, wants_schema: schema, system } = options.elements;
  const told = system.value.trim() ? [{ role: "system", content: system.value }] : [];
  const body = { model: model.value.trim(), messages: [...told, ...messages] };
  const tools = json("tools", "Tools");
  if (tools && !Array.isArray(tools)) throw new Error("Tools must be a list.");
  if (tools?.length) body.tools = tools;
  if (schema.checked) body.response_format = { type: "json_schema", json_schema: { name: "answer", strict: true, schema: json("schema", "The JSON schema") ?? {} } };
  const temperature = number("temperature", "Temperature");
  if (temperature !== null) body.temperature = temperature;
  const most = number("max_tokens", "Max tokens");
  if (most !== null) body.max_tokens = most;
  if (stream.checked) Object.assign(body, { stream: true, stream_options: { include_usage: true } });
  if (strategy.value) body.strategy = strategy.value;
  if (preferred.value) body.preferred_provider = preferred.value;
  if (!fallback.checked) body.fallback = false;
  return body;
}

export function addExampleTool() {
  const tools = options.elements.tools;
  let known = [];
  try {
    known = json("tools", "Tools") ?? [];
  } catch {
    return tools.focus(); // what is there is no list yet
  }
  tools.value = JSON.stringify([...known, EXAMPLE_TOOL], null, 1);
}
