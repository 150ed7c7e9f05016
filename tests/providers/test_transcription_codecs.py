"""Transcription codecs: what goes out on each wire, and what comes back of answers good and bad."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from apps.gateway.endpoints.transcriptions.subtitles import srt, vtt
from apps.providers.adapters.transcription import codec_for, dropped, why_unfit
from apps.providers.catalogue_files import read_catalogue
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.presets import parse_preset
from apps.providers.types import Offer, Preset, UpstreamRequest
from apps.providers.wires import MIB, TranscriptionWire
from tests.factories import API_KEY, make_offer

CATALOGUE = {entry.name: entry for entry in read_catalogue()}
WIRES = ["openai", "mistral", "cloudflare", "huggingface"]
FILE = b"\xff\xfb\x90\x64 sound \r\n-- \x00"
TIMED = frozenset({"segments"})


def shipped(provider: str, model: str = "m") -> Offer:
    """An offer with the provider's shipped wire and base URL."""
    entry = CATALOGUE[provider]
    base_url = entry.base_url.replace("{account_id}", "acc")
    preset = parse_preset(entry.wire)
    return make_offer(provider=provider, model=model, task="transcription", preset=preset, base_url=base_url)


def plain(wire: Any = "openai", **fields: Any) -> Offer:
    preset = Preset(transcription=TranscriptionWire(wire=wire, **fields))
    return make_offer(task="transcription", model="m", preset=preset)


def request(**fields: Any) -> TranscriptionRequest:
    return TranscriptionRequest(**({"model": None, "audio": FILE, "format": "mp3"} | fields))


def built(offer: Offer, **fields: Any) -> UpstreamRequest:
    return codec_for(offer).build(request(**fields), offer)


