"""POST /v1/audio/translations: what was said, in English, by those alone who can."""

from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from apps.gateway.edge.asgi import LeanHandler
from tests.asgi import Answer
from tests.gateway.audio import BOUNDARY, SAMPLES, form
from tests.gateway.conftest import RAW_KEY, Gateway, Limit

WHISPER, TURBO = "whisper-large-v3", "@cf/openai/whisper-large-v3-turbo"
ABLE = {"segments", "words", "translation"}


async def translate(gateway: Gateway, *fields: tuple[str, str], file: bytes = SAMPLES["wav"]) -> Answer:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return await gateway.client.request("POST", "/v1/audio/translations", form(*fields, file=file), headers)


def add(gateway: Gateway, name: str, *models: str, **overrides: Any) -> None:
    overrides.setdefault("capabilities", ABLE)
    gateway.add(name, *models, task="transcription", **overrides)


async def test_it_answers_like_a_transcription(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    answer = await translate(gateway, ("model", "whisper-1"), ("prompt", "A talk."))

    assert answer.status == 200, answer.body
    assert answer.json.keys() == {"text", "provider", "model", "latency_ms", "fallback_position"}
    (request,) = gateway.fake.journal
    assert request.path.endswith("/audio/translations")
    (event,) = gateway.events()
    assert (event.strategy, event.endpoint, event.outcome) == ("translation", "translations", "success")


@pytest.mark.parametrize("response_format", ["json", "text", "srt", "verbose_json", "vtt"])
async def test_in_every_format(gateway: Gateway, response_format: str):
    add(gateway, "groq", WHISPER)

    answer = await translate(gateway, ("response_format", response_format))

    assert answer.status == 200, answer.body
    if response_format == "verbose_json":
        assert answer.json["task"] == "translate"
        assert answer.json["segments"]
    elif response_format == "vtt":
        assert answer.body.startswith(b"WEBVTT")


async def test_who_only_transcribes_is_not_asked(gateway: Gateway):
    add(gateway, "groq", "whisper-large-v3-turbo", capabilities={"segments", "words"})
    alone = await translate(gateway)
    add(gateway, "cloudflare", TURBO, weight=1.0)

    answer = await translate(gateway)

    assert (alone.status, alone.error["code"]) == (400, "no_provider_configured")
    assert answer.json["provider"] == "cloudflare"
    assert gateway.fake.journal[0].body["task"] == "translate"


async def test_chat_models_that_hear_translate_where_there_is_no_endpoint(gateway: Gateway):
    gateway.add("gemini", "ok", capabilities={"audio"})
    gateway.add("groq", "ok", capabilities={"audio"})

    answer = await translate(gateway)

    assert answer.json["provider"] == "gemini"
    text = gateway.fake.journal[0].body["contents"][0]["parts"][0]["text"]
    assert "into English" in text
    assert {event.provider for event in gateway.events()} == {"gemini"}


@pytest.mark.parametrize("provider", ["mistral", "huggingface"])
async def test_a_wire_that_cannot_say_it_never_transcribes_instead(gateway: Gateway, provider: str):
    add(gateway, provider, "ok")

    answer = await translate(gateway, ("model", f"{provider}/ok"))

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "does not translate" in answer.error["message"]
    assert gateway.fake.journal == []


async def test_a_model_that_takes_bare_bytes_cannot_be_asked_for_english(gateway: Gateway):
    add(gateway, "cloudflare", TURBO)

    answer = await translate(gateway, ("model", "cloudflare/@cf/openai/whisper"))

    assert answer.status == 400
    assert gateway.fake.journal == []


async def test_seconds_of_audio_count(gateway: Gateway):
    add(gateway, "groq", WHISPER, limits=[Limit("audio_seconds", "day", 10_000)])

    await translate(gateway)

    (event,) = gateway.events()
    assert event.charged["audio_seconds"] > 0


async def test_the_next_provider_takes_over(gateway: Gateway):
    add(gateway, "groq", WHISPER)
    gateway.add("gemini", "ok", capabilities={"audio"}, weight=1.0)
    gateway.fake.script("groq", ["error_500"])

    answer = await translate(gateway)

    assert (answer.json["provider"], answer.json["fallback_position"]) == ("gemini", 2)


@pytest.mark.parametrize("name", ["language", "timestamp_granularities[]", "timestamp_granularities"])
async def test_what_has_no_meaning_is_named(gateway: Gateway, name: str):
    add(gateway, "groq", WHISPER)

    answer = await translate(gateway, (name, "en"))

    assert (answer.status, answer.error["param"]) == (400, name)
    assert gateway.fake.journal == []


@pytest.mark.parametrize(
    ("fields", "file", "param"),
    [
        ([("response_format", "pdf")], SAMPLES["wav"], "response_format"),
        ([("temperature", "hot")], SAMPLES["wav"], "temperature"),
        ([("stream", "true")], SAMPLES["wav"], "stream"),
        ([], b"no sound", "file"),
    ],
)
async def test_bad_fields_are_named(gateway: Gateway, fields: list[tuple[str, str]], file: bytes, param: str):
    add(gateway, "groq", WHISPER)

    answer = await translate(gateway, *fields, file=file)

    assert (answer.status, answer.error["param"]) == (400, param)


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
async def test_the_client_of_openai_reads_it(gateway: Gateway):
    add(gateway, "groq", WHISPER)
    app: Any = LeanHandler()
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    async with http:
        sdk = AsyncOpenAI(base_url="http://gateway.test/v1", api_key=RAW_KEY, http_client=http)

        answer = await sdk.audio.translations.create(model="whisper-1", file=("a.wav", SAMPLES["wav"]))

    assert answer.text


async def test_who_has_an_endpoint_for_it_comes_first(gateway: Gateway):
    gateway.add("gemini", "ok", capabilities={"audio"}, weight=1.0)
    add(gateway, "groq", WHISPER, weight=1.0)

    answer = await translate(gateway)

    assert (answer.json["provider"], answer.json["fallback_position"]) == ("groq", 1)
