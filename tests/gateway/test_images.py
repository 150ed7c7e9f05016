"""POST /v1/images/generations: pictures in the form that was asked for, by whoever makes them."""

from base64 import b64decode, b64encode
from typing import Any

import httpx
import msgspec
import orjson
import pytest
from openai import AsyncOpenAI
from openai.types import ImagesResponse

from apps.gateway.edge.asgi import LeanHandler
from apps.providers.image_fetch import ImageFetcher
from apps.providers.types import Preset
from apps.providers.wires import ImageWire
from fakes.families.images import JPEG, png_of
from tests.asgi import Answer
from tests.gateway.conftest import RAW_KEY, SHIPPED, Gateway, Limit
from tests.gateway.upstream_pages import Pages
from tests.providers.image_site import Site, guarded, serving

FLUX = "@cf/black-forest-labs/flux-1-schnell"
PNG = b64encode(png_of(3)).decode()
OWN_HOST = msgspec.structs.replace(
    SHIPPED["nvidia"], images=msgspec.structs.replace(SHIPPED["nvidia"].images, base_url="genai")
)
MODELS = {
    "openai": ("ok", png_of(0)),
    "together": ("ok", png_of(0)),
    "cloudflare": (FLUX, JPEG),
    "huggingface": ("black-forest-labs/FLUX.1-schnell", JPEG),
    "nvidia": ("black-forest-labs/flux.1-schnell", JPEG),
}


async def imagine(gateway: Gateway, **fields: Any) -> Answer:
    asked = {"prompt": "a lighthouse"} | fields
    return await gateway.client.request("POST", "/v1/images/generations", orjson.dumps(asked))


def add(gateway: Gateway, name: str, *models: str, **overrides: Any) -> None:
    if name == "nvidia":
        overrides.setdefault("preset", OWN_HOST)
    overrides.setdefault("capabilities", set())
    gateway.add(name, *(models or MODELS[name][:1]), task="image", **overrides)


def pictures(answer: Answer) -> list[bytes]:
    assert answer.status == 200, answer.body
    return [b64decode(item["b64_json"], validate=True) for item in answer.json["data"]]


@pytest.mark.parametrize("provider", MODELS)
async def test_every_wire_gives_base64_of_what_it_says_it_is(gateway: Gateway, provider: str):
    add(gateway, provider)
    image = MODELS[provider][1]

    answer = await imagine(gateway)

    assert pictures(answer) == [image]
    assert answer.json["output_format"] == ("jpeg" if image is JPEG else "png")
    assert answer.json.keys() == {
        "created", "data", "output_format", "model", "provider", "fallback_position",
    }  # fmt: skip
    ImagesResponse.model_validate(answer.json)


async def test_a_model_that_answers_the_picture_itself(gateway: Gateway):
    add(gateway, "cloudflare", "@cf/stabilityai/stable-diffusion-xl-base-1.0")

    assert pictures(await imagine(gateway)) == [png_of(1)]


async def test_attempt_is_recorded_as_an_image_without_tokens(gateway: Gateway):
    add(gateway, "cloudflare")

    await imagine(gateway)

    (event,) = gateway.events()
    assert (event.strategy, event.endpoint, event.outcome) == ("image", "images", "success")
    assert (event.prompt_tokens, event.completion_tokens) == (0, 0)
    assert await gateway.open_grants() == 0


@pytest.mark.parametrize("provider", ["cloudflare", "huggingface"])
async def test_what_came_as_bytes_has_a_data_url(gateway: Gateway, provider: str):
    add(gateway, provider)

    answer = await imagine(gateway, response_format="url")

    assert answer.json["data"] == [{"url": f"data:image/jpeg;base64,{b64encode(JPEG).decode()}"}]


async def test_an_address_is_given_on_where_one_is_wanted(gateway: Gateway, upstream: Pages):
    upstream.answer(
        200, orjson.dumps({"data": [{"url": "https://pictures.test/1.png", "revised_prompt": "x"}]})
    )
    add(gateway, "custom", "ok", base_url=upstream.url, family="openai")

    answer = await imagine(gateway, response_format="url")

    assert answer.json["data"] == [{"url": "https://pictures.test/1.png", "revised_prompt": "x"}]
    assert "output_format" not in answer.json


async def test_an_address_is_fetched_where_bytes_are_wanted(gateway: Gateway, upstream: Pages):
    gateway.runtime.images = ImageFetcher(guarded())
    async with serving() as site:
        upstream.answer(200, orjson.dumps({"images": [{"url": picture_url(site)}]}))
        add(gateway, "custom", "ok", base_url=upstream.url, family="openai")

        answer = await imagine(gateway)

    (image,) = pictures(answer)
    assert image.startswith(b"\x89PNG")
    await gateway.runtime.images.aclose()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/x.png", "http://169.254.169.254/latest", "http://localhost/x", "file:///etc/passwd"],
)
async def test_no_address_of_an_upstream_leads_inside(gateway: Gateway, upstream: Pages, url: str):
    upstream.answer(200, orjson.dumps({"data": [{"url": url}]}))
    add(gateway, "custom", "ok", base_url=upstream.url, family="openai")
    add(gateway, "cloudflare", weight=1.0)

    answer = await imagine(gateway)

    assert answer.json["provider"] == "cloudflare"
    assert gateway.events()[0].error_kind == "parsing"


