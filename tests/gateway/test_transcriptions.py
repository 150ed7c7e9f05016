"""POST /v1/audio/transcriptions: files by their bytes, sizes, formats of the answer, fallback from Whisper to Gemini."""

from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from apps.gateway.edge.asgi import LeanHandler
from apps.providers.sounds import detect
from apps.providers.types import Preset
from apps.providers.wires import MIB
from tests.gateway.audio import SAMPLES, form, transcribe
from tests.gateway.conftest import RAW_KEY, Gateway, Limit

WHISPER = "whisper-large-v3-turbo"


def add(gateway: Gateway, name: str, *models: str, **overrides: Any) -> None:
    overrides.setdefault("capabilities", {"segments", "words"} if name == "groq" else set())
    gateway.add(name, *models, task="transcription", **overrides)


async def test_answer_has_the_shape_of_the_reference(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, ("model", "whisper-1"), ("language", "en"))

    assert answer.status == 200, answer.body
    body = answer.json
    assert body.keys() == {"text", "provider", "model", "latency_ms", "fallback_position"}
    assert (body["provider"], body["model"], body["fallback_position"]) == ("groq", WHISPER, 1)
    assert body["text"]
    assert isinstance(body["latency_ms"], int)
    assert answer.headers["x-freeai-model"] == WHISPER


async def test_attempt_is_recorded_as_a_transcription_without_tokens(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    await transcribe(gateway.client)

    (event,) = gateway.events()
    assert (event.strategy, event.endpoint, event.outcome) == ("transcription", "transcriptions", "success")
    assert (event.prompt_tokens, event.completion_tokens) == (0, 0)
    assert await gateway.open_grants() == 0


async def test_fields_reach_the_upstream(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    await transcribe(
        gateway.client, ("language", "ES"), ("prompt", "Žižkov"), ("temperature", "0.2"), ("seed", "7")
    )

    sent = gateway.fake.journal[0].body
    for name, value in (("language", "es"), ("prompt", "Žižkov"), ("temperature", "0.2"), ("seed", "7")):
        assert f'name="{name}"\r\n\r\n{value}\r\n' in sent
    assert f'name="model"\r\n\r\n{WHISPER}\r\n' in sent


async def test_whisper_falls_back_to_gemini(gateway: Gateway):
    add(gateway, "gemini", "ok", weight=1.0)
    add(gateway, "groq", "error_500", weight=1.0)

    answer = await transcribe(gateway.client, ("language", "en"))

    assert (answer.json["provider"], answer.json["fallback_position"]) == ("gemini", 2)
    assert [event.provider for event in gateway.events()] == ["groq", "gemini"]
    assert await gateway.open_grants() == 0


async def test_chat_models_that_hear_transcribe_at_gemini(gateway: Gateway):
    gateway.add("gemini", "ok", capabilities={"audio"})

    answer = await transcribe(gateway.client)

    assert answer.json["provider"] == "gemini"
    parts = gateway.fake.journal[0].body["contents"][0]["parts"]
    assert [part["inlineData"]["mimeType"] for part in parts if "inlineData" in part] == ["audio/mp3"]


@pytest.mark.parametrize("provider", ["openai", "mistral", "gemini", "cohere", "huggingface", "cloudflare"])
async def test_every_wire_transcribes(gateway: Gateway, provider: str):
    add(gateway, provider, "ok")

    answer = await transcribe(gateway.client, ("language", "en"), file=SAMPLES["wav"])

    assert answer.status == 200, answer.body
    assert (answer.json["provider"], bool(answer.json["text"])) == (provider, True)


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_format_is_known_by_its_bytes(sample: str):
    expected = sample.removesuffix("_tagged")

    assert detect(SAMPLES[sample]) == {"opus": "ogg", "mpga": "mp3"}.get(expected, expected)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"hello", b"%PDF-1.7", b"RIFF\0\0\0\0AVI ", b"\x89PNG\r\n\x1a\n"]
)
def test_other_files_are_no_audio(data: bytes):
    assert detect(data) is None


@pytest.mark.parametrize("sample", sorted(SAMPLES))
async def test_every_format_is_taken_whatever_its_name(gateway: Gateway, sample: str):
    gateway.add("huggingface", "ok", task="transcription")

    answer = await transcribe(gateway.client, file=SAMPLES[sample], name="file.bin")

    assert answer.status == 200, answer.body


