"""cohere for Python: of its API FreeAI serves reranking, which the client asks for at /v2/rerank."""

import cells
import cohere
from cells import KEY, URL, Named
from cohere.core.request_options import RequestOptions

client = cohere.ClientV2(api_key=KEY, base_url=URL)
ONCE = RequestOptions(max_retries=0)
QUERY, DOCUMENTS = "bread and salt", ["long roads", "bread and salt", "salt"]
ORDER = [1, 2, 0]


def rerank(model: Named) -> None:
    answer = client.rerank(model=model("rerank-v3.5"), query=QUERY, documents=DOCUMENTS)
    assert [result.index for result in answer.results] == ORDER
    scores = [result.relevance_score for result in answer.results]
    assert scores == sorted(scores, reverse=True) and 0 <= scores[-1] <= scores[0] <= 1
    assert answer.meta and answer.meta.billed_units and answer.meta.billed_units.search_units == 1
    best = client.rerank(model=model("rerank-v3.5"), query=QUERY, documents=DOCUMENTS, top_n=1)
    assert [result.index for result in best.results] == ORDER[:1]


def errors(model: Named) -> None:
    asked = {"query": QUERY, "documents": DOCUMENTS, "request_options": ONCE}
    for wrong in ({"model": model("gone@error_404")}, {"model": model("rerank-v3.5"), "top_n": 0}):
        with cells.raising(cohere.BadRequestError):
            client.rerank(**asked | wrong)
    stranger = cohere.ClientV2(api_key=cells.WRONG_KEY, base_url=URL)
    with cells.raising(cohere.UnauthorizedError):
        stranger.rerank(model=model("rerank-v3.5"), **asked)


def retries(model: Named) -> None:
    again = RequestOptions(max_retries=2)
    flaky = cells.flaky(model)
    assert client.rerank(model=flaky, query=QUERY, documents=DOCUMENTS, request_options=again).results


if __name__ == "__main__":
    cells.run(["cohere"], {"rerank": rerank, "errors": errors, "retries": retries})
