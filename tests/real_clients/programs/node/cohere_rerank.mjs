// cohere for Node: of its API FreeAI serves reranking, which the client asks for at /v2/rerank.

import { CohereClientV2 } from "cohere-ai";
import { assert, flaky, KEY, run, throwing, URL, WRONG_KEY } from "./cells.mjs";

const at = (token) => new CohereClientV2({ token, environment: URL });
const client = at(KEY);
const once = { maxRetries: 0 };
const asked = { query: "bread and salt", documents: ["long roads", "bread and salt", "salt"] };
const order = [1, 2, 0];
const indexes = (answer) => answer.results.map((result) => result.index);

await run(["cohere-ai"], {
  rerank: async (model) => {
    const answer = await client.rerank({ model: model("rerank-v3.5"), ...asked });
    assert.deepEqual(indexes(answer), order);
    const scores = answer.results.map((result) => result.relevanceScore);
    assert.ok(scores.every((score, rank) => score >= 0 && score <= (scores[rank - 1] ?? 1)));
    assert.equal(answer.meta.billedUnits.searchUnits, 1);
    assert.deepEqual(indexes(await client.rerank({ model: model("rerank-v3.5"), ...asked, topN: 1 })), order.slice(0, 1));
  },
  errors: async (model) => {
    await throwing(400, client.rerank({ model: model("gone@error_404"), ...asked }, once));
    await throwing(400, client.rerank({ model: model("rerank-v3.5"), ...asked, topN: 0 }, once));
    await throwing(401, at(WRONG_KEY).rerank({ model: model("rerank-v3.5"), ...asked }, once));
  },
  retries: async (model) => {
    assert.ok((await client.rerank({ model: flaky(model), ...asked }, { maxRetries: 2 })).results.length);
  },
});