async def test_upstream_gets_an_ending_that_fits_the_bytes(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    await transcribe(gateway.client, file=SAMPLES["flac"], name="speech.mp3")

    assert 'filename="audio.flac"' in gateway.fake.journal[0].body


async def test_formats_go_where_they_are_taken(gateway: Gateway):
    add(gateway, "groq", WHISPER)
    add(gateway, "gemini", "ok")

    aac = await transcribe(gateway.client, file=SAMPLES["aac"])
    webm = await transcribe(gateway.client, file=SAMPLES["webm"])

    assert (aac.json["provider"], webm.json["provider"]) == ("gemini", "groq")


async def test_format_that_nobody_takes_is_a_400(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, file=SAMPLES["aac"])

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "aac" in answer.error["message"]


async def test_text_file_is_a_400_that_names_the_file(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, file=b"not audio at all", name="speech.mp3")

    assert (answer.status, answer.error["param"], answer.error["code"]) == (
        400,
        "file",
        "unsupported_file_type",
    )
    assert gateway.fake.journal == []


def sized(megabytes: float) -> bytes:
    return SAMPLES["mp3"].ljust(int(megabytes * MIB), b"\0")


async def test_twenty_one_megabytes_skip_gemini(gateway: Gateway):
    add(gateway, "gemini", "ok")
    add(gateway, "groq", "error_500")

    answer = await transcribe(gateway.client, file=sized(21))

    assert (answer.status, answer.error["provider"]) == (502, "groq")
    assert [event.provider for event in gateway.events()] == ["groq"]


async def test_twenty_one_megabytes_for_gemini_alone_are_a_413(gateway: Gateway):
    add(gateway, "gemini", "ok")

    answer = await transcribe(gateway.client, file=sized(21))

    assert (answer.status, answer.error["code"], answer.error["param"]) == (413, "request_too_large", "file")


async def test_twenty_five_megabytes_pass(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, file=sized(25))

    assert answer.status == 200, answer.body


@pytest.mark.parametrize("megabytes", [25.01, 26, 27])
async def test_more_than_twenty_five_megabytes_are_a_413(gateway: Gateway, megabytes: float):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, file=sized(megabytes))

    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert gateway.fake.journal == []


async def test_verbose_json_has_segments_and_own_fields(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    body = (await transcribe(gateway.client, ("response_format", "verbose_json"))).json

    assert body.keys() >= {"task", "language", "duration", "text", "segments", "provider", "latency_ms"}
    assert body["segments"][1] == body["segments"][1] | {
        "id": 1,
        "start": 1.5,
        "end": 3.0,
        "no_speech_prob": 0.01,
    }
    assert "words" not in body


async def test_words_come_when_asked_for(gateway: Gateway):
    add(gateway, "groq", WHISPER)
    asked = [("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment")]

    body = (await transcribe(gateway.client, ("response_format", "verbose_json"), *asked)).json

    assert body["words"][0].keys() == {"word", "start", "end"}
    assert body["segments"]


@pytest.mark.parametrize(
    ("response_format", "start"),
    [
        ("srt", "1\n00:00:00,000 --> 00:00:01,500\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n"),
    ],
)
async def test_subtitles_are_made_of_segments(gateway: Gateway, response_format: str, start: str):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, ("response_format", response_format))

    assert answer.body.decode().startswith(start)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-freeai-provider"] == "groq"


