"""Embedding codecs: what goes out on each wire, and what comes back of answers good and bad."""

from array import array
from base64 import b64encode
from struct import pack
from typing import Any

import orjson
import pytest

from apps.providers.adapters.embeddings import Batch, codec_for, split, why_unfit
from apps.providers.adapters.shared.urls import resolve_base
from apps.providers.catalogue_files import read_catalogue
from apps.providers.demands.embedding import EmbeddingRequest, EmbeddingResult
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.presets import parse_preset
from apps.providers.types import Offer, Preset
from apps.providers.wires import EmbeddingWire
from tests.factories import API_KEY, make_offer

CATALOGUE = {entry.name: entry for entry in read_catalogue()}
WIRES = ["openai", "cohere", "gemini", "huggingface"]


def shipped(provider: str, model: str = "m") -> Offer:
    """An offer with the provider's shipped wire and base URL."""
    entry = CATALOGUE[provider]
    preset = parse_preset(entry.wire)
    return make_offer(
        provider=provider, model=model, task="embedding", preset=preset, base_url=entry.base_url
    )


def plain(wire: Any = "openai", **fields: Any) -> Offer:
    return make_offer(
        task="embedding", model="m", preset=Preset(embeddings=EmbeddingWire(wire=wire, **fields))
    )


def request(*inputs: Any, **fields: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model=None, inputs=inputs, tokens=tuple(len(item) for item in inputs), **fields)


def built(offer: Offer, wanted: EmbeddingRequest) -> tuple[str, dict[str, Any]]:
    """URL and JSON body of the call with all inputs."""
    call = codec_for(offer).build(wanted, Batch(wanted.inputs, 1), offer)
    assert call.method == "POST"
    assert call.headers["content-type"] == "application/json"
    return call.url, orjson.loads(call.body)


def parsed(offer: Offer, document: Any, count: int = 2) -> EmbeddingResult:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return codec_for(offer).parse(body, count, offer)


