// openai for Node on chat completions.

import OpenAI, { APIError } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { all, assert, CALLS, CITY, DECLARED, flaky, KEY, PIXEL, ROME, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0 });
const chat = client.chat.completions;
const messages = [{ role: "user", content: "Hello" }];
const tools = DECLARED.map(([name, description]) => ({
  type: "function",
  function: { name, description, parameters: CITY },
}));
const named = (calls) => calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);

await run(["openai"], {
  text: async (model) => {
    const answer = await chat.create({ model: model("ok"), messages });
    assert.ok(answer.choices[0].message.content);
    assert.ok(answer.usage.total_tokens > 0);
  },
  stream: async (model) => {
    const chunks = await all(
      await chat.create({ model: model("ok"), messages, stream: true, stream_options: { include_usage: true } }),
    );
    assert.ok(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""));
    assert.ok(chunks.at(-1).usage.total_tokens > 0);
  },
  tools: async (model) => {
    const first = (await chat.create({ model: model("parallel_tools"), messages, tools })).choices[0].message;
    assert.deepEqual(named(first.tool_calls), CALLS);
    const results = first.tool_calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "Sunny" }));
    const second = await chat.create({ model: model("ok"), messages: [...messages, first, ...results], tools });
    assert.ok(second.choices[0].message.content);
  },
  "streamed tools": async (model) => {
    const whole = await chat.stream({ model: model("parallel_tools"), messages, tools }).finalChatCompletion();
    assert.deepEqual(named(whole.choices[0].message.tool_calls), CALLS);
  },
  structured: async (model) => {
    const answer = await chat.parse({
      model: model("echo"),
      messages: [{ role: "user", content: ROME }],
      response_format: zodResponseFormat(z.object({ city: z.string() }), "city"),
    });
    assert.deepEqual(answer.choices[0].message.parsed, { city: "Rome" });
  },
  image: async (model) => {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
    ];
    assert.ok((await chat.create({ model: model("ok"), messages: [{ role: "user", content }] })).choices[0].message.content);
  },
  errors: async (model) => {
    await throwing(404, chat.create({ model: model("no-such-model"), messages }));
    await throwing(400, chat.create({ model: model("ok"), messages, temperature: 9 }));
    await throwing(401, client.withOptions({ apiKey: WRONG_KEY }).chat.completions.create({ model: model("ok"), messages }));
    await throwing(APIError, all(await chat.create({ model: model("cut"), messages, stream: true })));
  },
  retries: async (model) => {
    const answer = await chat.create({ model: flaky(model), messages }, { maxRetries: 2 });
    assert.ok(answer.choices[0].message.content);
  },
  leaving: async (model) => {
    for await (const _ of await chat.create({ model: model("frames_400_50"), messages, stream: true })) break;
  },
});
