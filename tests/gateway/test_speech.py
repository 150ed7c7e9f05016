"""POST /v1/audio/speech: sound of the format that was asked for, truly labelled, whoever speaks."""

import io
import wave
from base64 import b64encode
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI

from apps.gateway.edge.asgi import LeanHandler
from apps.providers.adapters.speech import pieces
from fakes.families.speech import samples_of, sound_of
from tests.asgi import Answer
from tests.gateway.conftest import RAW_KEY, SHIPPED, Gateway, Limit
from tests.gateway.upstream_pages import Pages

MELO, AURA, TTS = "@cf/myshell-ai/melotts", "@cf/deepgram/aura-1", "gemini-3.1-flash-tts"
MODELS = {"openai": "ok", "groq": "ok", "mistral": "ok", "gemini": TTS, "cloudflare": MELO}
TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
HELLO = "Hello world."
LONG = "This is a sentence, and it goes on for a while. " * 12


async def speak(gateway: Gateway, text: str = HELLO, **fields: Any) -> Answer:
    asked = {"input": text, "voice": "alloy"} | fields
    return await gateway.client.request("POST", "/v1/audio/speech", orjson.dumps(asked))


def add(gateway: Gateway, name: str, *models: str, **overrides: Any) -> None:
    overrides.setdefault("capabilities", set())
    gateway.add(name, *(models or (MODELS[name],)), task="speech", **overrides)