def listed(*vectors: Any, **more: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    return {"object": "list", "data": data, **more}


def test_openai_gets_everything_that_was_said():
    url, body = built(plain(), request("a", "b", dimensions=64, extra={"user": "ada", "input_type": "query"}))

    assert url == "https://upstream.test/v1/embeddings"
    assert body == {"model": "m", "input": ["a", "b"], "dimensions": 64, "user": "ada", "input_type": "query"}


def test_openai_gets_token_lists_as_they_are():
    _, body = built(plain(), request((1, 2), (3,)))

    assert body["input"] == [[1, 2], [3]]


def test_mistral_gets_its_own_names_and_nothing_unknown():
    url, body = built(
        shipped("mistral", "codestral-embed"), request("a", dimensions=64, extra={"user": "ada"})
    )

    assert url == "https://api.mistral.ai/v1/embeddings"
    assert body == {"model": "codestral-embed", "input": ["a"], "output_dimension": 64}


def test_nvidia_is_told_what_is_embedded():
    _, silent = built(shipped("nvidia"), request("a"))
    _, said = built(shipped("nvidia"), request("a", extra={"input_type": "query"}))

    assert (silent["input_type"], said["input_type"]) == ("passage", "query")


def test_gemini_gets_one_request_a_text_and_the_key_in_its_header():
    offer = shipped("gemini", "gemini-embedding-001")

    call = codec_for(offer).build(request("a", "b", dimensions=256), Batch(("a", "b"), 2), offer)

    assert call.url.endswith("/v1beta/models/gemini-embedding-001:batchEmbedContents")
    assert call.headers["x-goog-api-key"] == API_KEY
    assert "authorization" not in call.headers
    assert orjson.loads(call.body)["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "b"}]},
        "outputDimensionality": 256,
    }


def test_cohere_gets_texts_with_their_type():
    url, body = built(shipped("cohere", "embed-v4.0"), request("a", dimensions=512))
    _, query = built(shipped("cohere"), request("a", extra={"input_type": "search_query"}))

    assert url == "https://api.cohere.com/v2/embed"
    assert body == {
        "model": "embed-v4.0",
        "texts": ["a"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "output_dimension": 512,
    }
    assert query["input_type"] == "search_query"


def test_huggingface_has_a_base_beside_the_routers():
    url, body = built(shipped("huggingface", "BAAI/bge-m3"), request("a"))

    assert url == "https://router.huggingface.co/hf-inference/models/BAAI/bge-m3/pipeline/feature-extraction"
    assert body["inputs"] == ["a"]


@pytest.mark.parametrize(
    ("base", "own", "expected"),
    [
        ("https://x.test/v1", "", "https://x.test/v1"),
        ("https://x.test/v1/", "", "https://x.test/v1"),
        ("https://x.test/a/v1", "../v2", "https://x.test/a/v2"),
        ("https://x.test/ai/v1", "..", "https://x.test/ai"),
        ("https://x.test/v1", "https://y.test/v2", "https://y.test/v2"),
    ],
)
def test_own_bases_move_with_the_providers(base: str, own: str, expected: str):
    assert resolve_base(base, own) == expected


def test_index_decides_the_order():
    document = listed([1.0], [2.0], usage={"prompt_tokens": 5, "total_tokens": 5})
    document["data"].reverse()

    result = parsed(plain(), document)

    assert result.vectors == [array("d", [1.0]), array("d", [2.0])]
    assert result.usage
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (5, 0)


def test_indexes_may_be_texts():
    document = {"data": [{"index": "1", "embedding": [1]}, {"index": "0", "embedding": [2]}]}

    assert [list(vector) for vector in parsed(plain(), document).vectors] == [[2.0], [1.0]]


EVENTS = [
    b"data: %s\n\n",
    b"data: %s\n\ndata: [DONE]\n\n",
    b"\xef\xbb\xbf: hello\r\n\r\nevent: x\r\ndata:%s",
    b"DATA: %s\n\n",
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_answer_in_one_event_is_read(event: bytes):
    result = parsed(plain(), event % orjson.dumps(listed([1], [2])))

    assert [list(vector) for vector in result.vectors] == [[1.0], [2.0]]


@pytest.mark.parametrize(
    "body", [b"data: [DONE]\n\n", b"data: {}\n\ndata: {}\n\n", b": ping\n\n", b"", b"\n"]
)
def test_other_events_are_a_parsing_error(body: bytes):
    with pytest.raises(UpstreamError) as error:
        parsed(plain(), body)

    assert error.value.kind is ErrorKind.PARSING


def test_vectors_without_index_keep_their_places():
    result = parsed(plain(), {"data": [{"embedding": [1]}, {"embedding": [2]}]})

    assert [list(vector) for vector in result.vectors] == [[1.0], [2.0]]
    assert result.usage is None


def test_packed_vectors_are_unpacked():
    result = parsed(plain(), listed(b64encode(pack("<2f", 0.5, -1.0)).decode()), count=1)

    assert list(result.vectors[0]) == [0.5, -1.0]


@pytest.mark.parametrize("values", [[3.0, 4.0], [0.3, 0.4]])
def test_gemini_vectors_have_length_one(values: list[float]):
    result = parsed(plain("gemini"), {"embeddings": [{"values": values}]}, count=1)

    assert list(result.vectors[0]) == pytest.approx([0.6, 0.8])


def test_length_of_a_huge_vector_is_measured():
    gemini = {"embeddings": [{"values": [1e200, 1e200]}]}

    assert list(parsed(plain("gemini"), gemini, count=1).vectors[0]) == pytest.approx([0.5**0.5, 0.5**0.5])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_packed_vector_of_no_numbers_is_a_parsing_error(value: float):
    document = listed(b64encode(pack("<2f", 1.0, value)).decode())

    with pytest.raises(UpstreamError) as error:
        parsed(plain(), document, count=1)

    assert error.value.kind is ErrorKind.PARSING


def test_a_vector_of_zeros_stays():
    result = parsed(plain("gemini"), {"embeddings": [{"values": [0, 0]}]}, count=1)

    assert list(result.vectors[0]) == [0.0, 0.0]


def test_cohere_usage_is_what_was_billed():
    meta = {"billed_units": {"input_tokens": 7}}

    result = parsed(plain("cohere"), {"embeddings": {"float": [[1], [2]]}, "meta": meta})

    assert result.usage
    assert result.usage.prompt_tokens == 7


BAD_VECTORS: list[list[Any]] = [
    [[1.0]],
    [[1.0], [2.0], [3.0]],
    [[1.0], []],
    [[1.0], None],
    [[1.0], ["x"]],
    [[1.0], [[1.0]]],
    [[1.0], {"0": 1.0}],
    [[1.0], "%%%"],
]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("vectors", BAD_VECTORS, ids=str)
def test_anything_but_one_vector_for_each_input_is_a_parsing_error(wire: str, vectors: list[Any]):
    documents = {
        "openai": listed(*vectors),
        "cohere": {"embeddings": {"float": vectors}},
        "gemini": {"embeddings": [{"values": vector} for vector in vectors]},
        "huggingface": vectors,
    }

    with pytest.raises(UpstreamError) as error:
        parsed(plain(wire), documents[wire])

    assert error.value.kind is ErrorKind.PARSING


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"{}", b"7", b"[[1.0], [2.", b'{"data": 7}', b'{"embeddings": 7}']
)
def test_other_bodies_are_parsing_errors(wire: str, body: bytes):
    with pytest.raises(UpstreamError) as error:
        parsed(plain(wire), body)

    assert error.value.kind is ErrorKind.PARSING


@pytest.mark.parametrize("indexes", [(0, 0), (0, 2), (1, 2), ("0", "x"), (0, None), ([0], {}), (False, True)])
def test_indexes_that_leave_a_gap_are_a_parsing_error(indexes: tuple[Any, Any]):
    document = {"data": [{"index": index, "embedding": [1.0]} for index in indexes]}

    with pytest.raises(UpstreamError) as error:
        parsed(plain(), document)

    assert error.value.kind is ErrorKind.PARSING


@pytest.mark.parametrize("wire", WIRES)
def test_an_error_in_a_200_is_the_upstreams_failure(wire: str):
    with pytest.raises(UpstreamError) as error:
        parsed(plain(wire), {"error": {"message": "out of memory", "type": "server_error"}})

    assert error.value.kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([1], [1]),
        ([1] * 7, [3, 3, 1]),
        ([4, 4, 4], [2, 1]),
        ([50, 1, 1], [1, 2]),
        ([1, 50, 1], [1, 1, 1]),
        ([10, 10], [1, 1]),
    ],
)
def test_batches_keep_order_count_and_tokens(sizes: list[int], batches: list[int]):
    inputs = tuple(f"{at}" for at in range(len(sizes)))
    wanted = EmbeddingRequest(model=None, inputs=inputs, tokens=tuple(sizes))

    parts = split(wanted, plain(batch=3, batch_tokens=10))

    assert [len(part.inputs) for part in parts] == batches
    assert tuple(text for part in parts for text in part.inputs) == inputs
    assert sum(part.tokens for part in parts) == sum(sizes)


def test_token_lists_fit_where_they_are_taken():
    tokens, text = request((1, 2)), request("a")

    assert why_unfit(tokens, plain(token_lists=False)) == "takes no token lists"
    assert why_unfit(tokens, plain()) == why_unfit(text, plain(token_lists=False)) == ""


@pytest.mark.parametrize(
    ("provider", "most"), [("gemini", 100), ("cohere", 96), ("cloudflare", 100), ("openai", 2048)]
)
def test_shipped_batches_are_within_the_upstreams(provider: str, most: int):
    wire = plain().preset.embeddings if provider == "openai" else shipped(provider).preset.embeddings

    assert wire.batch <= most


@pytest.mark.parametrize("wire", ["openai", "gemini", "cohere", "huggingface"])
def test_what_no_json_can_say_is_this_candidates_refusal(wire: str):
    with pytest.raises(UpstreamError) as caught:
        built(plain(wire), request("half a pair: \ud800"))

    assert caught.value.kind is ErrorKind.REFUSED
