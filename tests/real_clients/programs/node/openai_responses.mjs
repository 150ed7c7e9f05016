// openai for Node on the Responses API.

import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { all, assert, CALLS, CITY, DECLARED, flaky, KEY, PIXEL, ROME, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0 });
const { responses } = client;
const tools = DECLARED.map(([name, description]) => ({
  type: "function",
  name,
  description,
  parameters: CITY,
  strict: true,
}));
const input = "Hello";
const named = (output) =>
  output.filter(({ type }) => type === "function_call").map((call) => [call.name, JSON.parse(call.arguments)]);

await run(["openai"], {
  text: async (model) => {
    const answer = await responses.create({ model: model("ok"), input });
    assert.ok(answer.output_text);
    assert.ok(answer.usage.total_tokens > 0);
  },
  stream: async (model) => {
    const whole = await responses.stream({ model: model("ok"), input }).finalResponse();
    assert.ok(whole.output_text);
    assert.ok(whole.usage.total_tokens > 0);
  },
  tools: async (model) => {
    const first = await responses.create({ model: model("parallel_tools"), input, tools });
    assert.deepEqual(named(first.output), CALLS);
    const results = first.output.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "Sunny" }));
    const second = await responses.create({
      model: model("ok"),
      previous_response_id: first.id,
      input: results,
      tools,
    });
    assert.ok(second.output_text);
  },
  "streamed tools": async (model) => {
    const whole = await responses.stream({ model: model("parallel_tools"), input, tools }).finalResponse();
    assert.deepEqual(named(whole.output), CALLS);
  },
  structured: async (model) => {
    const format = zodTextFormat(z.object({ city: z.string() }), "city");
    const answer = await responses.parse({ model: model("echo"), input: ROME, text: { format } });
    assert.deepEqual(answer.output_parsed, { city: "Rome" });
  },
  image: async (model) => {
    const content = [
      { type: "input_text", text: "What is this?" },
      { type: "input_image", image_url: `data:image/png;base64,${PIXEL}`, detail: "auto" },
    ];
    assert.ok((await responses.create({ model: model("ok"), input: [{ role: "user", content }] })).output_text);
  },
  errors: async (model) => {
    await throwing(404, responses.create({ model: model("no-such-model"), input }));
    await throwing(400, responses.create({ model: model("ok"), input, temperature: 9 }));
    await throwing(401, client.withOptions({ apiKey: WRONG_KEY }).responses.create({ model: model("ok"), input }));
    const events = await all(await responses.create({ model: model("cut"), input, stream: true }));
    assert.equal(events.at(-1).type, "response.failed");
  },
  retries: async (model) => {
    assert.ok((await responses.create({ model: flaky(model), input }, { maxRetries: 2 })).output_text);
  },
  leaving: async (model) => {
    for await (const _ of await responses.create({ model: model("frames_400_50"), input, stream: true })) break;
  },
});