def samples(answer: Answer) -> bytes:
    """Those of a WAV file, as Python's own reader finds them by the sizes in its head."""
    assert answer.status == 200, answer.body
    with wave.open(io.BytesIO(answer.body)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return file.readframes(file.getnframes())


@pytest.mark.parametrize(
    ("provider", "kind"),
    [
        *[("openai", kind) for kind in TYPES],
        *[("mistral", kind) for kind in ("mp3", "wav", "pcm", "flac", "opus")],
        ("groq", "wav"),
        ("gemini", "wav"),
        ("gemini", "pcm"),
        ("cloudflare", "mp3"),
    ],
)
async def test_every_wire_gives_the_format_that_was_asked_for(gateway: Gateway, provider: str, kind: str):
    add(gateway, provider)

    answer = await speak(gateway, response_format=kind)

    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == TYPES[kind]
    assert answer.headers["x-freeai-provider"] == provider
    if kind == "wav":
        assert samples(answer) == samples_of(HELLO)
    else:
        assert answer.body == sound_of(HELLO, kind)


@pytest.mark.parametrize("provider", MODELS)
async def test_without_a_format_it_is_what_the_first_gives(gateway: Gateway, provider: str):
    add(gateway, provider)

    answer = await speak(gateway)

    given = {"groq": "wav", "gemini": "wav"}.get(provider, "mp3")
    assert answer.headers["content-type"] == TYPES[given]


async def test_a_format_goes_where_it_is_given(gateway: Gateway):
    add(gateway, "groq")
    add(gateway, "gemini")
    alone = await speak(gateway, response_format="mp3")
    add(gateway, "cloudflare", weight=1.0)

    answer = await speak(gateway, response_format="mp3")

    assert (alone.status, alone.error["code"]) == (400, "no_capable_provider")
    assert "gives no mp3, but wav" in alone.error["message"]
    assert answer.headers["x-freeai-provider"] == "cloudflare"


async def test_a_model_of_another_form(gateway: Gateway):
    add(gateway, "cloudflare", AURA)

    answer = await speak(gateway)

    assert answer.body == sound_of(HELLO, "mp3")
    assert gateway.fake.journal[0].body == {"text": HELLO, "speaker": "asteria"}
    assert "x-freeai-dropped" not in answer.headers


async def test_a_voice_that_there_is_no_choice_of_is_said_to_be_lost(gateway: Gateway):
    add(gateway, "cloudflare")

    assert (await speak(gateway)).headers["x-freeai-dropped"] == "voice"


@pytest.mark.parametrize(
    ("voice", "sent"), [("onyx", "troy"), ("hannah", "hannah"), ({"id": "nova"}, "diana")]
)
async def test_voices_of_openai_are_the_providers(gateway: Gateway, voice: Any, sent: str):
    add(gateway, "groq")

    await speak(gateway, voice=voice)

    assert gateway.fake.journal[0].body["voice"] == sent


async def test_a_voice_that_nobody_knows_is_the_providers_refusal(gateway: Gateway):
    add(gateway, "groq")

    answer = await speak(gateway, voice="klaus")

    assert (answer.status, answer.error["param"]) == (400, "voice")


@pytest.mark.parametrize("kind", ["wav", None])
async def test_a_long_text_is_spoken_in_parts(gateway: Gateway, kind: str | None):
    add(gateway, "groq")

    answer = await speak(gateway, LONG, response_format=kind)

    assert samples(answer) == samples_of(LONG)
    spoken = [request.body["input"] for request in gateway.fake.journal]
    assert len(spoken) == len(gateway.events()) == 3
    assert all(len(text) <= 200 and text.rstrip().endswith(".") for text in spoken)
    assert await gateway.open_grants() == 0


async def test_a_part_that_fails_fails_the_whole_and_nothing_is_mixed(gateway: Gateway):
    add(gateway, "groq")
    add(gateway, "gemini", weight=1.0)
    gateway.fake.script("groq", ["ok", "error_500"])

    answer = await speak(gateway, LONG, response_format="wav")

    assert answer.headers["x-freeai-provider"] == "gemini"
    assert samples(answer) == samples_of(LONG)


@given(st.text(max_size=600), st.integers(1, 80))
def test_pieces_are_the_text(text: str, longest: int):
    found = pieces(text, longest)

    assert all(len(piece) <= longest and piece.strip() for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


async def test_attempt_is_recorded_as_speech(gateway: Gateway):
    add(gateway, "gemini")

    await speak(gateway)

    (event,) = gateway.events()
    assert (event.strategy, event.endpoint, event.outcome) == ("speech", "speech", "success")
    assert event.prompt_tokens > 0
    assert await gateway.open_grants() == 0


async def test_neurons_are_those_of_the_text(gateway: Gateway):
    add(gateway, "cloudflare", AURA, limits=[Limit("neurons", "day", 10_000)])

    await speak(gateway, "x" * 1_500)

    assert [event.charged for event in gateway.events()] == [{"neurons": 2_046}]


async def test_what_a_provider_cannot_do_goes_to_another(gateway: Gateway):
    add(gateway, "groq")
    refused = await speak(gateway, instructions="Softly.")
    add(gateway, "gemini", weight=1.0)

    softly = await speak(gateway, instructions="Softly")
    slowly = await speak(gateway, speed=0.5)
    plain = await speak(gateway, speed=1, instructions="")

    assert (refused.status, refused.error["code"]) == (400, "no_capable_provider")
    assert softly.headers["x-freeai-provider"] == "gemini"
    assert gateway.fake.journal[0].body["contents"][0]["parts"][0]["text"] == f"Softly: {HELLO}"
    assert slowly.headers["x-freeai-provider"] == plain.headers["x-freeai-provider"] == "groq"


async def test_terms_that_were_not_accepted_are_left_for_the_next(gateway: Gateway, upstream: Pages):
    error = {"message": "The model requires terms acceptance.", "code": "model_terms_required"}
    upstream.answer(400, orjson.dumps({"error": error}))
    add(gateway, "first", "ok", base_url=upstream.url, family="groq", preset=SHIPPED["groq"])
    add(gateway, "gemini", weight=1.0)

    answer = await speak(gateway)

    assert answer.headers["x-freeai-provider"] == "gemini"
    assert gateway.events()[0].error_kind == "not_in_plan"


async def test_a_filtered_text_is_no_sound(gateway: Gateway):
    add(gateway, "gemini")
    gateway.fake.script("gemini", ["filtered"])

    answer = await speak(gateway)

    assert (answer.status, answer.error["code"]) == (400, "content_filter")


async def test_the_client_of_openai_reads_it(gateway: Gateway):
    add(gateway, "openai")
    app: Any = LeanHandler()
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    async with http:
        sdk = AsyncOpenAI(base_url="http://gateway.test/v1", api_key=RAW_KEY, http_client=http)

        answer = await sdk.audio.speech.create(model="tts-1", voice="alloy", input=HELLO)

    assert answer.content == sound_of(HELLO, "mp3")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": " \n"}, "input"),
        ({"input": 5}, "input"),
        ({"input": "x" * 4_097}, "input"),
        ({"voice": None}, "voice"),
        ({"voice": ""}, "voice"),
        ({"voice": {}}, "voice.id"),
        ({"voice": {"id": 5}}, "voice.id"),
        ({"voice": "x" * 201}, "voice"),
        ({"response_format": "ogg"}, "response_format"),
        ({"speed": 0}, "speed"),
        ({"speed": 5}, "speed"),
        ({"speed": "1"}, "speed"),
        ({"instructions": 5}, "instructions"),
        ({"stream_format": "sse"}, "stream_format"),
        ({"model": 7}, "model"),
    ],
)
async def test_bad_fields_are_named(gateway: Gateway, fields: dict[str, Any], param: str):
    add(gateway, "openai")

    answer = await speak(gateway, **fields)

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"] == param
    assert gateway.fake.journal == []


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b"", None),
        (b"<html>", None),
        (b"not a sound at all", None),
        (b'{"audio_data": "x"}', None),
        (sound_of(HELLO, "wav"), "mp3"),
        (sound_of(HELLO, "mp3"), "wav"),
        (sound_of(HELLO, "mp3"), "pcm"),
        (b'{"error": {"message": "no"}}', "pcm"),
        (b"", "pcm"),
        (b"RIFF\xff\xff\xff\xffWAVE", "wav"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "wav"),
        (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\x7f", "wav"),
    ],
)
async def test_what_is_not_that_sound_is_left_for_the_next(
    gateway: Gateway, upstream: Pages, body: bytes, asked: str | None
):
    upstream.answer(200, body, kind="audio/mpeg")
    add(gateway, "custom", "ok", base_url=upstream.url, family="openai")
    add(gateway, "mistral", weight=1.0)

    answer = await speak(gateway, response_format=asked)

    assert answer.headers["x-freeai-provider"] == "mistral"
    assert gateway.events()[0].error_kind in ("parsing", "server_error")


@pytest.mark.parametrize("data", [None, "", 5, "no base64!", b64encode(b"x").decode()])
async def test_json_without_sound_is_left_for_the_next(gateway: Gateway, upstream: Pages, data: Any):
    upstream.answer(200, orjson.dumps({"audio_data": data}))
    add(gateway, "custom", "ok", base_url=upstream.url, family="mistral", preset=SHIPPED["mistral"])
    add(gateway, "openai", weight=1.0)

    assert (await speak(gateway)).headers["x-freeai-provider"] == "openai"