async def test_text_is_text(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    text = await transcribe(gateway.client, ("response_format", "text"))
    json = await transcribe(gateway.client)

    assert text.body.decode() == json.json["text"] + "\n"
    assert text.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("response_format", ["srt", "vtt", "verbose_json"])
async def test_times_that_nobody_gives_are_a_400(gateway: Gateway, response_format: str):
    add(gateway, "gemini", "ok")

    answer = await transcribe(gateway.client, ("response_format", response_format))

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "segments" in answer.error["message"]


async def test_what_is_lost_on_the_way_is_said(gateway: Gateway):
    add(gateway, "mistral", "ok")

    answer = await transcribe(gateway.client, ("prompt", "names"), ("language", "en"))

    assert answer.headers["x-freeai-dropped"] == "prompt"


async def test_cohere_needs_the_language(gateway: Gateway):
    add(gateway, "cohere", "ok")

    without = await transcribe(gateway.client)
    with_it = await transcribe(gateway.client, ("language", "en"), ("prompt", "names"))

    assert (without.status, without.error["code"]) == (400, "no_capable_provider")
    assert "language" in without.error["message"]
    assert with_it.status == 200, with_it.body


async def test_named_model_is_never_left(gateway: Gateway):
    add(gateway, "groq", "error_500")
    add(gateway, "gemini", "ok")

    answer = await transcribe(gateway.client, ("model", "error_500"))

    assert (answer.status, answer.error["provider"]) == (502, "groq")


async def test_pinned_provider_without_fallback_is_the_only_one(gateway: Gateway):
    add(gateway, "groq", "error_500")
    add(gateway, "gemini", "ok")

    answer = await transcribe(gateway.client, ("preferred_provider", "groq"), ("fallback", "false"))

    assert (answer.status, answer.error["provider"]) == (502, "groq")


async def test_silence_is_an_answer(gateway: Gateway):
    add(gateway, "groq", "empty")

    answer = await transcribe(gateway.client, ("response_format", "srt"))

    assert (answer.status, answer.body) == (200, b"")


async def test_audio_takes_tokens_where_they_are_counted(gateway: Gateway):
    add(gateway, "gemini", "ok", limits=[Limit("tokens", "minute", 2_000)])

    small = await transcribe(gateway.client)
    large = await transcribe(gateway.client, file=sized(2))

    assert small.status == 200
    assert (large.status, large.error["code"], large.error["param"]) == (413, "request_too_large", "file")


async def test_audio_is_not_too_long_for_tokens_that_it_does_not_take(gateway: Gateway):
    add(gateway, "groq", "ok", limits=[Limit("tokens", "minute", 2_000)])

    assert (await transcribe(gateway.client, file=sized(2))).status == 200


async def test_missing_times_are_a_parsing_error(gateway: Gateway):
    add(gateway, "huggingface", "ok", capabilities={"segments"})

    answer = await transcribe(gateway.client, ("response_format", "srt"))

    assert answer.status == 502
    assert gateway.events()[0].error_kind == "parsing"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ([("language", "english")], "language"),
        ([("language", "en-US")], "language"),
        ([("language", "xx")], "language"),
        ([("temperature", "hot")], "temperature"),
        ([("temperature", "1.5")], "temperature"),
        ([("temperature", "nan")], "temperature"),
        ([("response_format", "diarized_json")], "response_format"),
        ([("timestamp_granularities[]", "word")], "timestamp_granularities[]"),
        (
            [("response_format", "verbose_json"), ("timestamp_granularities[]", "letter")],
            "timestamp_granularities[]",
        ),
        ([("stream", "true")], "stream"),
        ([("fallback", "maybe")], "fallback"),
        ([("preferred_provider", "nobody")], "preferred_provider"),
        ([("prompt", "x" * 70_000)], "prompt"),
        ([("model", "x" * 300)], "model"),
        ([("model", "a b")], "model"),
        ([("a b", "1")], None),
        ([("x;y", "1")], None),
    ],
)
async def test_bad_fields_are_named(gateway: Gateway, fields: list[tuple[str, str]], param: str | None):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, *fields)

    assert (answer.status, answer.error["param"]) == (400, param)
    assert gateway.fake.journal == []


async def test_missing_file_is_named(gateway: Gateway):
    add(gateway, "groq", WHISPER)

    answer = await transcribe(gateway.client, ("model", "whisper-1"), file=None)

    assert (answer.status, answer.error["param"]) == (400, "file")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=", b"--x--"),
        ("multipart/form-data; boundary=b0undary", b""),
        ("multipart/form-data; boundary=other", form()),
        ("multipart/form-data; boundary=b0undary", form(*[(f"f{n}", "v") for n in range(100)])),
        ("multipart/form-data; boundary=b0undary", form(*[(f"f{n}", "v") for n in range(2_000)])),
        ("multipart/form-data; boundary=b0undary", form(("a", "x" * 6_000_000))),
    ],
)
async def test_bodies_that_are_no_such_form_are_a_400(gateway: Gateway, content_type: str, body: bytes):
    add(gateway, "groq", WHISPER)

    answer = await gateway.client.request(
        "POST", "/v1/audio/transcriptions", body, {"content-type": content_type}
    )

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


async def test_second_file_is_a_400(gateway: Gateway):
    add(gateway, "groq", WHISPER)
    extra = form(file=SAMPLES["wav"]).removesuffix(b"--b0undary--\r\n")

    answer = await gateway.client.request(
        "POST",
        "/v1/audio/transcriptions",
        extra + form(),
        {"content-type": "multipart/form-data; boundary=b0undary"},
    )

    assert (answer.status, answer.error["param"]) == (400, "file")


async def test_wrong_key_is_refused_before_the_form_is_read(gateway: Gateway):
    gateway.client.key = "fai_" + "x" * 43

    answer = await transcribe(gateway.client, file=b"")

    assert answer.status == 401


async def test_openai_sdk_uploads_and_reads_all_formats(gateway: Gateway):
    add(gateway, "groq", WHISPER)
    app: Any = LeanHandler()
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    async with http:
        sdk = AsyncOpenAI(base_url="http://gateway.test/v1", api_key=RAW_KEY, http_client=http)
        create = sdk.audio.transcriptions.create
        file = ("speech.wav", SAMPLES["wav"])

        plain = await create(model="whisper-1", file=file)
        verbose = await create(
            model="whisper-1",
            file=file,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        subtitles = await create(model="whisper-1", file=file, response_format="srt")

    assert plain.text == verbose.text
    assert verbose.segments and verbose.words
    assert subtitles.startswith("1\n00:00:00,000 --> ")


async def test_custom_provider_speaks_plain_openai(gateway: Gateway):
    gateway.add(
        "speaches", "ok", family="openai", task="transcription", preset=Preset(), capabilities={"segments"}
    )

    answer = await transcribe(gateway.client, ("response_format", "srt"))

    assert answer.body.startswith(b"1\n")