async def test_several_pictures_are_several_calls_and_each_counts(gateway: Gateway):
    limits = [Limit("requests", "day", 100), Limit("neurons", "day", 10_000), Limit("images", "day", 10)]
    add(gateway, "cloudflare", limits=limits)

    answer = await imagine(gateway, n=3)

    assert pictures(answer) == [JPEG] * 3
    assert len(gateway.fake.journal) == 3
    assert [event.charged for event in gateway.events()] == [{"images": 1, "neurons": 58}] * 3


async def test_several_pictures_are_one_call_where_one_gives_them(gateway: Gateway):
    add(gateway, "together")

    answer = await imagine(gateway, n=3)

    assert pictures(answer) == [png_of(0), png_of(1), png_of(2)]
    assert [request.body["n"] for request in gateway.fake.journal] == [3]


async def test_what_was_made_is_an_answer_where_a_later_call_fails(gateway: Gateway):
    add(gateway, "cloudflare")
    add(gateway, "openai", weight=1.0)
    gateway.fake.script("cloudflare", ["ok", "ok", "error_500"])

    answer = await imagine(gateway, n=4)

    assert pictures(answer) == [JPEG] * 2
    assert [event.outcome for event in gateway.events()] == ["success", "success", "error"]
    assert await gateway.open_grants() == 0


async def test_a_first_call_that_fails_is_left_for_the_next(gateway: Gateway):
    add(gateway, "cloudflare")
    add(gateway, "openai", weight=1.0)
    gateway.fake.script("cloudflare", ["error_500"])

    answer = await imagine(gateway, n=2)

    assert (answer.json["provider"], len(answer.json["data"])) == ("openai", 2)


async def test_neurons_that_are_spent_leave_it_to_others(gateway: Gateway):
    add(gateway, "cloudflare", limits=[Limit("neurons", "day", 100)])

    first, second = await imagine(gateway), await imagine(gateway)

    assert first.status == 200
    assert (second.status, second.error["code"]) == (429, "quota_exhausted")


async def test_a_refused_prompt_is_not_given_to_a_laxer_one(gateway: Gateway):
    add(gateway, "nvidia")
    add(gateway, "openai", weight=1.0)
    gateway.fake.script("nvidia", ["filtered"])

    answer = await imagine(gateway)

    assert (answer.status, answer.error["code"], answer.error["param"]) == (
        400,
        "content_policy_violation",
        "prompt",
    )
    assert [event.provider for event in gateway.events()] == ["nvidia"]


@pytest.mark.parametrize(
    ("provider", "sent", "dropped"),
    [
        ("openai", {"size": "500x300"}, None),
        ("together", {"width": 496, "height": 304}, None),
        ("cloudflare", {}, "size"),
    ],
)
async def test_sizes_are_said_as_each_takes_them(
    gateway: Gateway, provider: str, sent: dict[str, Any], dropped: str | None
):
    add(gateway, provider)

    answer = await imagine(gateway, size="500x300")

    assert answer.headers.get("x-freeai-dropped") == dropped
    body = gateway.fake.journal[0].body
    assert {name: body[name] for name in ("size", "width", "height") if name in body} == sent


async def test_raw_wires_get_their_parameters(gateway: Gateway):
    add(gateway, "huggingface")

    answer = await imagine(gateway, size="9999x10", seed=7, quality="high")

    assert answer.headers["x-freeai-dropped"] == "quality"
    assert gateway.fake.journal[0].body == {
        "inputs": "a lighthouse",
        "parameters": {"seed": 7, "width": 2048, "height": 256},
    }


async def test_auto_is_the_models_own_size(gateway: Gateway):
    add(gateway, "openai")

    await imagine(gateway, size="auto")

    assert "size" not in gateway.fake.journal[0].body


async def test_the_name_of_a_model_that_ended_is_none(gateway: Gateway):
    add(gateway, "cloudflare")

    assert (await imagine(gateway, model="dall-e-3")).json["model"] == FLUX


