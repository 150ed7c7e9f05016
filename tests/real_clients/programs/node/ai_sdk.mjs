// Vercel AI SDK with the provider that FREEAI_CLIENT names: openai-compatible (chat), openai (responses), or anthropic (messages).

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, streamText, tool } from "ai";
import { all, assert, CALLS, CITY, DECLARED, flaky, KEY, PIXEL, ROME, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const baseURL = `${URL}/v1`;
const KINDS = {
  compatible: ["@ai-sdk/openai-compatible", (apiKey) => createOpenAICompatible({ name: "freeai", baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true })],
  responses: ["@ai-sdk/openai", (apiKey) => createOpenAI({ baseURL, apiKey })],
  messages: ["@ai-sdk/anthropic", (apiKey) => createAnthropic({ baseURL, apiKey })],
};
const [PACKAGE, create] = KINDS[process.env.FREEAI_CLIENT.split("-").at(-1)];
const provider = create(KEY);
const prompt = "Hello";
const tools = Object.fromEntries(
  DECLARED.map(([name, description]) => [name, tool({ description, inputSchema: jsonSchema(CITY) })]),
);
const asking = (model, more = {}) => ({ model: provider(model), prompt, maxRetries: 0, ...more });
const named = (calls) => calls.map((call) => [call.toolName, call.input]);
const silent = { onError: () => {} };

await run(["ai", PACKAGE], {
  text: async (model) => {
    const answer = await generateText(asking(model("ok")));
    assert.ok(answer.text);
    assert.ok(answer.usage.totalTokens > 0);
  },
  stream: async (model) => {
    const answer = streamText(asking(model("ok")));
    assert.ok((await all(answer.textStream)).join(""));
    assert.ok((await answer.usage).totalTokens > 0);
  },
  tools: async (model) => {
    const first = await generateText(asking(model("parallel_tools"), { tools }));
    assert.deepEqual(named(first.toolCalls), CALLS);
    const content = first.toolCalls.map(({ toolCallId, toolName }) => ({
      type: "tool-result",
      toolCallId,
      toolName,
      output: { type: "text", value: "Sunny" },
    }));
    const messages = [{ role: "user", content: prompt }, ...first.response.messages, { role: "tool", content }];
    assert.ok((await generateText({ ...asking(model("ok"), { tools, messages }), prompt: undefined })).text);
  },
  "streamed tools": async (model) => {
    assert.deepEqual(named(await streamText(asking(model("parallel_tools"), { tools })).toolCalls), CALLS);
  },
  structured: async (model) => {
    const output = Output.object({ schema: jsonSchema(CITY) });
    const answer = await generateText(asking(model("echo"), { prompt: ROME, output }));
    assert.deepEqual(answer.output, { city: "Rome" });
  },
  image: async (model) => {
    const content = [{ type: "text", text: "What is this?" }, { type: "image", image: PIXEL, mediaType: "image/png" }];
    assert.ok((await generateText({ ...asking(model("ok"), { messages: [{ role: "user", content }] }), prompt: undefined })).text);
  },
  errors: async (model) => {
    await throwing(404, generateText(asking(model("no-such-model"))));
    await throwing(400, generateText(asking(model("ok"), { topP: 9 })));
    await throwing(401, generateText({ ...asking(model("ok")), model: create(WRONG_KEY)(model("ok")) }));
    const errors = (await all(streamText(asking(model("cut"), silent)).fullStream)).filter(({ type }) => type === "error");
    assert.equal(errors.length, 1);
  },
  retries: async (model) => {
    assert.ok((await generateText(asking(flaky(model), { maxRetries: 2 }))).text);
  },
  leaving: async (model) => {
    const leaver = new AbortController();
    for await (const _ of streamText(asking(model("frames_400_50"), { abortSignal: leaver.signal, ...silent })).textStream) {
      leaver.abort();
      break;
    }
  },
});
