"""POST /audio/transcriptions and /audio/translations in OpenAI's dialect: Groq, SambaNova, Cohere's compatibility endpoint, local servers.

Subtitles are made by the gateway from the segments of a verbose answer.
"""

from apps.providers.adapters.contract import TranscriptionCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.audio import (
    duration,
    form_call,
    numbered_segments,
    text_of,
    timed_words,
)
from apps.providers.adapters.shared.forms import Field
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.usage import usage_of
from apps.providers.adapters.shared.values import as_text
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.types import Offer, UpstreamRequest


def build(request: TranscriptionRequest, offer: Offer) -> UpstreamRequest:
    unsent = offer.preset.transcription.drops
    fields: list[Field] = [
        ("model", offer.model),
        *(field for field in _options(request) if field[0] not in unsent),
    ]
    return form_call(offer, fields, request)


def parse(body: bytes, offer: Offer) -> Transcript:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return Transcript(
        text=text_of(payload),
        language=as_text(payload.get("language")) or None,
        duration_s=duration(payload.get("duration")),
        segments=numbered_segments(payload.get("segments")),
        words=timed_words(payload.get("words")),
        usage=usage_of(payload, offer),
    )


def sends(name: str, request: TranscriptionRequest) -> bool:
    return True


def _options(request: TranscriptionRequest) -> list[Field]:
    timed = bool(request.needs)
    fields: list[Field] = [("response_format", "verbose_json" if timed else "json")]
    if request.language:
        fields.append(("language", request.language))
    if request.prompt:
        fields.append(("prompt", request.prompt))
    if request.temperature is not None:
        fields.append(("temperature", f"{request.temperature:g}"))
    fields += [("timestamp_granularities[]", name) for name in sorted(request.granularities)]
    return [*fields, *request.extra]


CODEC = TranscriptionCodec(build=build, parse=parse, sends=sends, translates=True)
