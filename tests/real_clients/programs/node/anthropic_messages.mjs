// anthropic for Node on the Messages API.

import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { all, assert, CALLS, CITY, DECLARED, flaky, KEY, PIXEL, ROME, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const client = new Anthropic({ baseURL: URL, apiKey: KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello" }];
const tools = DECLARED.map(([name, description]) => ({ name, description, input_schema: CITY }));
const asking = (model, more = {}) => ({ model, max_tokens: 1000, messages, ...more });
const named = (content) => content.filter(({ type }) => type === "tool_use").map((block) => [block.name, block.input]);

await run(["@anthropic-ai/sdk"], {
  text: async (model) => {
    const answer = await client.messages.create(asking(model("ok")));
    assert.ok(answer.content[0].text);
    assert.ok(answer.usage.output_tokens > 0);
  },
  stream: async (model) => {
    const whole = await client.messages.stream(asking(model("ok"))).finalMessage();
    assert.ok(whole.content[0].text);
    assert.ok(whole.usage.output_tokens > 0);
  },
  tools: async (model) => {
    const first = await client.messages.create(asking(model("parallel_tools"), { tools }));
    assert.deepEqual(named(first.content), CALLS);
    const results = first.content.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "Sunny" }));
    const history = [...messages, { role: "assistant", content: first.content }, { role: "user", content: results }];
    assert.ok((await client.messages.create(asking(model("ok"), { tools, messages: history }))).content[0].text);
  },
  "streamed tools": async (model) => {
    const whole = await client.messages.stream(asking(model("parallel_tools"), { tools })).finalMessage();
    assert.deepEqual(named(whole.content), CALLS);
  },
  structured: async (model) => {
    const format = zodOutputFormat(z.object({ city: z.string() }));
    const answer = await client.messages.parse(
      asking(model("echo"), { messages: [{ role: "user", content: ROME }], output_config: { format } }),
    );
    assert.deepEqual(answer.parsed_output, { city: "Rome" });
  },
  image: async (model) => {
    const source = { type: "base64", media_type: "image/png", data: PIXEL };
    const content = [{ type: "image", source }, { type: "text", text: "What is this?" }];
    assert.ok((await client.messages.create(asking(model("ok"), { messages: [{ role: "user", content }] }))).content[0].text);
  },
  errors: async (model) => {
    await throwing(404, client.messages.create(asking(model("no-such-model"))));
    await throwing(400, client.messages.create(asking(model("ok"), { max_tokens: -1 })));
    await throwing(401, new Anthropic({ baseURL: URL, apiKey: WRONG_KEY, maxRetries: 0 }).messages.create(asking(model("ok"))));
    await throwing(APIError, all(await client.messages.create(asking(model("cut"), { stream: true }))));
  },
  retries: async (model) => {
    assert.ok((await client.messages.create(asking(flaky(model)), { maxRetries: 2 })).content[0].text);
  },
  leaving: async (model) => {
    for await (const _ of await client.messages.create(asking(model("frames_400_50"), { stream: true }))) break;
  },
});
