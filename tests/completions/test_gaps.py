"""Code that fills a gap: it goes to models that can, as prompt and suffix, and to no model that would answer in prose."""

from typing import Any

import pytest

from apps.gateway.endpoints.completions.wire import templates
from apps.gateway.endpoints.completions.wire.templates import Gap
from apps.gateway.wire.errors import ApiError
from apps.providers.catalogue_files import read_catalogue
from tests.completions.conftest import CODER, ask, read
from tests.gateway.conftest import Gateway
from tests.gateway.scripted import Scripted, answered

GAP = Gap("def add(a, b):\n    ", "\n\nprint(add(1, 2))")
WRITTEN = {
    "qwen": f"<|fim_prefix|>{GAP.prompt}<|fim_suffix|>{GAP.suffix}<|fim_middle|>",
    "starcoder": f"<fim_prefix>{GAP.prompt}<fim_suffix>{GAP.suffix}<fim_middle>",
    "codellama": f"<PRE>{GAP.prompt}<SUF>{GAP.suffix}<MID>",
    "deepseek": f"<｜fim▁begin｜>{GAP.prompt}<｜fim▁hole｜>{GAP.suffix}<｜fim▁end｜>",
    "codestral": f"[SUFFIX]{GAP.suffix}[PREFIX]{GAP.prompt}",
}


def coder(gateway: Gateway, **fields: Any) -> None:
    gateway.add("mistral", CODER, capabilities={"fim", "tools"}, **fields)


async def test_a_suffix_goes_beside_the_prompt(gateway: Gateway, stream: bool):
    coder(gateway)

    answer = await ask(
        gateway, **GAP._asdict(), stream=stream, max_tokens=32, temperature=0, seed=3, stop=["\n\n"]
    )

    [entry] = gateway.fake.journal
    assert entry.path.endswith("/v1/fim/completions")
    assert entry.body == {
        **GAP._asdict(), "model": CODER, "max_tokens": 32, "temperature": 0, "random_seed": 3, "stop": ["\n\n"],
        **({"stream": True} if stream else {}),
    }  # fmt: skip
    assert read(answer, stream=stream)[0]["text"]
    [event] = gateway.events()
    assert (event.endpoint, event.outcome, event.estimated) == ("completions", "success", False)


@pytest.mark.parametrize("name", sorted(WRITTEN))
async def test_a_template_of_an_editors_is_prompt_and_suffix(gateway: Gateway, name: str):
    coder(gateway)

    await ask(gateway, prompt=WRITTEN[name])

    body = gateway.fake.journal[-1].body
    assert Gap(body["prompt"], body["suffix"]) == GAP


@pytest.mark.parametrize("fields", [GAP._asdict(), {"prompt": WRITTEN["qwen"]}])
async def test_never_reaches_a_model_that_chats(gateway: Gateway, fields: dict[str, str]):
    gateway.add("groq")

    answer = await ask(gateway, **fields)

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "fim" in answer.error["message"]
    assert gateway.fake.journal == []


async def test_chooses_the_one_that_can_among_others(gateway: Gateway):
    gateway.add("groq", weight=200.0)
    coder(gateway)

    answer = await ask(gateway, model="freeai-auto", **GAP._asdict())

    assert answer.headers["x-freeai-provider"] == "mistral"


async def test_what_the_endpoint_has_no_place_for_is_named(gateway: Gateway):
    coder(gateway)

    answer = await ask(gateway, **GAP._asdict(), presence_penalty=1, user="ada", top_p=0.5)

    assert answer.status == 200
    assert answer.headers["x-freeai-dropped"] == "presence_penalty, user"


async def test_an_empty_suffix_is_none(gateway: Gateway):
    gateway.add("groq")

    assert (await ask(gateway, suffix="")).status == 200


async def test_ollama_fills_gaps_by_its_completions(gateway: Gateway, upstream: Scripted):
    gateway.add("ollama", base_url=upstream.url, capabilities={"fim"})
    upstream.steps = answered(
        {
            "object": "text_completion",
            "choices": [{"index": 0, "text": "return a + b", "finish_reason": "stop"}],
        }
    )

    answer = await ask(gateway, **GAP._asdict())

    assert read(answer, stream=False)[0]["text"] == "return a + b"
    assert b'"suffix":' in upstream.requests[0]
    assert b"messages" not in upstream.requests[0]


def test_the_catalogue_knows_who_fills_gaps():
    able = {
        (entry.name, model.name)
        for entry in read_catalogue()
        for model in entry.models
        if "fim" in model.capabilities
    }
    assert ("mistral", CODER) in able
    assert all(
        entry.wire.get("fim") for entry in read_catalogue() if entry.name in {name for name, _ in able}
    )


@pytest.mark.parametrize(
    "text", ["", "plain", "a <mid> b", "[SUFFIX] alone", "x <fim_middle> y", "<PRE> is a tag"]
)
def test_other_texts_have_no_template(text: str):
    assert templates.read(text, "prompt") is None


@pytest.mark.parametrize(
    "text",
    [
        "<|fim_prefix|>a<|fim_suffix|>b",
        "<|fim_prefix|>a<|fim_middle|>",
        "<PRE>a<SUF>b<MID>c",
    ],
)
def test_a_part_of_a_template_is_refused_in_words(text: str):
    with pytest.raises(ApiError) as refused:
        templates.read(text, "prompt")

    assert (refused.value.status, refused.value.param) == (400, "prompt")
