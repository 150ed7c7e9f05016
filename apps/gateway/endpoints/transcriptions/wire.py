"""POST /v1/audio/transcriptions and …/translations: a form -> TranscriptionRequest, a transcript -> the format that was asked for."""

import re
from typing import Any, get_args

import orjson
from msgspec.structs import replace

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.transcriptions import subtitles
from apps.gateway.endpoints.transcriptions.languages import LANGUAGES
from apps.gateway.wire.errors import JSON, ApiError, bad_request
from apps.gateway.wire.multipart import Form
from apps.gateway.wire.names import native_model
from apps.providers.demands.transcription import (
    Granularity,
    Transcript,
    TranscriptFormat,
    TranscriptionRequest,
)
from apps.providers.sounds import detect
from apps.providers.types import Capability
from apps.providers.wires import MAX_AUDIO_BYTES, MIB, AudioFormat

FORMATS: tuple[TranscriptFormat, ...] = get_args(TranscriptFormat)
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
IGNORED_MODEL = "whisper-1"
TIMED_FORMATS = frozenset({"srt", "vtt", "verbose_json"})
GRANULARITY_FIELDS = ("timestamp_granularities[]", "timestamp_granularities")
KNOWN_FIELDS = frozenset(
    {
        "model",
        "language",
        "prompt",
        "temperature",
        "response_format",
        "preferred_provider",
        "fallback",
        "stream",
    }
    | set(GRANULARITY_FIELDS)
)
NOT_OF_TRANSLATIONS = frozenset({"language", *GRANULARITY_FIELDS})
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
FIELD_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
TEXT = "text/plain; charset=utf-8"


def parse_translation(form: Form) -> TranscriptionRequest:
    """The validated request for English. Raises ApiError 400, 413."""
    for name, _ in form.fields:
        if name in NOT_OF_TRANSLATIONS:
            raise bad_request(
                f"`{name}`: translations have no such field; they are into English.", param=name
            )
    return replace(parse(form), into_english=True)


def parse(form: Form) -> TranscriptionRequest:
    """The validated request. Raises ApiError 400, 413."""
    given = dict(form.fields)
    if _boolean(given, "stream", default=False):
        raise bad_request("`stream`: transcriptions are not streamed.", param="stream")
    sound = _file(form)
    response_format = _choice(given.get("response_format") or "json", FORMATS, "response_format")
    granularities = frozenset(
        _choice(value, GRANULARITIES, GRANULARITY_FIELDS[0])
        for name, value in form.fields
        if name in GRANULARITY_FIELDS
    )
    if granularities and response_format != "verbose_json":
        raise bad_request(
            "`timestamp_granularities[]` needs `response_format` verbose_json.", param=GRANULARITY_FIELDS[0]
        )
    return TranscriptionRequest(
        model=None if given.get("model") == IGNORED_MODEL else native_model(given.get("model")),
        audio=sound,
        format=_format(sound),
        language=_language(given),
        prompt=given.get("prompt") or None,
        temperature=_temperature(given),
        response_format=response_format,
        granularities=granularities,
        extra=_extra(form),
        preferred_provider=given.get("preferred_provider") or None,
        fallback=_boolean(given, "fallback", default=True),
        needs=_needs(response_format, granularities),
    )


def _extra(form: Form) -> tuple[tuple[str, str], ...]:
    """Fields that are passed on as they came; their names become part of another form. Raises ApiError(400)."""
    extra = [(name, value) for name, value in form.fields if name not in KNOWN_FIELDS]
    for name, _ in extra:
        if not FIELD_NAME.fullmatch(name):
            raise bad_request("A form field has a name with other than letters, digits and `_.-[]`.")
    return tuple(extra)


def _file(form: Form) -> bytes:
    sound = form.files.get("file")
    if sound is None:
        raise bad_request("`file`: missing; it must be an audio file.", param="file")
    if unknown := sorted(set(form.files) - {"file"}):
        raise bad_request(f"`{unknown[0][:100]}`: files are taken as `file` only.", param=unknown[0][:100])
    if len(sound) > MAX_AUDIO_BYTES:
        message = f"`file`: larger than {MAX_AUDIO_BYTES // MIB} MB."
        raise ApiError(413, message, param="file", code="request_too_large")
    return sound


def _format(sound: bytes) -> AudioFormat:
    found = detect(sound)
    if found is None:
        raise bad_request(
            "`file`: not an audio file; flac, m4a, mp3, mp4, mpeg, mpga, ogg, opus, wav, webm and aac are taken.",
            param="file",
            code="unsupported_file_type",
        )
    return found


def _language(given: dict[str, str]) -> str | None:
    language = (given.get("language") or "").lower() or None
    if language is not None and language not in LANGUAGES:
        raise bad_request("`language`: must be an ISO 639-1 code, such as `en`.", param="language")
    return language


def _temperature(given: dict[str, str]) -> float | None:
    text = given.get("temperature") or None
    if text is None:
        return None
    try:
        temperature = float(text)
    except ValueError:
        temperature = -1.0
    if not 0 <= temperature <= 1:
        raise bad_request("`temperature`: must be a number from 0 to 1.", param="temperature")
    return temperature


def _boolean(given: dict[str, str], name: str, *, default: bool) -> bool:
    text = given.get(name) or ""
    if not text:
        return default
    if text.lower() not in BOOLEANS:
        raise bad_request(f"`{name}`: must be true or false.", param=name)
    return BOOLEANS[text.lower()]


def _choice(value: str, allowed: tuple[Any, ...], name: str) -> Any:
    if value not in allowed:
        raise bad_request(f"`{name}`: must be one of {', '.join(allowed)}.", param=name)
    return value


def _needs(response_format: str, granularities: frozenset[Granularity]) -> frozenset[Capability]:
    """Whisper's verbose answer has segments unless only words were asked for; subtitles are made of segments."""
    if response_format not in TIMED_FORMATS:
        return frozenset()
    needs: set[Capability] = set()
    if not granularities or "segment" in granularities:
        needs.add("segments")
    if "word" in granularities:
        needs.add("words")
    return frozenset(needs)


def render(request: TranscriptionRequest, transcript: Transcript, members: JSONObject) -> tuple[bytes, str]:
    """(body, content type). `members` are FreeAI's own fields of the JSON formats."""
    match request.response_format:
        case "text":
            return f"{transcript.text}\n".encode(), TEXT
        case "srt":
            return subtitles.srt(transcript.segments or ()).encode(), TEXT
        case "vtt":
            return subtitles.vtt(transcript.segments or ()).encode(), TEXT
        case "verbose_json":
            return orjson.dumps(_verbose(request, transcript) | members), JSON
        case _:
            return orjson.dumps({"text": transcript.text, **members}), JSON


def _verbose(request: TranscriptionRequest, transcript: Transcript) -> JSONObject:
    body: JSONObject = {
        "task": "translate" if request.into_english else "transcribe",
        "language": transcript.language or "",
        "duration": _duration(transcript),
        "text": transcript.text,
    }
    if transcript.segments is not None:
        body["segments"] = transcript.segments
    if transcript.words is not None:
        body["words"] = transcript.words
    return body


def _duration(transcript: Transcript) -> float:
    """As the upstream says, else up to the end of the last segment or word."""
    if transcript.duration_s is not None:
        return transcript.duration_s
    ends = [float(part["end"]) for part in (*(transcript.segments or ()), *(transcript.words or ()))]
    return max(ends, default=0.0)
