// ollama for Node.

import { Ollama } from "ollama";
import { all, assert, CALLS, CITY, DECLARED, KEY, PIXEL, ROME, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const at = (key) => new Ollama({ host: `${URL}/ollama`, headers: { Authorization: `Bearer ${key}` } });
const client = at(KEY);
const messages = [{ role: "user", content: "Hello" }];
const tools = DECLARED.map(([name, description]) => ({
  type: "function",
  function: { name, description, parameters: CITY },
}));
const named = (calls) => (calls ?? []).map((call) => [call.function.name, call.function.arguments]);

await run(["ollama"], {
  text: async (model) => {
    const answer = await client.chat({ model: model("ok"), messages });
    assert.ok(answer.message.content);
    assert.ok(answer.eval_count > 0);
    assert.ok((await client.generate({ model: model("ok"), prompt: "Hello" })).response);
    assert.equal((await client.list()).models[0].name, "freeai-auto");
  },
  stream: async (model) => {
    const lines = await all(await client.chat({ model: model("ok"), messages, stream: true }));
    assert.ok(lines.map((line) => line.message.content).join(""));
    assert.ok(lines.at(-1).eval_count > 0);
  },
  tools: async (model) => {
    const first = (await client.chat({ model: model("parallel_tools"), messages, tools })).message;
    assert.deepEqual(named(first.tool_calls), CALLS);
    const results = CALLS.map(([tool_name]) => ({ role: "tool", tool_name, content: "Sunny" }));
    const second = await client.chat({ model: model("ok"), messages: [...messages, first, ...results], tools });
    assert.ok(second.message.content);
  },
  "streamed tools": async (model) => {
    const lines = await all(await client.chat({ model: model("parallel_tools"), messages, tools, stream: true }));
    assert.deepEqual(lines.flatMap((line) => named(line.message.tool_calls)), CALLS);
  },
  structured: async (model) => {
    const asked = [{ role: "user", content: ROME }];
    const answer = await client.chat({ model: model("echo"), messages: asked, format: CITY });
    assert.deepEqual(JSON.parse(answer.message.content), { city: "Rome" });
  },
  image: async (model) => {
    const asked = [{ role: "user", content: "What is this?", images: [PIXEL] }];
    assert.ok((await client.chat({ model: model("ok"), messages: asked })).message.content);
  },
  errors: async (model) => {
    await throwing(404, client.chat({ model: model("no-such-model"), messages }));
    await throwing(400, client.chat({ model: model("ok"), messages, options: { temperature: 9 } }));
    await throwing(401, at(WRONG_KEY).chat({ model: model("ok"), messages }));
    await throwing(Error, all(await client.chat({ model: model("cut"), messages, stream: true })));
  },
  leaving: async (model) => {
    const lines = await at(KEY).chat({ model: model("frames_400_50"), messages, stream: true });
    for await (const _ of lines) break;
    lines.abort();
  },
});