def form(call: UpstreamRequest) -> list[tuple[str, str | bytes]]:
    """The parts of a multipart body in their order, the file as bytes."""
    kind, _, boundary = call.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    assert call.body.endswith(f"\r\n--{boundary}--\r\n".encode())
    fields: list[tuple[str, str | bytes]] = []
    for part in call.body.split(f"--{boundary}".encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = head.decode().partition('name="')[2].partition('"')[0]
        data = value.removesuffix(b"\r\n")
        fields.append((name, data if b"filename=" in head else data.decode()))
    return fields


def parsed(offer: Offer, document: Any) -> Transcript:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return codec_for(offer).parse(body, offer)


def answer(wire: str, **fields: Any) -> dict[str, Any]:
    """A good answer on this wire with these fields."""
    return {"result": fields, "success": True, "errors": []} if wire == "cloudflare" else fields


def test_groq_gets_a_form_with_the_file_last():
    call = built(
        shipped("groq", "whisper-large-v3"),
        language="en",
        prompt="Ada",
        temperature=0.5,
        extra=(("seed", "7"),),
    )

    assert call.url == "https://api.groq.com/openai/v1/audio/transcriptions"
    assert call.headers["authorization"] == f"Bearer {API_KEY}"
    assert form(call) == [
        ("model", "whisper-large-v3"),
        ("response_format", "json"),
        ("language", "en"),
        ("prompt", "Ada"),
        ("temperature", "0.5"),
        ("seed", "7"),
        ("file", FILE),
    ]


def test_file_has_an_ending_and_a_type():
    call = built(plain(), format="m4a")

    assert b'filename="audio.m4a"\r\nContent-Type: audio/mp4\r\n\r\n' + FILE in call.body


def test_times_need_the_verbose_answer():
    both = frozenset({"segment", "word"})
    call = built(plain(), needs=frozenset({"segments", "words"}), granularities=both, response_format="srt")

    fields = form(call)

    assert ("response_format", "verbose_json") in fields
    assert [value for name, value in fields if name == "timestamp_granularities[]"] == ["segment", "word"]


def test_mistral_gets_only_what_it_knows():
    offer = shipped("mistral")
    extra = (("diarize", "true"), ("seed", "7"))

    plain_form = form(built(offer, language="en", prompt="Ada", temperature=0.0, extra=extra))
    timed_form = form(built(offer, language="en", needs=TIMED, response_format="srt"))

    assert [name for name, _ in plain_form] == ["model", "language", "temperature", "diarize", "file"]
    assert [name for name, _ in timed_form] == ["model", "timestamp_granularities", "file"]


def test_cohere_transcribes_beside_its_own_api():
    call = built(shipped("cohere"), language="en", prompt="Ada")

    assert call.url == "https://api.cohere.com/compatibility/v1/audio/transcriptions"
    assert [name for name, _ in form(call)] == ["model", "response_format", "language", "file"]


def test_gemini_is_asked_to_write_down_what_it_hears():
    call = built(shipped("gemini", "gemini-2.5-flash"), language="es", prompt="Ada")

    body = orjson.loads(call.body)
    text, sound = body["contents"][0]["parts"]
    assert call.url.endswith("/v1beta/models/gemini-2.5-flash:generateContent")
    assert "es" in text["text"] and "Ada" in text["text"]
    assert sound == {"inlineData": {"mimeType": "audio/mp3", "data": b64encode(FILE).decode()}}
    assert body["generationConfig"]["temperature"] == 0


def test_cloudflare_takes_json_and_the_first_whisper_bytes():
    turbo = built(shipped("cloudflare", "@cf/openai/whisper-large-v3-turbo"), language="en", prompt="Ada")
    first = built(shipped("cloudflare", "@cf/openai/whisper"))

    assert turbo.url == (
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/run/@cf/openai/whisper-large-v3-turbo"
    )
    assert orjson.loads(turbo.body) == {
        "audio": b64encode(FILE).decode(),
        "task": "transcribe",
        "language": "en",
        "initial_prompt": "Ada",
    }
    assert (first.body, first.headers["content-type"]) == (FILE, "audio/mpeg")


def test_huggingface_gets_the_bytes():
    call = built(shipped("huggingface", "openai/whisper-large-v3"), format="flac")

    assert call.url == "https://router.huggingface.co/hf-inference/models/openai/whisper-large-v3"
    assert (call.body, call.headers["content-type"]) == (FILE, "audio/flac")


def test_verbose_answer_keeps_whispers_numbers():
    segment = {
        "id": 9,
        "seek": 0,
        "start": 0.0,
        "end": 1.5,
        "text": " Hi",
        "avg_logprob": -0.1,
        "tokens": [1],
    }
    word = {"word": "Hi", "start": 0.1, "end": 0.4}

    result = parsed(
        plain(),
        {"text": "Hi", "language": "english", "duration": 1.5, "segments": [segment], "words": [word]},
    )

    assert (result.text, result.language, result.duration_s) == ("Hi", "english", 1.5)
    assert result.segments == [segment | {"id": 0}]
    assert result.words == [word]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
def test_a_transcript_in_one_event_is_read(wire: str, end: bytes):
    body = b"event: done\ndata: " + orjson.dumps(answer(wire, text="Hi")) + b"\n\n" + end

    assert parsed(plain(wire), body).text == "Hi"


def test_mistral_segments_become_whispers():
    segments = [{"start": 0, "end": 2.5, "text": "Hi", "type": "transcription_segment"}]
    usage = {"prompt_audio_seconds": 3, "prompt_tokens": 40, "completion_tokens": 2}

    result = parsed(plain("mistral"), {"text": "Hi", "language": None, "segments": segments, "usage": usage})

    assert result.segments == [{"id": 0, "start": 0.0, "end": 2.5, "text": "Hi"}]
    assert result.duration_s == 3.0
    assert result.usage
    assert result.usage.total_tokens == 42


def test_cloudflare_words_are_taken_out_of_the_segments():
    words = [{"word": "Hi", "start": 0, "end": 1}]
    info = {"language": "en", "duration": 1.2}
    segments = [{"start": 0, "end": 1, "text": "Hi", "words": words}]

    result = parsed(
        plain("cloudflare"), answer("cloudflare", text="Hi", segments=segments, transcription_info=info)
    )

    assert result.segments == [{"id": 0, "start": 0.0, "end": 1.0, "text": "Hi"}]
    assert result.words == [{"word": "Hi", "start": 0.0, "end": 1.0}]
    assert (result.language, result.duration_s) == ("en", 1.2)


def test_huggingface_chunks_become_segments():
    chunks = [{"text": "Hi", "timestamp": [0.0, 1.5]}, {"text": "you", "timestamp": [1.5, None]}]

    result = parsed(plain("huggingface"), {"text": "Hi you", "chunks": chunks})

    assert result.segments == [
        {"id": 0, "start": 0.0, "end": 1.5, "text": "Hi"},
        {"id": 1, "start": 1.5, "end": 1.5, "text": "you"},
    ]


def test_gemini_text_is_the_transcript():
    document = {
        "candidates": [{"content": {"parts": [{"text": " Hello.\n"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 64, "candidatesTokenCount": 2},
    }

    result = parsed(plain("gemini"), document)

    assert result.text == "Hello."
    assert result.segments is None
    assert result.usage
    assert result.usage.total_tokens == 66


def test_gemini_safety_is_content_filtered():
    with pytest.raises(UpstreamError) as error:
        parsed(plain("gemini"), {"candidates": [{"finishReason": "SAFETY"}]})

    assert error.value.kind is ErrorKind.CONTENT_FILTERED


@pytest.mark.parametrize("wire", WIRES)
def test_silence_is_an_answer(wire: str):
    assert parsed(plain(wire), answer(wire, text="")).text == ""


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b"[]", b'{"text": 7}', b'{"text": null}', b'{"te'])
def test_answers_without_text_are_parsing_errors(wire: str, body: bytes):
    with pytest.raises(UpstreamError) as error:
        parsed(plain(wire), body)

    assert error.value.kind is ErrorKind.PARSING


@pytest.mark.parametrize("wire", [*WIRES, "gemini"])
def test_an_error_in_a_200_is_the_upstreams_failure(wire: str):
    with pytest.raises(UpstreamError) as error:
        parsed(plain(wire), {"error": {"message": "out of memory", "type": "server_error"}})

    assert error.value.kind is ErrorKind.SERVER_ERROR


def test_cloudflare_envelope_of_a_failure_is_one():
    with pytest.raises(UpstreamError) as error:
        parsed(
            plain("cloudflare"),
            {"result": None, "success": False, "errors": [{"code": 3040, "message": "full"}]},
        )

    assert error.value.kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize(
    "segments", [[None], ["x"], [{"start": "a", "end": None, "text": 7}], [{"start": -1, "end": -2}], [{}]]
)
def test_hostile_segments_become_empty_ones(segments: list[Any]):
    result = parsed(plain(), {"text": "Hi", "segments": segments})

    assert result.segments
    (segment,) = result.segments
    assert (segment["start"], segment["end"], segment["text"]) == (0.0, 0.0, "")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("time", [1e308, 2**63, 1e7])
def test_times_beyond_any_recording_are_times_of_subtitles(wire: str, time: float):
    segment = {"start": time, "end": time, "text": "Hi", "timestamp": [time, time]}
    said = {
        "text": "Hi",
        "duration": time,
        "segments": [segment],
        "chunks": [segment],
        "transcription_info": {"duration": time},
    }

    result = parsed(plain(wire), answer(wire, **said))

    assert result.segments
    assert "277:46:40" in srt(result.segments)
    assert "277:46:40" in vtt(result.segments)
    assert (result.duration_s or 0) <= 1e6


@pytest.mark.parametrize(
    ("provider", "fields", "detail"),
    [
        ("groq", {"format": "aac"}, "takes no aac files"),
        ("gemini", {"format": "webm"}, "takes no webm files"),
        ("mistral", {"format": "m4a"}, "takes no m4a files"),
        ("cohere", {"format": "webm", "language": "en"}, "takes no webm files"),
        ("cohere", {}, "needs `language`"),
        ("gemini", {"audio": bytes(20 * MIB + 1)}, "takes files of at most 20 MB"),
    ],
)
def test_says_why_a_file_does_not_fit(provider: str, fields: dict[str, Any], detail: str):
    misfit = why_unfit(request(**fields), shipped(provider))

    assert misfit
    assert (misfit.detail, misfit.too_large) == (detail, "audio" in fields)


@pytest.mark.parametrize("provider", ["groq", "gemini", "mistral", "huggingface", "cloudflare", "sambanova"])
def test_mp3_fits_everywhere(provider: str):
    assert why_unfit(request(audio=bytes(20 * MIB)), shipped(provider)) is None


@pytest.mark.parametrize(
    ("provider", "lost"),
    [
        ("groq", ()),
        ("gemini", ("seed",)),
        ("mistral", ("prompt", "seed")),
        ("cloudflare", ("temperature", "seed")),
        ("cohere", ("prompt",)),
        ("huggingface", ("language", "prompt", "temperature", "seed")),
    ],
)
def test_dropped_names_what_is_not_sent(provider: str, lost: tuple[str, ...]):
    wanted = request(language="en", prompt="Ada", temperature=0.5, extra=(("seed", "7"),))

    assert dropped(wanted, shipped(provider)) == lost
