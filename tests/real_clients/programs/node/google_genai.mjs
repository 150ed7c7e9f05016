// @google/genai for Node.

import { ApiError, GoogleGenAI } from "@google/genai";
import { all, assert, CALLS, CITY, DECLARED, flaky, KEY, PIXEL, ROME, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const at = (apiKey, more = {}) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: URL, ...more } });
const { models } = at(KEY);
const contents = "Hello";
const tools = [
  {
    functionDeclarations: DECLARED.map(([name, description]) => ({ name, description, parametersJsonSchema: CITY })),
  },
];
const named = (calls) => (calls ?? []).map((call) => [call.name, call.args]);

await run(["@google/genai"], {
  text: async (model) => {
    const answer = await models.generateContent({ model: model("ok"), contents });
    assert.ok(answer.text);
    assert.ok(answer.usageMetadata.totalTokenCount > 0);
    assert.ok((await models.countTokens({ model: model("ok"), contents })).totalTokens > 0);
  },
  stream: async (model) => {
    const frames = await all(await models.generateContentStream({ model: model("ok"), contents }));
    assert.ok(frames.map((frame) => frame.text ?? "").join(""));
    assert.ok(frames.at(-1).usageMetadata.totalTokenCount > 0);
  },
  tools: async (model) => {
    const first = await models.generateContent({ model: model("parallel_tools"), contents, config: { tools } });
    assert.deepEqual(named(first.functionCalls), CALLS);
    const parts = CALLS.map(([name]) => ({ functionResponse: { name, response: { output: "Sunny" } } }));
    const history = [{ role: "user", parts: [{ text: contents }] }, first.candidates[0].content, { role: "user", parts }];
    assert.ok((await models.generateContent({ model: model("ok"), contents: history, config: { tools } })).text);
  },
  "streamed tools": async (model) => {
    const frames = await all(await models.generateContentStream({ model: model("parallel_tools"), contents, config: { tools } }));
    assert.deepEqual(frames.flatMap((frame) => named(frame.functionCalls)), CALLS);
  },
  structured: async (model) => {
    const config = { responseMimeType: "application/json", responseJsonSchema: CITY };
    const answer = await models.generateContent({ model: model("echo"), contents: ROME, config });
    assert.deepEqual(JSON.parse(answer.text), { city: "Rome" });
  },
  image: async (model) => {
    const parts = [{ text: "What is this?" }, { inlineData: { mimeType: "image/png", data: PIXEL } }];
    assert.ok((await models.generateContent({ model: model("ok"), contents: [{ role: "user", parts }] })).text);
  },
  errors: async (model) => {
    await throwing(404, models.generateContent({ model: model("no-such-model"), contents }));
    await throwing(400, models.generateContent({ model: model("ok"), contents, config: { temperature: 9 } }));
    await throwing(401, at(WRONG_KEY).models.generateContent({ model: model("ok"), contents }));
    await throwing(ApiError, all(await models.generateContentStream({ model: model("cut"), contents })));
  },
  retries: async (model) => {
    const patient = at(KEY, { retryOptions: { attempts: 3, initialDelay: 0.1 } });
    assert.ok((await patient.models.generateContent({ model: flaky(model), contents })).text);
  },
  leaving: async (model) => {
    for await (const _ of await models.generateContentStream({ model: model("frames_400_50"), contents })) break;
  },
});