async def test_the_client_of_openai_reads_it(gateway: Gateway):
    add(gateway, "cloudflare")
    app: Any = LeanHandler()
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    async with http:
        sdk = AsyncOpenAI(base_url="http://gateway.test/v1", api_key=RAW_KEY, http_client=http)

        answer = await sdk.images.generate(model="dall-e-3", prompt="a cat", size="1024x1024")

    assert answer.data is not None
    assert b64decode(answer.data[0].b64_json or "") == JPEG


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["x"]}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"n": "2"}, "n"),
        ({"size": "big"}, "size"),
        ({"size": "1024"}, "size"),
        ({"size": "0x0"}, "size"),
        ({"size": "99999x5"}, "size"),
        ({"response_format": "png"}, "response_format"),
        ({"output_format": "gif"}, "output_format"),
        ({"stream": True}, "stream"),
        ({"model": 7}, "model"),
    ],
)
async def test_bad_fields_are_named(gateway: Gateway, fields: dict[str, Any], param: str):
    add(gateway, "openai")

    answer = await imagine(gateway, **fields)

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"] == param
    assert gateway.fake.journal == []


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        [{}],
        [{"b64_json": ""}],
        [{"b64_json": 5}],
        [{"b64_json": "not base64!"}],
        [{"b64_json": b64encode(b"<html>").decode()}],
        [{"b64_json": "é"}],
        [{"url": "javascript:alert(1)"}],
        [{"url": "data:image/png;base64,"}],
        [{"b64_json": PNG}, {"b64_json": PNG[:-3]}],
    ],
)
async def test_what_is_no_picture_is_left_for_the_next(gateway: Gateway, upstream: Pages, data: Any):
    upstream.answer(200, orjson.dumps({"data": data}))
    wire = ImageWire(most=2)
    add(gateway, "custom", "ok", base_url=upstream.url, family="openai", preset=Preset(images=wire))
    add(gateway, "cloudflare", weight=1.0)

    answer = await imagine(gateway, n=2)

    assert answer.json["provider"] == "cloudflare"
    assert gateway.events()[0].error_kind == "parsing"


async def test_more_than_an_answer_may_be_is_left_for_the_next(
    gateway: Gateway, upstream: Pages, settings: Any
):
    settings.FREEAI_MAX_MEDIA_BYTES = 2_000
    upstream.answer(200, orjson.dumps({"data": [{"b64_json": PNG}], "x": "x" * 2_000}))
    add(gateway, "custom", "ok", base_url=upstream.url, family="openai")
    add(gateway, "cloudflare", weight=1.0)

    assert (await imagine(gateway)).json["provider"] == "cloudflare"


def picture_url(site: Site) -> str:
    """The address of a picture on the site."""
    return site.url("/a.png")


async def edit(gateway: Gateway, *files: tuple[str, bytes], **fields: str) -> Answer:
    boundary = "b0undary"
    asked = {"prompt": "at night"} | fields
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in asked.items()
    ]
    for name, data in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="x.bin"\r\n\r\n'
        parts += [head.encode(), data, b"\r\n"]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    return await gateway.client.request("POST", "/v1/images/edits", body, headers)


async def test_pictures_are_changed_by_those_alone_who_can(gateway: Gateway):
    add(gateway, "cloudflare")
    alone = await edit(gateway, ("image", JPEG))
    add(gateway, "openai", capabilities={"image_edits"}, weight=1.0)

    answer = await edit(gateway, ("image", JPEG), ("mask", png_of(1)), n="2", quality="low")

    assert (alone.status, alone.error["code"]) == (400, "no_capable_provider")
    assert pictures(answer) == [png_of(0)] * 2
    request, _ = gateway.fake.journal
    assert request.path.endswith("/images/edits")
    for said in (
        'name="prompt"\r\n\r\nat night',
        'name="image"; filename="picture.jpeg"',
        'name="mask"',
        'name="n"\r\n\r\n1',
    ):
        assert said in request.body
    assert [event.endpoint for event in gateway.events()] == ["images"] * 2


@pytest.mark.parametrize("count", [1, 3, 16])
async def test_several_pictures_at_once(gateway: Gateway, count: int):
    add(gateway, "openai", capabilities={"image_edits"})

    answer = await edit(gateway, *[("image[]", png_of(at)) for at in range(count)])

    assert len(pictures(answer)) == 1
    named = 'name="image";' if count == 1 else 'name="image[]";'
    assert gateway.fake.journal[0].body.count(named) == count


@pytest.mark.parametrize(
    ("files", "fields", "param"),
    [
        ([], {}, "image"),
        ([("mask", JPEG)], {}, "image"),
        ([("image", b"GIF89a")], {}, "image"),
        ([("image", b"")], {}, "image"),
        ([("image", JPEG), ("mask", b"x")], {}, "mask"),
        ([("image", JPEG), ("picture", JPEG)], {}, "picture"),
        ([("image", JPEG), ("image", JPEG)], {}, "image"),
        ([("image[]", JPEG)] * 17, {}, "image"),
        ([("image", JPEG)], {"prompt": ""}, "prompt"),
        ([("image", JPEG)], {"n": "0"}, "n"),
        ([("image", JPEG)], {"n": "two"}, "n"),
        ([("image", JPEG)], {"n": "9" * 60}, "n"),
        ([("image", JPEG)], {"size": "big"}, "size"),
        ([("image", JPEG)], {"stream": "true"}, "stream"),
        ([("image", JPEG)], {"fallback": "maybe"}, "fallback"),
    ],
)
async def test_bad_forms_are_named(
    gateway: Gateway, files: list[tuple[str, bytes]], fields: dict[str, str], param: str
):
    add(gateway, "openai", capabilities={"image_edits"})

    answer = await edit(gateway, *files, **fields)

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"] == param
    assert gateway.fake.journal == []
