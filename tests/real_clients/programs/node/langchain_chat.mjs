// LangChain for Node, @langchain/openai on chat completions.

import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { all, assert, CALLS, CITY, DECLARED, flaky, KEY, PIXEL, ROME, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const chat = (model, more = {}) =>
  new ChatOpenAI({ model, apiKey: KEY, maxRetries: 0, streamUsage: true, configuration: { baseURL: `${URL}/v1` }, ...more });
const tools = DECLARED.map(([name, description]) => ({
  type: "function",
  function: { name, description, parameters: CITY },
}));
const named = (calls) => calls.map((call) => [call.name, call.args]);
const joined = (chunks) => chunks.reduce((whole, chunk) => whole.concat(chunk));

await run(["@langchain/openai"], {
  text: async (model) => {
    const answer = await chat(model("ok")).invoke("Hello");
    assert.ok(answer.content);
    assert.ok(answer.usage_metadata.total_tokens > 0);
  },
  stream: async (model) => {
    const whole = joined(await all(await chat(model("ok")).stream("Hello")));
    assert.ok(whole.content);
    assert.ok(whole.usage_metadata.total_tokens > 0);
  },
  tools: async (model) => {
    const first = await chat(model("parallel_tools")).bindTools(tools).invoke("Hello");
    assert.deepEqual(named(first.tool_calls), CALLS);
    const results = first.tool_calls.map(({ id }) => new ToolMessage({ content: "Sunny", tool_call_id: id }));
    assert.ok((await chat(model("ok")).bindTools(tools).invoke([new HumanMessage("Hello"), first, ...results])).content);
  },
  "streamed tools": async (model) => {
    const whole = joined(await all(await chat(model("parallel_tools")).bindTools(tools).stream("Hello")));
    assert.deepEqual(named(whole.tool_calls), CALLS);
  },
  structured: async (model) => {
    const typed = chat(model("echo")).withStructuredOutput({ title: "city", ...CITY }, { method: "jsonSchema" });
    assert.deepEqual(await typed.invoke(ROME), { city: "Rome" });
  },
  image: async (model) => {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
    ];
    assert.ok((await chat(model("ok")).invoke([new HumanMessage({ content })])).content);
  },
  errors: async (model) => {
    await throwing(404, chat(model("no-such-model")).invoke("Hello"));
    await throwing(400, chat(model("ok"), { temperature: 9 }).invoke("Hello"));
    await throwing(401, chat(model("ok"), { apiKey: WRONG_KEY }).invoke("Hello"));
    await throwing(Error, (async () => all(await chat(model("cut")).stream("Hello")))());
  },
  retries: async (model) => {
    assert.ok((await chat(flaky(model), { maxRetries: 2 }).invoke("Hello")).content);
  },
  leaving: async (model) => {
    for await (const _ of await chat(model("frames_400_50")).stream("Hello")) break;
  },
});
